"""The engines, by name. A missing library is reported by the engine that needs it, when it is opened."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from portbench_torch.engines.surroundings import show_core
from portbench_torch.errors import unavailable

if TYPE_CHECKING:
    from portbench_torch.engines.base import Engine

ENGINES = {
    "torch": ("eager", "Eager"),
    "torch-compile": ("compiled", "Compiled"),
    "torch-cudagraph": ("cudagraph", "Graphs"),
    "torch-xla": ("xla", "Xla"),
    "neuron-trace": ("trace", "Trace"),
    "neuron-native": ("neuron", "Native"),
}


# What has to be in the environment before torch is imported, which loads TorchNeuron by itself.
ENVIRONMENT = {"neuron-native": {"TORCH_NEURONX_DISABLE_FALLBACK_EXECUTION": "1"}}


def open_engine(name: str, device: str) -> Engine:
    """Opens an engine on a device. Raises `unavailable` with the way out."""
    if name not in ENGINES:
        raise unavailable(f"engine `{name}`", f"there are {', '.join(ENGINES)}")
    os.environ.update(ENVIRONMENT.get(name, {}))
    if device.startswith("neuron:"):
        show_core(device)
    try:
        import torch  # noqa: F401, PLC0415
    except ImportError as error:
        hint = "run scripts/setup-python, or name an interpreter that has torch in PORTBENCH_PYTHON"
        raise unavailable(f"torch ({error})", hint) from error
    module, kind = ENGINES[name]
    return getattr(importlib.import_module(f"portbench_torch.engines.{module}"), kind)(device)
