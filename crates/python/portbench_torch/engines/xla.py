"""`torch-xla`: PyTorch/XLA on a CPU, the rehearsal of the XLA line of torch-neuronx on another device.

Operations are collected and become one graph of XLA when a step is marked; each entry is one graph, compiled at its
first execution and never again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from portbench_torch.engines.base import Engine, Executable, Run
from portbench_torch.engines.surroundings import look
from portbench_torch.errors import unavailable
from portbench_torch.functional import FunctionalTrainer
from portbench_torch.graph import Graph, Program

# Names a directory that the graph of every entry is written to, as HLO text.
VARIABLE = "PORTBENCH_XLA_HLO"

# A CPU would otherwise skip roundings to bf16 and f16 that the program asks for.
FLAGS = "--xla_allow_excess_precision=false"


class Refused(RuntimeError):
    """A graph that is not what was asked for: compiled again, partly run outside of XLA, or of dynamic shape."""


class Xla(Engine):
    """Lazy tensors: what an execution records is compiled as one graph."""

    name = "torch-xla"
    static = True
    fold = False
    # Views of inference tensors are refused by its functional form of them.
    inference = torch.no_grad

    def open(self, device: str) -> torch.device:
        if device != "cpu":
            raise unavailable(f"{self.name} on `{device}`", "its device is cpu")
        look(compiles=False)
        # Read when the library is loaded.
        os.environ["PJRT_DEVICE"] = "CPU"
        os.environ["XLA_FLAGS"] = " ".join(filter(None, (os.environ.get("XLA_FLAGS"), FLAGS)))
        try:
            import torch_xla  # noqa: PLC0415
            from torch_xla.core import xla_model  # noqa: PLC0415
            from torch_xla.debug import metrics  # noqa: PLC0415
        except ImportError as error:
            hint = "run scripts/setup-python, or install torch_xla of the version of torch"
            raise unavailable(f"torch_xla ({error})", hint) from error
        self.library, self.model, self.metrics = torch_xla, xla_model, metrics
        self.pending: list[torch.Tensor] = []
        return torch_xla.device()

    def versions(self) -> dict[str, str]:
        return {**super().versions(), "torch_xla": self.library.__version__}

    def settings(self) -> dict[str, str]:
        return {
            # XLA takes a thread for each core that the process may use.
            "threads": str(len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else str(os.cpu_count()),
            "compiler": "XLA, one graph an entry, static shapes",
            "xla-flags": os.environ["XLA_FLAGS"],
            "barrier": "read-back of one element of every execution",
        }

    def numerics(self, tf32: bool) -> None:
        super().numerics(tf32)
        self.library._XLAC._xla_set_mat_mul_precision("high" if tf32 else "highest")

    def run(self, executable: Executable, graph: Graph) -> Run:
        return Traced(executable, graph)

    def trainer(self, program: Program, executable: Executable) -> FunctionalTrainer:
        return FunctionalTrainer(program, executable.weights, self.to_device)

    def to_device(self, value: torch.Tensor) -> torch.Tensor:
        # `Tensor.to` makes constants of 0 and 1, and with them other graphs.
        return self.model.send_cpu_data_to_device([value], self.device)[0]

    def settle(self) -> None:
        self.library.sync()

    def synchronize(self) -> None:
        for probe in self.pending:
            probe.cpu()
        self.pending.clear()

    def compiled(self) -> int:
        """Graphs compiled so far."""
        return self.metrics.counter_value("UncachedCompile") or 0

    def left(self) -> dict[str, int]:
        """Ops that ran outside of XLA so far, and how often."""
        names = (name for name in self.metrics.counter_names() if name.startswith("aten::"))
        return {name: self.metrics.counter_value(name) for name in names}

    def memory(self) -> None:
        self.pending.clear()


class Traced(Run):
    """An entry whose operations become one graph of XLA."""

    def executor(self) -> Callable[[], None]:
        record = super().executor()
        engine: Any = self.executable.engine
        self.first = True

        def execute() -> None:
            if self.first:
                left = engine.left()
            record()
            probe = self._probe()
            if self.first:
                self._inspect(left, probe)
            before = engine.compiled()
            engine.library.sync()
            engine.pending.append(probe)
            if not self.first and engine.compiled() != before:
                raise Refused(f"entry `{self.graph.name}` was compiled a second time")
            self.first = False

        return execute

    def _probe(self) -> torch.Tensor:
        """One element of what this execution computes, which is there when the graph has run."""
        smallest = min(self.results or self._states(), key=torch.Tensor.numel)
        with torch.no_grad():
            # A reshaped view alone would leave nothing to compute of a result that is an input.
            return smallest.reshape(-1)[:1].clone()

    def _states(self) -> list[torch.Tensor]:
        return [self.executable.states[name] for name in self.entry.states]

    def _inspect(self, before: dict[str, int], probe: torch.Tensor) -> None:
        """Looks at the graph before it is compiled for the first time."""
        engine: Any = self.executable.engine
        left = sorted(name for name, count in engine.left().items() if count != before.get(name, 0))
        if left:
            raise Refused(f"entry `{self.graph.name}` ran outside of XLA: {', '.join(left)}")
        hlo = engine.library._XLAC._get_xla_tensors_hlo([*self.results, *self._states(), probe])
        if "[<=" in hlo or ",<=" in hlo:
            raise Refused(f"entry `{self.graph.name}` has a dynamic dimension")
        directory = os.environ.get(VARIABLE)
        if directory:
            name = f"{self.executable.program.name}-{self.graph.name}.hlo.txt"
            Path(directory).joinpath(name).write_text(hlo)
