"""Parameters as a plain `torch.nn.Module`, under their own dotted names."""

from __future__ import annotations

import torch
from torch import nn

from portbench_torch.graph import Program
from portbench_torch.ops import DTYPES


class Weights(nn.Module):
    """The parameters of a program: `named_parameters` and `state_dict` have the checkpoint's names."""

    def __init__(self, program: Program, device: torch.device) -> None:
        super().__init__()
        self.by_name: dict[str, nn.Parameter] = {}
        trained = set(program.trained())
        for spec in program.params.values():
            value = torch.empty(spec.ty.shape, dtype=DTYPES[spec.ty.dtype], device=device)
            parameter = nn.Parameter(value, requires_grad=spec.name in trained)
            *path, last = spec.name.split(".")
            owner: nn.Module = self
            for part in path:
                # Not through attributes: a checkpoint may use any name, such as `half` or `type`.
                owner = owner._modules.setdefault(part, nn.Module())  # type: ignore[assignment]
            owner._parameters[last] = parameter
            self.by_name[spec.name] = parameter

    def load(self, name: str, value: torch.Tensor) -> None:
        """Gives a parameter its value."""
        with torch.no_grad():
            self.by_name[name].copy_(value)
