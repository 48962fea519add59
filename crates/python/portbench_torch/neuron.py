"""Compiling with torch_neuronx.trace: the module that is traced, the flags, and the artefact."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from portbench_torch import native
from portbench_torch.engines.lines import Installed
from portbench_torch.environment import FLAGS, LIMIT, LNC, TARGET, cache_directory
from portbench_torch.errors import Fault, unavailable
from portbench_torch.memory import Sampled
from portbench_torch.step import Step, slot
from portbench_torch.watched import announce

# What the runtime says when a core that it is given belongs to another process.
HELD = "NeuronCore(s) not available"


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
            chosen = os.environ.get(FLAGS, "")
            args, summary, lnc = native.load().neuron_flags(target, installed.compiler, os.environ.get(LNC), chosen)
        except ValueError as error:
            named = [name for name in (TARGET, LNC, FLAGS) if os.environ.get(name)]
            hint = (
                f"correct {' or '.join(named)}" if named else f"name the family in {TARGET}: trn1, trn2, trn3 or inf2"
            )
            raise unavailable(f"a compilation with these flags ({error})", hint) from error
        os.environ[LNC] = lnc
        # In the compiler's words, whatever the family was called.
        return cls(summary.split()[0], tuple(args), summary, lnc)

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
        known = {"target": self.target, "neuronx-cc-flags": " ".join(self.args), "lnc": self.lnc}
        chosen = os.environ.get(FLAGS)
        return {**known, "chosen-flags": chosen} if chosen else known


@dataclass
class Compiled:
    """What became of an entry."""

    entry: str
    path: Path
    cached: bool
    seconds: float
    """What compiling took, now or when it was stored."""
    size: int
    memory: int | None
    """Most resident bytes of the compiler's processes meanwhile."""

    def cost(self) -> dict[str, object]:
        """The fields of `portbench_backend::Compilation`."""
        known = {"entry": self.entry, "cached": self.cached, "seconds": self.seconds}
        return {**known, "bytes": self.size, "memory": self.memory}


class CompilationFailed(Fault):
    """The compiler made no artefact, now or when it was asked before."""

    def __init__(self, failed: Mapping[str, str | None]) -> None:
        """`failed` is what the cache says of it, with its entry."""
        kind, text = str(failed["kind"]), str(failed["text"])
        if kind == "unsupported":
            op = failed["op"] or "(the whole entry)"
            super().__init__(text, kind, "neuronx-cc", str(failed["entry"]), op, text)
        else:
            super().__init__(text, kind, text)


