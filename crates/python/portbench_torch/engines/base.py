"""What every engine shares: the device, its description, and an executable of functions of PyTorch calls."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import platform
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import torch

from portbench_torch import ops
from portbench_torch.emit import Entry, emit
from portbench_torch.errors import Decompose, Unsupported, place_of
from portbench_torch.graph import Graph, Node, Program, Training, Type
from portbench_torch.module import Weights
from portbench_torch.ops import DTYPES, Place, Site
from portbench_torch.ranges import Ranges
from portbench_torch.training import Trainer

Executor = Callable[[], None]


class Stepper(Protocol):
    """Turns a loss into new parameters: autograd, clipping, the optimiser."""

    spec: Training

    def step(self, loss: torch.Tensor) -> None:
        """Differentiates the loss, clips, updates."""


class Engine:
    """One way of PyTorch's to execute a program, on one device."""

    name = "torch"
    static = False
    """Whether entries are compiled: then nothing may depend on values."""
    fold = True
    """Whether what depends on constants alone is computed once, instead of in every execution."""
    inference = torch.inference_mode
    """What keeps the autograd of an inference from being recorded."""

    def __init__(self, device: str) -> None:
        self.device_name = device
        self.device = self.open(device)
        threads = os.environ.get("RAYON_NUM_THREADS", "")
        if threads.isdigit() and int(threads) > 0:
            torch.set_num_threads(int(threads))
        # Modules live until the end: the collector need not look at them while something is timed.
        gc.collect()
        gc.freeze()

    def open(self, device: str) -> torch.device:
        """The device of that name. Raises `unavailable`."""
        raise NotImplementedError

    def place(self, training: bool) -> Place:
        return Place(self.device.type, training, self.static)

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__, "python": platform.python_version()}

    def settings(self) -> dict[str, str]:
        return {"threads": str(torch.get_num_threads())}

    def describe(self) -> str:
        """Who executes, as JSON of `portbench_backend::BackendInfo`."""
        return json.dumps(
            {
                "backend": self.name,
                "device": self.device_name,
                "versions": self.versions(),
                "settings": self.settings(),
            }
        )

    def support(self, op: str, args: str, result: str, training: bool) -> tuple[str, str]:
        """How an op on operands of these types would run."""
        types = tuple(Type.read(t) for t in json.loads(args))
        attrs = json.loads(op)
        node = Node(attrs.pop("op"), attrs, tuple(range(len(types))), Type.read(json.loads(result)))
        try:
            self.refuse(node, types, training)
            call = ops.call(node, types, self.place(training), Site(hosted=True))
        except Decompose as reason:
            return "decompose", str(reason)
        except Unsupported as reason:
            return "unsupported", str(reason)
        return "native", call.kernel

    def refuse(self, node: Node, types: tuple[Type, ...], training: bool) -> None:
        """Raises `Unsupported` or `Decompose` for what this engine cannot take."""

    def compile(self, program: str, options: str) -> Executable:
        """An executable that waits for its parameters."""
        chosen = json.loads(options)
        if chosen["threads"]:
            torch.set_num_threads(chosen["threads"])
        self.numerics(bool(chosen["tf32"]))
        return self.executable(Program.read(program))

    def numerics(self, tf32: bool) -> None:
        """Sets what rounds, explicitly, whatever the defaults of the version."""
        # torch 2.9 recommends settings that earlier versions lack, and that do not mix with these.
        warnings.filterwarnings("ignore", message="Please use the new API settings to control TF32")
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False

    def callable(self, entry: Entry, training: bool) -> Callable[..., tuple[torch.Tensor, ...]]:
        """What is called to execute an entry."""
        return entry.module.forward

    def executable(self, program: Program) -> Executable:
        """Holds what a program needs on the device."""
        return Executable(self, program)

    def run(self, executable: Executable, graph: Graph) -> Run:
        """What executes an entry."""
        return Run(executable, graph)

    def trainer(self, program: Program, executable: Executable) -> Stepper:
        """What turns a loss into new parameters."""
        return Trainer(program, executable.weights, self.device)

    def to_device(self, value: torch.Tensor) -> torch.Tensor:
        """A tensor of the host's, on the device."""
        return value if self.device.type == "cpu" else value.to(self.device)

    def settle(self) -> None:
        """Carries out what was merely recorded so far."""

    def synchronize(self) -> None:
        """Waits until the device has finished."""

    def memory(self) -> None:
        """Gives cached device memory back."""


