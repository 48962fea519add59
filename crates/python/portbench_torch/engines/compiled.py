"""`torch-compile`: `torch.compile`, each entry one graph, compiled once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import torch

from portbench_torch.emit import Entry
from portbench_torch.engines.eager import Eager
from portbench_torch.errors import unavailable

# Names another backend of torch.compile's, for tests: `aot_eager` traces and differentiates as `inductor` does, and
# generates no code.
VARIABLE = "PORTBENCH_TORCH_COMPILE"


def _memory(tensor: torch.Tensor) -> int:
    """Where its memory begins, whatever part of it is seen."""
    return tensor.untyped_storage().data_ptr()


class Compiled(Eager):
    """Inductor's code, for fixed shapes and every position."""

    name = "torch-compile"
    static = True
    fold = False

    def open(self, device: str) -> torch.device:
        found = super().open(device)
        self.compiler = os.environ.get(VARIABLE, "inductor")
        if self.compiler == "inductor":
            if found.type == "cpu" and not any(shutil.which(c) for c in (os.environ.get("CXX", "g++"), "clang++")):
                hint = "install one (Debian, Ubuntu: apt-get install g++), or name it in CXX"
                raise unavailable("a C++ compiler, which Inductor needs on a CPU,", hint)
            if found.type == "cuda":
                try:
                    import triton  # noqa: F401, PLC0415
                except ImportError as error:
                    raise unavailable("triton, which Inductor needs on a GPU,", "pip install triton") from error
        # Each entry is compiled once and for one shape; a second compilation would be a mistake, and is an error.
        torch._dynamo.config.error_on_recompile = True
        return found

    def settings(self) -> dict[str, str]:
        return {**super().settings(), "compiler": self.compiler, "compile": "fullgraph, static shapes"}

    def callable(self, entry: Entry, training: bool) -> Callable[..., tuple[torch.Tensor, ...]]:
        # A function of its own: guards and the count of compilations belong to a code object.
        compiled = torch.compile(entry.module, backend=self.compiler, fullgraph=True, dynamic=False)
        first, last = len(entry.params), len(entry.params) + len(entry.states)
        if training or first == last:
            return compiled

        def copied(*arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
            # Inductor drops the copy of a state that was written in place, and hands out the state itself.
            states = {_memory(state) for state in arguments[first:last]}
            return tuple(r.clone() if _memory(r) in states else r for r in compiled(*arguments))

        return copied

    def memory(self) -> None:
        # What was compiled goes with its executable.
        torch._dynamo.reset()
        super().memory()
