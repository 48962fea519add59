"""The environment around engines for Neuron and PyTorch/XLA: the core to use, and what would change results."""

from __future__ import annotations

import os

from portbench_torch import native
from portbench_torch.errors import unavailable

# The core that the runtime shows to this process; without it the runtime takes every core of the machine.
CORES = "NEURON_RT_VISIBLE_CORES"


def show_core(device: str) -> None:
    """Shows the runtime the one core that a device `neuron:N` is: the N-th of those that this process may use.

    Raises `unavailable`.
    """
    number = device.removeprefix("neuron:")
    if not number.isdigit() or int(number) >= 1 << 32:
        # The engine says which devices it has.
        return
    try:
        core = native.load().neuron_core(int(number))
    except ValueError as error:
        raise unavailable(f"{device} ({error})", "correct that, or name another device") from error
    os.environ[CORES] = str(core)


def look(compiles: bool) -> dict[str, str]:
    """What of the environment belongs into a record. Raises `unavailable` where it would change results unseen."""
    try:
        return native.load().neuron_environment(compiles)
    except ValueError as error:
        raise unavailable(
            f"measuring in this environment ({error})", "start portbench without that variable"
        ) from error
