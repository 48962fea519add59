"""Compiling ahead: each program in a process of its own, watched, with a line of JSON for each entry."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from portbench_torch.environment import CACHE, LIMIT, TARGET, cache_directory
from portbench_torch.watched import Watched

# Names standard input in the place of a file.
STANDARD_INPUT = Path("-")


def watch(target: str, program: Path, limit: int, again: bool) -> int:
    """Compiles one program in a process that is ended with everything it started when the limit is reached."""
    with tempfile.TemporaryDirectory(prefix="portbench-") as directory:
        if program == STANDARD_INPUT:
            program = Path(directory) / "program.json"
            program.write_text(sys.stdin.read())
        environment = {**os.environ, TARGET: target, CACHE: cache_directory(), LIMIT: str(limit)}
        command = [sys.executable, "-m", "portbench_torch", "compile", "--target", target, "--unwatched"]
        process = Watched([*command, *(["--again"] if again else []), str(program)], environment, own_group=True)
        status = process.wait(limit)
        if status is not None and status >= 0:
            return status
        # What it started may outlive it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.child.pid, signal.SIGKILL)
        row = process.failure(status)
        if row is None:
            end = f"by signal {-status}" if status is not None else f"after {limit} s"
            row = {"text": f"ended {end} before it compiled anything; its own words stand above"}
        print(json.dumps({**row, "outcome": "failed"}), flush=True)
        return 1
