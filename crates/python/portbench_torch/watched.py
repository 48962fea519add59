"""A process that compiles, watched from outside: it says through a pipe what it is at, so that somebody can keep what
it was at when it was ended.
"""

from __future__ import annotations

import json
import math
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from portbench_torch import native
from portbench_torch.environment import ANNOUNCED

# Seconds between two signs of life of a compilation.
TICK = 10.0


class Watched:
    """A running process, and the entry that it compiles if it does."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], own_group: bool) -> None:
        read, write = os.pipe()
        environment = {**environment, ANNOUNCED: str(write)}
        self.child = subprocess.Popen(command, env=environment, pass_fds=(write,), start_new_session=own_group)
        os.close(write)
        self.heard: queue.SimpleQueue[int | dict[str, str] | None] = queue.SimpleQueue()
        self.compiling: dict[str, str] | None = None
        self.since = 0.0
        reader = threading.Thread(target=self._read, args=(read,), daemon=True)
        reader.start()
        threading.Thread(target=self._wait, args=(reader,), daemon=True).start()

    def _read(self, pipe: int) -> None:
        with os.fdopen(pipe) as lines:
            for line in lines:
                self.heard.put(json.loads(line))

    def _wait(self, reader: threading.Thread) -> None:
        status = self.child.wait()
        # What it said last comes first; what it started may hold the pipe open.
        reader.join(1.0)
        self.heard.put(status)

    def wait(self, limit: float, alive: Callable[[str, float], None] | None = None) -> int | None:
        """Its exit status, or `None` where it has none after `limit` seconds.

        With `alive`, which is told of a compilation that lasts, the limit is for compiling alone.
        """
        deadline = time.monotonic() + limit
        while True:
            left = max(deadline - time.monotonic(), 0.0)
            if alive is not None:
                left = min(TICK, left) if self.compiling else math.inf
            try:
                heard = self.heard.get(timeout=left if math.isfinite(left) else None)
            except queue.Empty:
                if time.monotonic() >= deadline:
                    return None
                if alive is not None and self.compiling is not None:
                    alive(self.compiling["entry"], time.monotonic() - self.since)
                continue
            if isinstance(heard, int):
                return heard
            self.compiling, self.since = heard, time.monotonic()

    def failure(self, status: int | None) -> dict[str, Any] | None:
        """Keeps that the entry that it compiled failed with this end, `None` where its time was up.

        `None` if it compiled nothing.
        """
        known = self.compiling
        if known is None:
            return None
        end, number = ("signal", -status) if status is not None else ("limit", max(1, self.seconds()))
        printed = Path(known["printed"])
        text = printed.read_text(errors="replace") if printed.is_file() else ""
        cache = native.load().Artefacts(known["cache"], known["program"], known["compiler"], known["flags"])
        told = json.loads(cache.store_failure(known["entry"], end, number, text))
        # It had no time to do so.
        shutil.rmtree(printed.parent, ignore_errors=True)
        return {**told, "entry": known["entry"], "text": f"entry `{known['entry']}`: {told['text']}"}

    def seconds(self) -> int:
        """For how long it has compiled its entry."""
        return int(time.monotonic() - self.since)


def announce(known: Mapping[str, str] | None) -> None:
    """Says what is being compiled, or that nothing is any more, to whoever watches this process."""
    pipe = os.environ.get(ANNOUNCED)
    if pipe:
        # What the compiler starts must not hold it open.
        os.set_inheritable(int(pipe), False)
        with os.fdopen(int(pipe), "w", closefd=False) as file:
            file.write(f"{json.dumps(known)}\n")
