"""The program, read from its JSON form. `portbench-graph` specifies it; the names here are the same."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Type:
    """Element type and shape of a tensor."""

    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def read(cls, value: dict[str, Any]) -> Type:
        return cls(value["dtype"], tuple(value["shape"]))

    @property
    def is_half(self) -> bool:
        return self.dtype in {"bf16", "f16"}

    @property
    def is_float(self) -> bool:
        return self.dtype in {"f64", "f32", "bf16", "f16"}


@dataclass(frozen=True)
class Node:
    """One operation; node `i` of a graph defines value `i`."""

    op: str
    attrs: dict[str, Any]
    args: tuple[int, ...]
    ty: Type
    scope: str = ""

    @classmethod
    def read(cls, value: dict[str, Any]) -> Node:
        attrs = dict(value["op"])
        op = attrs.pop("op")
        return cls(op, attrs, tuple(value.get("args", ())), Type.read(value["ty"]), value.get("scope", ""))

    @property
    def is_source(self) -> bool:
        return self.op in {"input", "param", "state"}


@dataclass(frozen=True)
class Graph:
    """One entry of a program: nodes in topological order."""

    name: str
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[str, int], ...]
    updates: tuple[tuple[str, int], ...]

    @classmethod
    def read(cls, value: dict[str, Any]) -> Graph:
        return cls(
            value["name"],
            tuple(Node.read(n) for n in value["nodes"]),
            tuple((name, v) for name, v in value["outputs"]),
            tuple((name, v) for name, v in value.get("updates", ())),
        )

    def sources(self, op: str) -> dict[str, Type]:
        """Names and types of the inputs, parameters or states that the entry reads, in order of first use."""
        return {n.attrs["name"]: n.ty for n in self.nodes if n.op == op}

    def arg_types(self, node: Node) -> tuple[Type, ...]:
        return tuple(self.nodes[a].ty for a in node.args)


@dataclass(frozen=True)
class Param:
    """A parameter shared by the entries of a program."""

    name: str
    ty: Type
    trainable: bool


@dataclass(frozen=True)
class Training:
    """What one training step is: `portbench_graph::TrainSpec`."""

    entry: str
    loss: str
    optimizer: str
    """`sgd` or `adamw`."""
    settings: dict[str, Any]
    schedule: str
    """`constant` or `warmup-cosine`."""
    rates: dict[str, float]
    clip_norm: float | None

    @classmethod
    def read(cls, value: dict[str, Any]) -> Training:
        ((optimizer, settings),) = value["optimizer"].items()
        ((schedule, rates),) = value["schedule"].items()
        return cls(value["entry"], value["loss"], optimizer, settings, schedule, rates, value["clip_norm"])


@dataclass(frozen=True)
class Program:
    """Entries that share parameters and state."""

    name: str
    params: dict[str, Param]
    state: dict[str, Type]
    entries: tuple[Graph, ...]
    training: Training | None = field(default=None)

    @classmethod
    def read(cls, text: str) -> Program:
        """Reads the JSON form of a verified program."""
        value = json.loads(text)
        return cls(
            value["name"],
            {p["name"]: Param(p["name"], Type.read(p["ty"]), p["trainable"]) for p in value["params"]},
            {s["name"]: Type.read(s["ty"]) for s in value["state"]},
            tuple(Graph.read(g) for g in value["entries"]),
            Training.read(value["training"]) if value["training"] else None,
        )

    def trains(self, graph: Graph) -> bool:
        """Whether this is the entry that one training step executes."""
        return self.training is not None and self.training.entry == graph.name

    def trained(self) -> list[str]:
        """Parameters that training updates: trainable floats that the training entry reads."""
        if self.training is None:
            return []
        read: set[str] = set()
        for graph in self.entries:
            if self.trains(graph):
                read.update(graph.sources("param"))
        return [p.name for p in self.params.values() if p.trainable and p.ty.is_float and p.name in read]
