"""What can go wrong, in the words of the harness.

The Rust side reads the attribute `portbench` of an exception, a tuple of a kind and its fields, and `portbench_place`,
the node that failed.
"""

from __future__ import annotations

import linecache
from types import TracebackType


class Fault(Exception):
    """An exception that the harness knows by its kind."""

    def __init__(self, text: str, kind: str, *fields: str) -> None:
        super().__init__(text)
        self.portbench = (kind, *fields)


def unavailable(what: str, hint: str) -> Fault:
    """The device or the software is not there. `hint` is the way out."""
    return Fault(f"{what} is not available; {hint}", "unavailable", what, hint)


def missing_gradient(param: str) -> Fault:
    """No gradient reached a trainable parameter at the first step."""
    return Fault(f"no gradient reached `{param}`", "missing-gradient", param)


def forbidden_value(message: str, place: str = "") -> Fault:
    """A value that the program forbids turned up."""
    return Fault(message, "value", place, message)


class Unsupported(Exception):
    """An op that an engine cannot run; the message is the reason."""


class Decompose(Exception):
    """A composite that an engine runs as its decomposition; the message is the reason."""


def place_of(traceback: TracebackType | None) -> str:
    """The node of a generated function in which an exception was raised, or nothing.

    torch.fx keeps the source of what it generates; each line assigns one node, and nodes are named by scope and op.
    """
    place = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file.startswith("<eval_with_key>"):
            line = linecache.getline(file, traceback.tb_lineno)
            place = line.split("=", 1)[0].strip() if "=" in line else place
        traceback = traceback.tb_next
    return f"node {place}" if place else ""
