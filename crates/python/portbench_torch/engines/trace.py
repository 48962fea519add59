"""`neuron-trace`: torch_neuronx.trace, the XLA line of torch-neuronx.

Each entry is one graph that neuronx-cc compiles, saved as TorchScript and loaded again. Weights lie beside the NEFF.
What an entry writes (states; in training parameters and moments) is aliased: a result of the graph that takes its
input's place on the device. Inputs and results are tensors of the host's, and a call returns when they are there.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from portbench_torch.capture import training_step
from portbench_torch.engines import lines
from portbench_torch.engines.base import Engine, Executable, Run, host_bytes
from portbench_torch.engines.surroundings import CORES, look
from portbench_torch.errors import Fault, Unsupported, unavailable
from portbench_torch.functional import Update
from portbench_torch.graph import Graph, Node, Program, Type
from portbench_torch.neuron import Compiler, Flags, Loaded
from portbench_torch.ops import DTYPES, Place
from portbench_torch.step import Step


class Trace(Engine):
    """One TorchScript an entry, on one NeuronCore."""

    name = "neuron-trace"
    static = True
    inference = torch.no_grad
    without_device = False
    """Whether entries are merely compiled."""
    again = False
    """Whether what failed before is compiled again."""

    def open(self, device: str) -> torch.device:
        self.installed = lines.find(self.name, device, lines.XLA_LINE)
        self.library = load()
        self.flags = Flags.of_host(self.library, self.installed)
        return torch.device("cpu")

    def place(self, training: bool) -> Place:
        return Place("xla", training, static=True, pure=True)

    def versions(self) -> dict[str, str]:
        return {**super().versions(), **self.installed.versions()}

    def settings(self) -> dict[str, str]:
        return {
            **super().settings(),
            **self.flags.settings(),
            **look(compiles=True),
            "visible-cores": os.environ[CORES],
            "weights": "beside the NEFF, on the device",
            "boundary": "inputs and results in host memory; what entries share is carried through the host",
            "barrier": "the call itself: it returns results in host memory",
        }

    def refuse(self, node: Node, types: tuple[Type, ...], training: bool) -> None:
        if any(ty.dtype == "f64" for ty in (*types, node.ty)):
            raise Unsupported("Neuron devices have no f64")

    def compile(self, program: str, options: str) -> Executable:
        self.text = program
        return super().compile(program, options)

    def executable(self, program: Program) -> Shared:
        self.compiler = Compiler(self.library, self.installed, self.flags, self.text, self.without_device, self.again)
        return Shared(self, program, self.compiler)

    def run(self, executable: Executable, graph: Graph) -> Run:
        return Traced(executable, graph)

    def trainer(self, program: Program, executable: Executable) -> None:
        return None


def load() -> ModuleType:
    """The package, in an environment that leaves numerics and flags alone. Raises `unavailable`."""
    look(compiles=True)
    try:
        return importlib.import_module("torch_neuronx")
    except ImportError as error:
        raise unavailable(f"torch_neuronx ({error})", lines.WAY_OUT[lines.XLA_LINE]) from error


class Shared(Executable):
    """What entries share, each in a graph of its own: whose copy is the newest."""

    def __init__(self, engine: Engine, program: Program, compiler: Compiler) -> None:
        super().__init__(engine, program)
        self.compiler = compiler
        self.newest: dict[str, Tensor] = {}
        """Values that are not those on the host, by the names that entries use."""
        self.changes: dict[str, int] = {}
        """How often each value has changed."""
        self.steps = 0
        self.update: Update | None = None
        self.moments: list[Tensor] = []
        if program.training is not None:
            params = [self.weights.by_name[name] for name in program.trained()]
            self.update = Update(program.training, params)
            self.moments = self.update.moments(params)

    def value(self, key: str) -> Tensor:
        """The newest value, on the host."""
        kind, name = key.split(":", 1)
        if key in self.newest:
            return self.newest[key].detach().cpu()
        if kind == "moment":
            return self.moments[int(name)]
        return self.states[name] if kind == "state" else self.weights.by_name[name].detach()

    def changed(self, key: str, holder: Tensor | None) -> None:
        """Says who holds the newest value; nobody: the host."""
        self.changes[key] = self.changes.get(key, 0) + 1
        self.newest.pop(key, None)
        if holder is not None:
            self.newest[key] = holder

    def compilation(self) -> str:
        return json.dumps([found.cost() for found in self.compiler.done])

    def fetch_param(self, name: str) -> bytes:
        return host_bytes(self.value(f"param:{name}"))

    def reset_state(self) -> None:
        for name, state in self.states.items():
            state.zero_()
            self.changed(f"state:{name}", None)

    def close(self) -> None:
        self.newest.clear()
        super().close()


class Traced(Run):
    """An entry, compiled and loaded."""

    def __init__(self, executable: Shared, graph: Graph) -> None:
        super().__init__(executable, graph)
        self.shared = executable
        engine: Any = executable.engine
        self.fault: Fault | None = None
        self.kept: list[str] = []
        try:
            step, inputs = self._step()
        except Fault as fault:
            # A step that cannot be differentiated: said when it is executed, as by other engines.
            self.fault = fault
            return
        found = executable.compiler.entry(graph.name, lambda: (step, inputs, self.aliases))
        if engine.without_device:
            return
        weights = {n: v for n, v in step.kept().items() if n not in self.aliases}
        self.loaded = Loaded(engine.library, found.path, 0, weights)
        # Values of what is aliased are those of compiling, which may have been another run's.
        for name in self.aliases:
            if name in self.kept:
                self.loaded.put(name, executable.value(name))
        self.seen = dict.fromkeys(self.kept, 0)

    def _step(self) -> tuple[Step, list[Tensor]]:
        """What is traced, with examples of its inputs; sets what it keeps and which results take whose place."""
        entry, shared = self.entry, self.shared
        names = [f"param:{n}" for n in entry.params] + [f"state:{n}" for n in entry.states]
        constants = {f"constant:{i}": value for i, value in enumerate(entry.constants)}
        inputs = [torch.zeros(self.types[n].shape, dtype=DTYPES[self.types[n].dtype]) for n in entry.inputs]
        order = [*names, *(f"input:{n}" for n in entry.inputs), *constants]
        results = [*(f"output:{n}" for n in entry.outputs), *(f"state:{n}" for n in entry.late)]
        function: Callable[..., tuple[Tensor, ...]] = entry.module.forward
        moments = [f"moment:{i}" for i in range(len(shared.moments))] if self.training else []
        kept = {name: shared.value(name) for name in (*names, *moments)}
        if self.training:
            spec = shared.program.training
            assert shared.update is not None and spec is not None
            trained = shared.program.trained()
            example = [*(kept[n] for n in names), *inputs, *entry.constants]
            module, lifted = training_step(entry, trained, spec.loss, shared.update, example, shared.moments)
            function = module.forward
            captured = {f"captured:{i}": value for i, value in enumerate(lifted)}
            order += [*moments, "input:scalars", *captured]
            constants |= captured
            results += [*(f"param:{n}" for n in trained), *moments]
            inputs.append(shared.update.scalars(0))
        self.kept = list(kept)
        self.aliases = {name: index for index, name in enumerate(results) if name in kept}
        return Step(function, {**kept, **constants}, order), inputs

    def executor(self) -> Callable[[], None]:
        shared, first = self.shared, len(self.entry.params) + len(self.entry.states)
        own = slice(first, first + len(self.entry.inputs))

        def execute() -> None:
            if self.fault is not None:
                raise self.fault
            if self.ranges is not None:
                self.ranges.check()
            self._carry()
            self.results = ()
            inputs = self.arguments[own]
            if self.training:
                assert shared.update is not None
                inputs = [*inputs, shared.update.scalars(shared.steps)]
            with torch.no_grad():
                results = self.loaded.module(*inputs)
            # Aliased results follow the outputs, or are left out: documents do not say.
            self.results = results[: len(self.entry.outputs)]
            for name in self.aliases:
                shared.changed(name, self.loaded.get(name))
                self.seen[name] = shared.changes[name]
            shared.steps += self.training

        return execute

    def _carry(self) -> None:
        """Takes over what others have changed since this entry last ran."""
        for name in self.kept:
            change = self.shared.changes.get(name, 0)
            if change != self.seen[name]:
                self.loaded.put(name, self.shared.value(name))
                self.seen[name] = change
