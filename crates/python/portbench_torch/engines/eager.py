"""`torch`: PyTorch's eager mode."""

from __future__ import annotations

import torch

from portbench_torch.engines.base import Engine
from portbench_torch.errors import unavailable


def open_device(engine: str, name: str) -> torch.device:
    """`cpu` or `cuda:N`."""
    kind, _, ordinal = name.partition(":")
    if name == "cpu":
        return torch.device("cpu")
    if kind != "cuda" or not (ordinal.isdigit() or name == "cuda"):
        raise unavailable(f"{engine} on `{name}`", "its devices are cpu and cuda:N")
    number = int(ordinal or 0)
    if not torch.cuda.is_available():
        hint = f"torch {torch.__version__} sees no GPU: check that nvidia-smi lists it and that this is a CUDA build"
        raise unavailable(f"{engine} on `{name}`", hint)
    if number >= torch.cuda.device_count():
        raise unavailable(f"{engine} on `{name}`", f"there are {torch.cuda.device_count()} GPU(s), counted from 0")
    device = torch.device("cuda", number)
    torch.cuda.set_device(device)
    return device


class Eager(Engine):
    """Every op is a call, as in a model written by hand."""

    name = "torch"

    def open(self, device: str) -> torch.device:
        return open_device(self.name, device)

    def versions(self) -> dict[str, str]:
        found = super().versions()
        if self.device.type == "cuda":
            found["cuda"] = str(torch.version.cuda)
            found["cudnn"] = str(torch.backends.cudnn.version())
        return found

    def settings(self) -> dict[str, str]:
        found = super().settings()
        if self.device.type == "cpu":
            found["simd"] = torch.backends.cpu.get_cpu_capability()
            found["mkldnn"] = str(torch.backends.mkldnn.is_available()).lower()
        else:
            found["gpu"] = torch.cuda.get_device_name(self.device)
        return found

    def synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def memory(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
