"""`neuron-native`: TorchNeuron, a device of PyTorch's own, and torch.compile with its backend.

Written from AWS's documents; there is no double of a device, and nothing but the detection has been executed.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from portbench_torch.emit import Entry
from portbench_torch.engines import lines
from portbench_torch.engines.base import Engine, Executable, Run
from portbench_torch.engines.surroundings import CORES, look
from portbench_torch.environment import TARGET
from portbench_torch.errors import Unsupported, unavailable
from portbench_torch.functional import FunctionalTrainer
from portbench_torch.graph import Graph, Node, Program, Type
from portbench_torch.neuron import Flags

# The flags that TorchNeuron hands on to neuronx-cc.
COMPILER_FLAGS = "NEURON_CC_FLAGS"
# The type of the instance, as EC2 tells it to the machine.
PRODUCT = Path("/sys/devices/virtual/dmi/id/product_name")


class FellBack(RuntimeError):
    """An entry of which ops ran on the CPU."""


class Native(Engine):
    """Each entry one graph for neuronx-cc, compiled once."""

    name = "neuron-native"
    static = True
    fold = False

    def open(self, device: str) -> torch.device:
        self.installed = lines.find(self.name, device, lines.NATIVE_LINE)
        self.surroundings = look(compiles=True)
        try:
            self.library = importlib.import_module("torch_neuronx")
        except ImportError as error:
            raise unavailable(f"torch_neuronx ({error})", lines.WAY_OUT[lines.NATIVE_LINE]) from error
        self.flags = Flags.of(target(self.library), self.installed)
        # The target it knows by itself.
        given = list(self.flags.args)
        if "--target" in given:
            at = given.index("--target")
            del given[at : at + 2]
        os.environ[COMPILER_FLAGS] = " ".join(given)
        self.fallen = counter(self.library)
        # Each entry is compiled once and for one shape; a second compilation would be a mistake, and is an error.
        torch._dynamo.config.error_on_recompile = True
        # The cores that this process sees are counted from 0.
        return torch.device("neuron", 0)

    def versions(self) -> dict[str, str]:
        return {**super().versions(), **self.installed.versions()}

    def settings(self) -> dict[str, str]:
        # That variable makes a failed compilation an error; an op without a kernel runs on the CPU all the same.
        raises = "a failed compilation is an error (TORCH_NEURONX_DISABLE_FALLBACK_EXECUTION=1)"
        counted = "an op that runs on the CPU is an error (get_fallback_ops)"
        uncounted = "ops that run on the CPU are not watched: this version counts none"
        return {
            **super().settings(),
            **self.flags.settings(),
            **self.surroundings,
            "neuronx-cc-flags": f"{os.environ[COMPILER_FLAGS]} (in {COMPILER_FLAGS})",
            "compile": "backend neuron, fullgraph, static shapes",
            "cpu-fallback": f"{raises}; {uncounted if self.fallen is None else counted}",
            "visible-cores": os.environ[CORES],
            "barrier": "torch.accelerator.synchronize",
        }

    def refuse(self, node: Node, types: tuple[Type, ...], training: bool) -> None:
        if any(ty.dtype == "f64" for ty in (*types, node.ty)):
            raise Unsupported("Neuron devices have no f64")

    def run(self, executable: Executable, graph: Graph) -> Run:
        return Watched(executable, graph)

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


class Watched(Run):
    """An entry whose first execution is looked at: no op of it may have run on the CPU."""

    def executor(self) -> Callable[[], None]:
        record = super().executor()
        engine: Any = self.executable.engine
        ask = engine.fallen
        if ask is None:
            return record
        self.first = True

        def execute() -> None:
            before = set(ask()) if self.first else set()
            record()
            if self.first:
                self.first = False
                fallen = sorted(str(op) for op in set(ask()) - before)
                if fallen:
                    raise FellBack(f"entry `{self.graph.name}` ran on the CPU in part: {', '.join(fallen)}")

        return execute


def counter(library: ModuleType) -> Callable[[], Iterable[Any]] | None:
    """What tells the ops that ran on the CPU so far, where this version has it."""
    holders = (library, getattr(torch, "neuron", None))
    return next((f for h in holders if callable(f := getattr(h, "get_fallback_ops", None))), None)


def target(library: ModuleType) -> str:
    """The family to compile for: of the environment, else of the package, else of the machine. Raises `unavailable`."""
    ask = getattr(getattr(library, "utils", None), "get_platform_target", None)
    named = os.environ.get(TARGET) or (ask() if ask is not None else None)
    if named is None and PRODUCT.is_file():
        named = PRODUCT.read_text().strip().partition(".")[0]
    if not named:
        raise unavailable("the family of this host's devices", f"name it in {TARGET}: trn2 or trn3")
    return named