class Executable:
    """A compiled program on a device: what `portbench_python` calls."""

    def __init__(self, engine: Engine, program: Program) -> None:
        self.engine, self.program, self.device = engine, program, engine.device
        self.weights = Weights(program, self.device)
        self.states = {
            name: torch.zeros(ty.shape, dtype=DTYPES[ty.dtype], device=self.device)
            for name, ty in program.state.items()
        }
        self.runs: list[Run] = []
        self.trainer: Stepper | None = None
        self.synchronize = engine.synchronize

    def load_param(self, name: str, value: bytearray) -> None:
        ty = self.program.params[name].ty
        self.weights.load(name, host_tensor(value, ty))

    def finish(self) -> list[Executor]:
        """What executes each entry."""
        if self.program.training is not None:
            self.trainer = self.engine.trainer(self.program, self)
        self.runs = [self.engine.run(self, graph) for graph in self.program.entries]
        self.engine.settle()
        return [run.executor() for run in self.runs]

    def compilation(self) -> str:
        """What compiling each entry cost, as JSON of a list of `portbench_backend::Compilation`."""
        return "[]"

    def bind(self, entry: int, name: str, value: bytearray) -> None:
        self.runs[entry].bind(name, value)

    def fetch(self, entry: int, name: str) -> bytes:
        return host_bytes(self.runs[entry].result(name))

    def fetch_param(self, name: str) -> bytes:
        return host_bytes(self.weights.by_name[name])

    def reset_state(self) -> None:
        for state in self.states.values():
            state.zero_()
        self.engine.settle()

    def close(self) -> None:
        """Gives the device's memory back."""
        self.runs.clear()
        self.states.clear()
        self.weights.by_name.clear()
        self.weights._parameters.clear()
        self.weights._modules.clear()
        self.trainer = None
        gc.collect()
        self.engine.memory()


class Run:
    """One entry of an executable: bound arguments, the function, results."""

    def __init__(self, executable: Executable, graph: Graph) -> None:
        engine, program = executable.engine, executable.program
        self.graph, self.executable, self.device = graph, executable, executable.device
        self.training = program.trains(graph)
        place = engine.place(self.training)
        self.entry = emit(program, graph, place, self.device, fold=engine.fold)
        self.function = engine.callable(self.entry, self.training)
        self.types = graph.sources("input")
        entry = self.entry
        self.arguments: list[Any] = [
            *(executable.weights.by_name[name] for name in entry.params),
            *(executable.states[name] for name in entry.states),
            *(None for _ in (*entry.inputs, *entry.hosted)),
            *entry.constants,
        ]
        first = len(entry.params) + len(entry.states)
        self.slots = {name: first + i for i, name in enumerate(entry.inputs)}
        self.host_slots = {name: first + len(entry.inputs) + i for i, name in enumerate(entry.hosted)}
        self.ranges = Ranges(graph) if engine.static or self.device.type != "cpu" else None
        self.results: tuple[torch.Tensor, ...] = ()

    def bind(self, name: str, value: bytearray) -> None:
        if name in self.host_slots:
            self.arguments[self.host_slots[name]] = int.from_bytes(value, "little", signed=True)
        if name in self.slots:
            tensor = host_tensor(value, self.types[name])
            if self.ranges is not None:
                self.ranges.bind(name, tensor)
            self.arguments[self.slots[name]] = self.executable.engine.to_device(tensor)

    def result(self, name: str) -> torch.Tensor:
        return self.results[self.entry.outputs.index(name)]

    def executor(self) -> Executor:
        if self.training:
            return self._training_step
        return self._inference

    def _inference(self) -> None:
        if self.ranges is not None:
            self.ranges.check()
        self.results = ()
        try:
            with self.executable.engine.inference():
                self.results = self.function(*self.arguments)
        except Exception as error:
            error.portbench_place = place_of(error.__traceback__)  # type: ignore[attr-defined]
            raise

    def _training_step(self) -> None:
        if self.ranges is not None:
            self.ranges.check()
        self.results = ()
        trainer = self.executable.trainer
        assert trainer is not None
        try:
            results = self.function(*self.arguments)
            trainer.step(results[self.entry.outputs.index(trainer.spec.loss)])
        except Exception as error:
            error.portbench_place = place_of(error.__traceback__)  # type: ignore[attr-defined]
            raise
        results = tuple(r.detach() for r in results)
        count = len(self.entry.outputs)
        for name, value in zip(self.entry.late, results[count:], strict=True):
            self.executable.states[name].copy_(value)
        self.results = results[:count]


def host_tensor(value: bytearray, ty: Type) -> torch.Tensor:
    """The tensor of these bytes, which it shares."""
    return torch.frombuffer(value, dtype=DTYPES[ty.dtype]).reshape(ty.shape)


def host_bytes(value: torch.Tensor) -> bytes:
    """A tensor's elements, row-major."""
    value = value.detach().cpu().contiguous()
    return ctypes.string_at(value.data_ptr(), value.numel() * value.element_size())
