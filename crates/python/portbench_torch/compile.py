"""Compiling a program for `neuron-trace` on a host that need not have a device."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch

from portbench_torch import native
from portbench_torch.engines import lines
from portbench_torch.engines.trace import Trace, load
from portbench_torch.neuron import Flags


class Ahead(Trace):
    """`neuron-trace` on a host that only compiles."""

    without_device = True

    def open(self, device: str) -> torch.device:
        self.installed = lines.detect(lines.XLA_LINE)
        self.library = load()
        self.flags = Flags.of(device, self.installed)
        os.environ.setdefault("NEURON_RT_VISIBLE_CORES", "0")
        return torch.device("cpu")


def one(target: str, program: Path, again: bool) -> int:
    """Compiles one program and prints a line for each entry that there is an artefact of."""
    engines: list[Ahead] = []

    def engine() -> Ahead:
        engines.append(Ahead(target))
        engines[0].again = again
        return engines[0]

    # Standard output is for these lines alone.
    lines_out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        native.load().compile(engine, program.read_text())
        error = ""
    except RuntimeError as failure:
        error = str(failure)
    compiler = getattr(engines[0], "compiler", None) if engines else None
    for found in compiler.done if compiler else ():
        row = {**found.cost(), "outcome": "cached" if found.cached else "compiled", "path": str(found.path)}
        print(json.dumps(row), file=lines_out, flush=True)
    if error:
        known = (compiler and compiler.failed) or {"text": error}
        print(json.dumps({**known, "outcome": "failed"}), file=lines_out, flush=True)
    return 1 if error else 0
