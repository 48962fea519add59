"""From an entry of a program to a function of PyTorch calls, written by torch.fx: ordinary code, one line a node."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from portbench_torch import kernels, ops
from portbench_torch.graph import Graph, Node, Program
from portbench_torch.ops import Operand, Place, Site

# Ops that PyTorch may answer with its operand's memory.
SHARING = {"reshape", "permute", "broadcast", "slice", "cast"}
# Ops whose last operand is an integer that decides what is touched.
POSITIONED = {"update-slice", "attention"}


@dataclass
class Entry:
    """A function of parameters, states, inputs, host integers and constants, in this order.

    It returns the outputs and then the states that are written late.
    """

    module: fx.GraphModule
    params: list[str]
    states: list[str]
    inputs: list[str]
    hosted: list[str]
    """Inputs that are handed over a second time, as integers."""
    constants: list[torch.Tensor]
    outputs: list[str]
    late: list[str]
    """States whose new values are results; in training the backward pass needs the old ones."""


class Aliases:
    """Which value's memory each value may share."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.roots: list[int] = []
        for i, node in enumerate(graph.nodes):
            shares = node.op in SHARING and node.args
            self.roots.append(self.roots[node.args[0]] if shares else i)

    def root(self, value: int) -> Node:
        return self.graph.nodes[self.roots[value]]

    def reads_state(self, value: int, name: str) -> bool:
        root = self.root(value)
        return root.op == "state" and root.attrs["name"] == name

    def may_write_in_place(self, index: int) -> bool:
        """Whether node `index` writes a state whose old value nobody reads afterwards."""
        graph, node = self.graph, self.graph.nodes[index]
        if node.op != "update-slice" or graph.nodes[node.args[0]].op != "state":
            return False
        name = graph.nodes[node.args[0]].attrs["name"]
        written = [v for n, v in graph.updates if n == name]
        later = [a for n in graph.nodes[index + 1 :] for a in n.args]
        escaping = [v for _, v in (*graph.outputs, *graph.updates)]
        return written == [index] and not any(self.reads_state(v, name) for v in (*later, *escaping, node.args[1]))


