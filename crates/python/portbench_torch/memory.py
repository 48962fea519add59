"""Memory of the processes that this one has started: the compiler's, while it compiles."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from types import TracebackType

# Seconds between two looks.
PERIOD = 0.25


class Sampled:
    """Within it: most resident bytes that descendants of this process had together, as far as they were seen."""

    def __init__(self) -> None:
        self.most: int | None = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Sampled:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.stop.wait(PERIOD):
            seen = descendants()
            if seen:
                self.most = max(self.most or 0, seen)


def descendants() -> int:
    """Resident bytes of every descendant of this process; nothing where there is no /proc."""
    children: dict[int, list[tuple[int, int]]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        # Processes end while they are looked at.
        with contextlib.suppress(OSError, ValueError, IndexError):
            # After the name, which may hold anything, in parentheses.
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            entry = (int(path.parent.name), int(fields[21]))
            children.setdefault(int(fields[1]), []).append(entry)
    pages, waiting = 0, [os.getpid()]
    while waiting:
        for pid, resident in children.pop(waiting.pop(), []):
            pages += resident
            waiting.append(pid)
    return pages * os.sysconf("SC_PAGE_SIZE")
