"""The worker of an engine that compiles for minutes, watched: what it was compiling when it was ended is kept.

The one that measures is a process of its own; it has this one's standard input and output, and nothing passes through
here. Where it is killed while it compiles, or would be because its trial's time is up, this one says so in its place.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import sys

from portbench_torch.watched import Watched

# Engines whose workers are watched.
ENGINES = ("neuron-trace",)


def watched(engine: str, device: str, limit: float | None) -> int:
    """Serves one job. `limit` is when whoever started this one ends it, in seconds from now."""
    if os.getpgrp() != os.getpid():
        # Everything that is started here is ended with this group.
        os.setpgid(0, 0)
    command = [sys.executable, "-m", "portbench_torch", "worker", "--engine", engine, "--device", device]
    process = Watched([*command, "--unwatched"], os.environ, own_group=False)
    # Before that end, so that there is time left to say it.
    patience = math.inf if limit is None else limit - max(2.0, 0.02 * limit)
    status = process.wait(patience, alive)
    if status is not None and status >= 0:
        return status
    failed = process.failure(status)
    if failed is None:
        die(-(status or 0))
        return 1
    say({"message": "failed", "failure": kind(engine, failed), "text": failed["text"]})
    os.killpg(os.getpgrp(), signal.SIGKILL)
    return 1


def alive(entry: str, seconds: float) -> None:
    """A compiler may be silent for longer than a worker may."""
    say({"message": "progress", "fraction": None, "detail": f"compiling `{entry}` for {seconds:.0f} s"})


def kind(engine: str, failed: dict) -> dict:
    """The failure in the words of the protocol."""
    if failed["kind"] == "unsupported":
        op = {"entry": failed["entry"], "op": failed["op"] or engine, "scope": "", "reason": failed["text"]}
        return {"kind": "unsupported", "ops": [op]}
    return {"kind": {"failed": "error"}.get(failed["kind"], failed["kind"])}


def say(message: dict) -> None:
    """Writes a line at once: short, so that it is whole among others."""
    os.write(1, f"{json.dumps(message)}\n".encode())


def die(number: int) -> None:
    """Ends as the worker did, for whoever reads how it ended."""
    with contextlib.suppress(OSError, ValueError):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
