"""Compiling ahead: each program in a process of its own, watched, with a line of JSON for each entry."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from portbench_torch import native
from portbench_torch.environment import ANNOUNCED, CACHE, LIMIT, TARGET, cache_directory

# Names standard input in the place of a file.
STANDARD_INPUT = Path("-")


def watch(target: str, program: Path, limit: int) -> int:
    """Compiles one program in a process that is ended with everything it started when the limit is reached."""
    with tempfile.TemporaryDirectory(prefix="portbench-") as directory:
        announced = Path(directory) / "announced.json"
        if program == STANDARD_INPUT:
            program = Path(directory) / "program.json"
            program.write_text(sys.stdin.read())
        environment = {
            **os.environ,
            TARGET: target,
            CACHE: cache_directory(),
            LIMIT: str(limit),
            ANNOUNCED: str(announced),
        }
        command = [sys.executable, "-m", "portbench_torch", "compile", "--target", target, "--unwatched", str(program)]
        with subprocess.Popen(command, env=environment, start_new_session=True) as child:
            try:
                status = child.wait(limit)
            except subprocess.TimeoutExpired:
                status = None
            if status is None or status < 0:
                # What it started may outlive it.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
        if status is not None and status >= 0:
            return status
        end, number = ("limit", limit) if status is None else ("signal", -status)
        text = f"ended ({end} {number}) before it compiled anything"
        entry = ""
        if announced.is_file():
            known = json.loads(announced.read_text())
            cache = native.load().Artefacts(cache_directory(), known["program"], known["compiler"], known["flags"])
            entry = known["entry"]
            text = f"entry `{entry}`: {cache.store_failure(entry, end, number, '')}"
        print(json.dumps({"entry": entry, "outcome": "failed", "text": text}), flush=True)
        return 1
