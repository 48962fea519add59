"""Compiling with torch_neuronx.trace: the module that is traced, the flags, and the artefact."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from portbench_torch import native
from portbench_torch.engines.lines import Installed
from portbench_torch.environment import ANNOUNCED, LIMIT, LNC, TARGET, cache_directory
from portbench_torch.errors import unavailable

# What the runtime says when a core that it is given belongs to another process.
HELD = "NeuronCore(s) not available"
# Seconds, where nobody watches.
FOREVER = 1 << 62


@dataclass(frozen=True)
class Flags:
    """What neuronx-cc is told: every flag explicitly."""

    target: str
    args: tuple[str, ...]
    summary: str
    lnc: str

    @classmethod
    def of(cls, target: str, installed: Installed) -> Flags:
        """The flags for a target, written by the crate portbench-neuron. Raises `unavailable`."""
        if installed.compiler is None:
            raise unavailable("neuronx-cc, which compiles,", "install the one that belongs to torch-neuronx")
        try:
            args, summary, lnc = native.load().neuron_flags(target, installed.compiler, os.environ.get(LNC))
        except ValueError as error:
            raise unavailable(f"flags for neuronx-cc ({error})", f"correct {TARGET} or {LNC}") from error
        os.environ[LNC] = lnc
        return cls(target, tuple(args), summary, lnc)

    @classmethod
    def of_host(cls, library: ModuleType, installed: Installed) -> Flags:
        """The flags for the target that the environment names, else for this host's."""
        target = os.environ.get(TARGET)
        if not target:
            utils = getattr(library, "utils", None)
            ask = getattr(utils, "get_platform_target", None)
            if ask is None:
                raise unavailable("the family of this host's devices", f"name it in {TARGET}: trn1, trn2, trn3 or inf2")
            target = ask()
        return cls.of(target, installed)

    def settings(self) -> dict[str, str]:
        """For the record."""
        return {"target": self.target, "neuronx-cc-flags": " ".join(self.args), "lnc": self.lnc}


class Step(nn.Module):
    """What is traced: kept tensors as parameters of the module's, inputs as arguments."""

    def __init__(
        self, function: Callable[..., tuple[Tensor, ...]], kept: Mapping[str, Tensor], order: Sequence[str]
    ) -> None:
        """`order` names every argument of `function`: one that is not kept is the next input."""
        super().__init__()
        self.names = list(kept)
        self.order = [(slot(name) if name in kept else None) for name in order]
        # A list, because a module of its own would bring its tensors a second time.
        self.function = [function]
        for name, value in kept.items():
            value = value.detach().clone(memory_format=torch.contiguous_format)  # noqa: PLW2901
            self.register_parameter(slot(name), nn.Parameter(value, requires_grad=False))

    def kept(self) -> dict[str, Tensor]:
        """The kept tensors by their names."""
        return {name: getattr(self, slot(name)) for name in self.names}

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The function's results."""
        rest = iter(inputs)
        return tuple(self.function[0](*(next(rest) if name is None else getattr(self, name) for name in self.order)))


def slot(name: str) -> str:
    """A name that a parameter of a module may have, for a name of the program's: one to one."""
    return "".join(c if c.isalnum() else f"_{ord(c):x}_" for c in name)


@dataclass
class Compiled:
    """What became of an entry."""

    entry: str
    path: Path
    cached: bool
    seconds: float
    """What compiling took, now or when it was stored."""
    size: int
    memory: int
    """Resident bytes of the largest process so far, compiler included."""


class CompilationFailed(RuntimeError):
    """The compiler made no artefact, now or when it was asked before."""


