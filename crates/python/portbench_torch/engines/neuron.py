"""`neuron-native`: TorchNeuron, a device of PyTorch's own, and torch.compile with its backend.

Written from AWS's documents; there is no double of a device, and nothing but the detection has been executed.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable

import torch

from portbench_torch.emit import Entry
from portbench_torch.engines import lines
from portbench_torch.engines.base import Engine, Executable
from portbench_torch.errors import Unsupported, unavailable
from portbench_torch.functional import FunctionalTrainer
from portbench_torch.graph import Node, Program, Type


class Native(Engine):
    """Each entry one graph for neuronx-cc, compiled once."""

    name = "neuron-native"
    static = True
    fold = False

    def open(self, device: str) -> torch.device:
        self.installed = lines.find(self.name, device, lines.NATIVE_LINE)
        try:
            self.library = importlib.import_module("torch_neuronx")
        except ImportError as error:
            raise unavailable(f"torch_neuronx ({error})", lines.WAY_OUT[lines.NATIVE_LINE]) from error
        # Each entry is compiled once and for one shape; a second compilation would be a mistake, and is an error.
        torch._dynamo.config.error_on_recompile = True
        # The cores that this process sees are counted from 0.
        return torch.device("neuron", 0)

    def versions(self) -> dict[str, str]:
        return {**super().versions(), **self.installed.versions()}

    def settings(self) -> dict[str, str]:
        return {
            **super().settings(),
            "compile": "backend neuron, fullgraph, static shapes",
            "cpu-fallback": "off (TORCH_NEURONX_DISABLE_FALLBACK_EXECUTION=1)",
            "visible-cores": os.environ["NEURON_RT_VISIBLE_CORES"],
            "barrier": "torch.accelerator.synchronize",
        }

    def refuse(self, node: Node, types: tuple[Type, ...], training: bool) -> None:
        if any(ty.dtype == "f64" for ty in (*types, node.ty)):
            raise Unsupported("Neuron devices have no f64")

    def trainer(self, program: Program, executable: Executable) -> FunctionalTrainer:
        trainer = FunctionalTrainer(program, executable.weights, self.to_device)
        trainer.apply = torch.compile(trainer.apply, backend="neuron", fullgraph=True, dynamic=False)
        return trainer

    def callable(self, entry: Entry, training: bool) -> Callable[..., tuple[torch.Tensor, ...]]:
        return torch.compile(entry.module, backend="neuron", fullgraph=True, dynamic=False)

    def synchronize(self) -> None:
        torch.accelerator.synchronize()

    def memory(self) -> None:
        torch._dynamo.reset()