class Emitter:
    """Emits one entry."""

    def __init__(self, program: Program, graph: Graph, place: Place, device: torch.device, fold: bool) -> None:
        """`fold` evaluates what depends on constants alone now, instead of in every execution."""
        self.program, self.graph, self.place = program, graph, place
        self.device, self.fold = device, fold
        self.aliases = Aliases(graph)
        self.fx = fx.Graph()
        self.values: dict[int, fx.Node] = {}
        self.folded: dict[int, torch.Tensor] = {}
        self.constants: list[torch.Tensor] = []
        self.names: dict[tuple[str, str], fx.Node] = {}
        self.last: fx.Node | None = None
        self.in_place: set[int] = set()

    @property
    def returns_states(self) -> bool:
        """Whether new values of states are results, to be written by whoever called."""
        return self.place.training or self.place.pure

    def emit(self) -> Entry:
        graph = self.graph
        params, inputs = list(graph.sources("param")), list(graph.sources("input"))
        states = list(dict.fromkeys((*graph.sources("state"), *(name for name, _ in graph.updates))))
        hosted = self._hosted()
        for kind, names in {"param": params, "state": states, "input": inputs, "host": hosted}.items():
            for name in names:
                self.last = self.fx.placeholder(_identifier(f"{kind}_{name}"))
                self.names[kind, name] = self.last
        for i, node in enumerate(graph.nodes):
            self._node(i, node)
        late = self._finish()
        self.fx.lint()
        module = fx.GraphModule({}, self.fx)
        outputs = [name for name, _ in graph.outputs]
        return Entry(module, params, states, inputs, hosted, self.constants, outputs, late)

    def _hosted(self) -> list[str]:
        """Inputs that positions are read from."""
        if self.place.static:
            return []
        names: dict[str, None] = {}
        for node in self.graph.nodes:
            source = self.graph.nodes[node.args[-1]] if self._positioned(node) else None
            if source is not None and source.op == "input":
                names[source.attrs["name"]] = None
        return list(names)

    @staticmethod
    def _positioned(node: Node) -> bool:
        return node.op in POSITIONED and (node.op != "attention" or node.attrs["position"])

    def _node(self, i: int, node: Node) -> None:
        if node.is_source:
            self.values[i] = self.names[node.op, node.attrs["name"]]
            return
        if node.op in {"constant", "literal", "iota"}:
            self._constant(i, node)
            return
        site, position = self._site(i, node)
        call = ops.call(node, self.graph.arg_types(node), self.place, site)
        if self.fold and all(a in self.folded for a in node.args):
            with torch.no_grad():
                self.folded[i] = self._evaluate(call, node, position)
            return
        arguments = [self._value(a) for a in node.args]
        if position is not None:
            arguments[-1] = position
        self.values[i] = self._create(i, node, call, arguments)

    def _site(self, i: int, node: Node) -> tuple[Site, fx.Node | int | None]:
        """What is known of a node, and its position where it is known on the host."""
        if not self._positioned(node):
            return Site(), None
        in_place = not self.returns_states and self.aliases.may_write_in_place(i)
        if in_place:
            self.in_place.add(i)
        source, known = node.args[-1], self.folded.get(node.args[-1])
        if self.place.static:
            return Site(in_place=in_place), None
        if known is not None:
            return Site(hosted=True, in_place=in_place), int(known)
        given = self.graph.nodes[source]
        if given.op == "input":
            return Site(hosted=True, in_place=in_place), self.names["host", given.attrs["name"]]
        return Site(in_place=in_place), None

    def _constant(self, i: int, node: Node) -> None:
        device = self.device
        if node.op == "literal":
            self.folded[i] = ops.literal(node, device)
            return
        call = ops.call(node, (), self.place, Site())
        call.kwargs["device"] = device
        if not self.fold:
            self.values[i] = self._create(i, node, call, [])
        elif node.op == "constant":
            (shape, value), dtype = call.args, call.kwargs["dtype"]
            self.folded[i] = torch.full((), value, dtype=dtype, device=device).expand(shape)
        else:
            self.folded[i] = call.target(*call.args, **call.kwargs)

    def _value(self, i: int) -> fx.Node:
        """The value of node `i`; a folded one becomes an argument when it is first used."""
        if i not in self.values:
            with self.fx.inserting_after(self.last):
                self.last = self.fx.placeholder(f"constant_{len(self.constants)}")
            self.values[i] = self.last
            self.constants.append(self.folded[i])
        return self.values[i]

    def _create(self, i: int, node: Node, call: ops.Call, arguments: list[Any]) -> fx.Node:
        kind = "call_method" if isinstance(call.target, str) else "call_function"
        name = _identifier(f"{node.scope}_{node.attrs.get('kind', node.op)}_{i}")
        return self.fx.create_node(kind, call.target, _placed(call.args, arguments), dict(call.kwargs), name)

    def _evaluate(self, call: ops.Call, node: Node, position: int | None) -> torch.Tensor:
        arguments: list[Any] = [self.folded[a] for a in node.args]
        if position is not None:
            arguments[-1] = position
        args = _placed(call.args, arguments)
        target = getattr(args[0], call.target) if isinstance(call.target, str) else call.target
        return target(*(args[1:] if isinstance(call.target, str) else args), **call.kwargs)

    def _finish(self) -> list[str]:
        """Outputs, copied where they share memory that a later execution writes; then the states' new values.

        Returns the states that are left to be written.
        """
        graph = self.graph
        updated = {self.aliases.roots[v] for _, v in graph.updates}
        results: list[fx.Node] = []
        for _, v in graph.outputs:
            root = self.aliases.root(v)
            rewritten = (
                root.op == "state"
                or (root.op == "param" and self.program.training is not None)
                or self.aliases.roots[v] in self.in_place
                or self.aliases.roots[v] in updated
            )
            value = self._value(v)
            results.append(self.fx.call_function(kernels.contiguous_copy, (value,)) if rewritten else value)
        writes: dict[str, fx.Node] = {}
        for name, v in graph.updates:
            if v in self.in_place:
                continue
            value = self._value(v)
            if self.aliases.root(v).op == "state":
                # Another state's old value: taken before that one is written.
                value = self.fx.call_function(kernels.contiguous_copy, (value,))
            writes[name] = value
        if self.returns_states:
            self.fx.output((*results, *writes.values()))
            return list(writes)
        for name, value in writes.items():
            self.fx.call_method("copy_", (self.names["state", name], value))
        self.fx.output(tuple(results))
        return []


def emit(program: Program, graph: Graph, place: Place, device: torch.device, fold: bool) -> Entry:
    """The function of an entry."""
    return Emitter(program, graph, place, device, fold).emit()


def _placed(value: Any, arguments: list[Any]) -> Any:  # noqa: ANN401
    """The arguments of a call with operands in their places."""
    if isinstance(value, Operand):
        return arguments[value.index]
    if isinstance(value, list | tuple):
        return type(value)(_placed(v, arguments) for v in value)
    return value


def _identifier(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_")
