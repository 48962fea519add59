"""What is traced for neuronx-cc: a module whose parameters are what stays on the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn


class Step(nn.Module):
    """What is traced: kept tensors as parameters of the module's, inputs as arguments."""

    def __init__(
        self, function: Callable[..., tuple[Tensor, ...]], kept: Mapping[str, Tensor], order: Sequence[str]
    ) -> None:
        """`order` names every argument of `function`: one that is not kept is the next input."""
        super().__init__()
        self.names = list(kept)
        self.order = [(slot(name) if name in kept else None) for name in order]
        # A list, because a module of its own would bring its tensors a second time.
        self.function = [function]
        for name, value in kept.items():
            value = value.detach().clone(memory_format=torch.contiguous_format)  # noqa: PLW2901
            self.register_parameter(slot(name), nn.Parameter(value, requires_grad=False))

    def kept(self) -> dict[str, Tensor]:
        """The kept tensors by their names."""
        return {name: getattr(self, slot(name)) for name in self.names}

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The function's results."""
        rest = iter(inputs)
        return tuple(self.function[0](*(next(rest) if name is None else getattr(self, name) for name in self.order)))


def slot(name: str) -> str:
    """A name that a parameter of a module may have, for a name of the program's: one to one."""
    return "".join(c if c.isalnum() else f"_{ord(c):x}_" for c in name)