class Compiler:
    """Compiles entries of one program, or finds them; what failed is not tried again until its key changes."""

    def __init__(
        self, library: ModuleType, installed: Installed, flags: Flags, program: str, without_device: bool, again: bool
    ) -> None:
        """`program` is its lowered JSON form. Without a device the package is told to do without one. `again` forgets
        what failed before.
        """
        self.library, self.flags, self.program = library, flags, program
        self.without_device, self.again = without_device, again
        versions = [f"torch {installed.torch}", *(f"{k} {v}" for k, v in installed.versions().items()), sources()]
        self.key = ", ".join(versions)
        self.cache = native.load().Artefacts(cache_directory(), program, self.key, flags.summary)
        self.limit = int(os.environ.get(LIMIT, "0")) or None
        self.done: list[Compiled] = []
        self.failed: dict[str, str | None] | None = None
        """The failure that the program ended with."""

    def entry(self, name: str, step: Callable[[], tuple[Step, Sequence[Tensor], Mapping[str, int]]]) -> Compiled:
        """An artefact. `step` makes what is traced, examples of its inputs, and which result takes whose place.

        Raises `CompilationFailed`, and whatever ended it before or beside the compiler.
        """
        what, text, size, seconds, memory = self.cache.find(name, self.limit)
        if what == "failure" and self.again:
            self.cache.forget(name)
            what, text = "nothing", "it failed, and is tried again"
        if what == "failure":
            before = "failed before, and nothing has changed"
            after = f"; kept in {self.cache.place(name)} until `portbench compile --again` forgets it"
            raise self._failure(name, json.loads(text), f" {before}", after)
        if what == "artefact":
            found = Compiled(name, Path(text), True, seconds, size, memory)
        else:
            if text:
                print(f"the cache of compiled entries dropped `{name}`: {text}", file=sys.stderr, flush=True)
            found = self._compile(name, *step())
        self.done.append(found)
        return found

    def _compile(self, name: str, step: Step, inputs: Sequence[Tensor], aliases: Mapping[str, int]) -> Compiled:
        with tempfile.TemporaryDirectory(prefix="portbench-") as directory:
            printed, work, start = Path(directory) / "printed", Path(directory) / "work", time.perf_counter()
            announce(
                {
                    "program": self.program,
                    "entry": name,
                    "compiler": self.key,
                    "flags": self.flags.summary,
                    "cache": cache_directory(),
                    "printed": str(printed),
                }
            )
            try:
                with Sampled() as sampled, told(printed), torch.no_grad():
                    traced = self.library.trace(
                        step,
                        tuple(inputs),
                        input_output_aliases={getattr(step, slot(n)): index for n, index in aliases.items()},
                        inline_weights_to_neff=False,
                        compiler_args=list(self.flags.args),
                        compiler_workdir=str(work),
                        **({"cpu_backend": True} if self.without_device else {}),
                    )
            except Exception as error:
                output = "\n".join([*logs(work), printed.read_text(errors="replace"), str(error)])
                raise self._judged(name, error, output) from error
            finally:
                announce(None)
            path = Path(directory) / "entry.pt"
            torch.jit.save(traced, str(path))
            seconds, size = time.perf_counter() - start, path.stat().st_size
            stored = Path(self.cache.store(name, str(path), seconds, sampled.most))
            return Compiled(name, stored, False, seconds, size, sampled.most)

    def _judged(self, name: str, error: Exception, output: str) -> Exception:
        """What an exception while compiling stands for. Only what the compiler itself ended with is kept."""
        end = ended(error, output)
        if end is not None:
            return self._failure(name, json.loads(self.cache.store_failure(name, *end, output)), "", "")
        if isinstance(error, FileNotFoundError) and "neuronx-cc" in str(error):
            hint = "put it on the PATH: activate the environment that it is installed in"
            return unavailable(f"neuronx-cc ({error})", hint)
        return error

    def _failure(self, name: str, failed: dict[str, str | None], before: str, after: str) -> CompilationFailed:
        self.failed = {**failed, "entry": name, "text": f"entry `{name}`{before}: {failed['text']}{after}"}
        return CompilationFailed(self.failed)


# Files of this package that decide what is traced and under which names.
TRACED = (
    "capture",
    "emit",
    "engines/trace",
    "functional",
    "graph",
    "kernels",
    "module",
    "ops",
    "step",
    "training",
)


def sources() -> str:
    """Stands for what this package has traced: a hash of its code, without comments and documentation."""
    digest = hashlib.sha256()
    for name in TRACED:
        tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text())
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [line for line in body if not is_text(line)]
        digest.update(ast.dump(tree).encode())
    return f"portbench_torch {digest.hexdigest()[:12]}"


def is_text(line: ast.stmt) -> bool:
    """Whether a line is nothing but a string: documentation."""
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


def logs(work: Path) -> list[str]:
    """What the compiler wrote into its own logs."""
    return [path.read_text(errors="replace") for path in sorted(work.rglob("log*.txt"))]


def ended(error: Exception, output: str) -> tuple[str, int] | None:
    """How neuronx-cc ended, by a signal or with an exit status; `None` where something else failed."""
    if isinstance(error, (OSError, MemoryError, ImportError)):
        return None
    found = re.search(r"neuronx-cc\b.*failed with (?:exit code |status )?(-?\d+)", str(error))
    if isinstance(error, subprocess.CalledProcessError) and "neuronx-cc" in str(error.cmd):
        number = error.returncode
    elif found:
        number = int(found[1])
    elif re.search(r"\bNCC_[A-Z]+\d{3}|\[F\d{3}\]", output):
        number = 1
    else:
        return None
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