class Compiler:
    """Compiles entries of one program, or finds them; what failed is not tried again until its key changes."""

    def __init__(
        self, library: ModuleType, installed: Installed, flags: Flags, program: str, without_device: bool
    ) -> None:
        """`program` is its lowered JSON form. Without a device the package is told to do without one."""
        self.library, self.flags, self.program = library, flags, program
        self.without_device = without_device
        versions = [f"torch {installed.torch}", *(f"{k} {v}" for k, v in installed.versions().items()), sources()]
        self.key = ", ".join(versions)
        self.cache = native.load().Artefacts(cache_directory(), program, self.key, flags.summary)
        self.limit = int(os.environ.get(LIMIT, "0")) or FOREVER
        self.done: list[Compiled] = []

    def entry(self, name: str, step: Callable[[], tuple[Step, Sequence[Tensor], Mapping[str, int]]]) -> Compiled:
        """An artefact. `step` makes what is traced, examples of its inputs, and which result takes whose place.

        Raises `CompilationFailed`.
        """
        what, text, size, seconds = self.cache.find(name, self.limit)
        if what == "failure":
            raise CompilationFailed(f"entry `{name}` failed before, and nothing has changed: {text}")
        if what == "artefact":
            found = Compiled(name, Path(text), True, seconds, size, largest())
        else:
            if text:
                print(f"the cache of compiled entries dropped `{name}`: {text}", file=sys.stderr, flush=True)
            found = self._compile(name, *step())
        self.done.append(found)
        return found

    def _compile(self, name: str, step: Step, inputs: Sequence[Tensor], aliases: Mapping[str, int]) -> Compiled:
        with tempfile.TemporaryDirectory(prefix="portbench-") as directory:
            self._announce(name)
            printed, start = Path(directory) / "printed", time.perf_counter()
            try:
                with told(printed), torch.no_grad():
                    traced = self.library.trace(
                        step,
                        tuple(inputs),
                        input_output_aliases={getattr(step, slot(n)): index for n, index in aliases.items()},
                        inline_weights_to_neff=False,
                        compiler_args=list(self.flags.args),
                        compiler_workdir=str(Path(directory) / "work"),
                        **({"cpu_backend": True} if self.without_device else {}),
                    )
            except Exception as error:
                kind, number = ended(str(error))
                output = f"{printed.read_text(errors='replace')}\n{error}"
                text = self.cache.store_failure(name, kind, number, output)
                raise CompilationFailed(f"entry `{name}`: {text}") from error
            path = Path(directory) / "entry.pt"
            torch.jit.save(traced, str(path))
            seconds, size = time.perf_counter() - start, path.stat().st_size
            return Compiled(name, Path(self.cache.store(name, str(path), seconds)), False, seconds, size, largest())

    def _announce(self, entry: str) -> None:
        """Writes down what is being compiled, for whoever has to say what was ended."""
        path = os.environ.get(ANNOUNCED)
        if path:
            known = {"program": self.program, "entry": entry, "compiler": self.key, "flags": self.flags.summary}
            Path(path).write_text(json.dumps(known))


def sources() -> str:
    """Stands for what this package emits: a hash of its text."""
    text = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py")))
    return f"portbench_torch {hashlib.sha256(text).hexdigest()[:12]}"


def largest() -> int:
    """Resident bytes of the largest of this process and those that it has waited for, at their most."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def ended(message: str) -> tuple[str, int]:
    """How the compiler ended, from the exception's text: by a signal or with an exit status."""
    found = re.search(r"failed with (?:exit code |status )?(-?\d+)", message)
    number = int(found[1]) if found else 1
    return ("signal", -number) if number < 0 else ("exit", number)


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Sends what anything prints to a file, and then to standard error."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with path.open("wb") as file:
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            os.close(kept[0])
            os.close(kept[1])
    sys.stderr.write(path.read_text(errors="replace"))
    sys.stderr.flush()


class Loaded:
    """A saved entry, loaded onto a core."""

    def __init__(self, library: ModuleType, path: Path, core: int, weights: Mapping[str, Tensor]) -> None:
        """`weights` are the kept tensors that nothing takes the place of."""
        try:
            self.module = torch.jit.load(str(path))
            if weights:
                library.replace_weights(self.module, {slot(name): value for name, value in weights.items()})
            # Before this, weights would cross at every call.
            library.move_trace_to_device(self.module, core)
        except RuntimeError as error:
            if HELD not in str(error):
                raise
            cores = os.environ.get("NEURON_RT_VISIBLE_CORES", "")
            hint = f"another process holds it: neuron-ls names it; end that, or take another core ({error})"
            raise unavailable(f"NeuronCore {cores}", hint) from error
        # The package keeps aliased tensors in `states` and the others in `weights`.
        self.tensors: dict[str, Tensor] = {}
        for part in ("weights", "states"):
            holder = getattr(self.module, part, None)
            if holder is not None:
                self.tensors.update(holder.named_parameters())

    def put(self, name: str, value: Tensor) -> None:
        """Gives a kept tensor its value."""
        with torch.no_grad():
            self.tensors[slot(name)].copy_(value)

    def get(self, name: str) -> Tensor:
        """A kept tensor, where it lies."""
        return self.tensors[slot(name)]
