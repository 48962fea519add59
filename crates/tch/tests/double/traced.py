"""Saves a module that calls the double of libtorchneuron.so as a traced one calls the real library: LIBRARY FILE."""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn

torch.ops.load_library(sys.argv[1])


class Traced(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = torch.classes.neuron.Model("twice-plus-one", "")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        results = torch.ops.neuron.forward_v2([x], self.model)
        return results[0], results[1]


torch.jit.save(torch.jit.script(Traced().eval()), sys.argv[2])
