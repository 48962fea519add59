"""What the environment says to the engines for Neuron."""

from __future__ import annotations

import os
from pathlib import Path

# The device family to compile for (trn1, trn2, trn3, inf2); without it that of the host.
TARGET = "PORTBENCH_NEURON_TARGET"
# Physical cores to a logical one, as the runtime reads it; `--lnc` is held equal to it.
LNC = "NEURON_LOGICAL_NC_CONFIG"
# The directory of compiled entries, and of compilations that failed.
CACHE = "PORTBENCH_NEURON_CACHE"
# What was chosen of the flags of neuronx-cc, as written on the command line.
FLAGS = "PORTBENCH_NEURON_FLAGS"
# Seconds that a compilation may take; and the descriptor on which it says to whoever watches what it compiles.
LIMIT = "PORTBENCH_NEURON_LIMIT"
ANNOUNCED = "PORTBENCH_NEURON_ANNOUNCED"


def cache_directory() -> str:
    """Where artefacts are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return os.environ.get(CACHE) or str(Path(base) / "portbench" / "neuron")
