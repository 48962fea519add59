"""Indices among the inputs, checked on the host as they are bound.

PyTorch on a CPU refuses an index out of range itself. Compilers clamp, wrap or leave it undefined, and a GPU aborts
the process. An index that is computed
on the device is not seen here.
"""

from __future__ import annotations

import torch

from portbench_torch.errors import Fault, forbidden_value
from portbench_torch.graph import Graph

# Ops that leave every element of their operand as it is.
_SAME = {"reshape", "permute", "broadcast"}


class Ranges:
    """What each input of an entry may hold, and what was bound that breaks it."""

    def __init__(self, graph: Graph) -> None:
        self.limits: dict[str, int] = {}
        self.broken: dict[str, Fault] = {}
        for node in graph.nodes:
            types = graph.arg_types(node)
            match node.op:
                case "gather" | "gather-along":
                    self._limit(graph, node.args[1], types[0].shape[node.attrs["axis"]] - 1)
                case "embedding":
                    self._limit(graph, node.args[0], types[1].shape[0] - 1)
                case "cross-entropy":
                    self._limit(graph, node.args[1], types[0].shape[1] - 1)
                case "update-slice":
                    axis = node.attrs["axis"]
                    self._limit(graph, node.args[2], types[0].shape[axis] - types[1].shape[axis])
                case "attention" if node.attrs["position"]:
                    self._limit(graph, node.args[-1], types[1].shape[2] - types[0].shape[2])

    def _limit(self, graph: Graph, value: int, limit: int) -> None:
        node = graph.nodes[value]
        while node.op in _SAME:
            node = graph.nodes[node.args[0]]
        if node.op == "input":
            name = node.attrs["name"]
            self.limits[name] = min(limit, self.limits.get(name, limit))

    def bind(self, name: str, value: torch.Tensor) -> None:
        """Looks at a value on the host."""
        self.broken.pop(name, None)
        limit = self.limits.get(name)
        if limit is None:
            return
        low, high = int(value.min()), int(value.max())
        if low < 0 or high > limit:
            worst = low if low < 0 else high
            self.broken[name] = forbidden_value(f"index {worst} is outside 0..{limit + 1}", f"input `{name}`")

    def check(self) -> None:
        """Raises what is broken."""
        if self.broken:
            raise next(iter(self.broken.values()))
