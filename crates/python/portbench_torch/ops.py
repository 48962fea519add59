"""The table: each op of the graph, and the PyTorch call that runs it.

One rule an op answers both questions: what `support` says, and what is emitted. A rule raises `Decompose` or
`Unsupported` with the reason where there is no call. `portbench_graph::Op` specifies the ops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F

from portbench_torch import kernels
from portbench_torch.errors import Decompose, Unsupported
from portbench_torch.graph import Node, Type

DTYPES = {
    "f64": torch.float64,
    "f32": torch.float32,
    "bf16": torch.bfloat16,
    "f16": torch.float16,
    "i64": torch.int64,
    "bool": torch.bool,
}


@dataclass(frozen=True)
class Place:
    """What an op is emitted for."""

    device: str
    """`cpu`, `cuda`, `xla` (whatever PyTorch/XLA lowers for) or `neuron`."""
    training: bool = False
    static: bool = False
    """What runs never depends on a value: the graph is compiled once, for every position."""
    pure: bool = False
    """Nothing is written: new values of states are results."""


@dataclass(frozen=True)
class Site:
    """What is known of one node beside its types."""

    hosted: bool = False
    """The last operand is an integer known on the host."""
    in_place: bool = False
    """The first operand is a state that nobody reads afterwards, and that takes the result."""


@dataclass(frozen=True)
class Operand:
    """Stands for the node's operand of that position in the arguments of a call."""

    index: int


@dataclass(frozen=True)
class Call:
    """A call and what the lowering report says of it."""

    kernel: str
    target: Callable[..., Any] | str
    """A function, or the name of a tensor's method."""
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)


Rule = Callable[[Node, tuple[Type, ...], Place, Site], Call]
RULES: dict[str, Rule] = {}


def rule(*ops: str) -> Callable[[Rule], Rule]:
    def add(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(ops, function))
        return function

    return add


def call(node: Node, types: tuple[Type, ...], place: Place, site: Site) -> Call:
    """How a node runs. Raises `Decompose` or `Unsupported`."""
    found = RULES.get(node.op)
    if found is None:
        raise Unsupported(f"`{node.op}` is not in this worker's table")
    return found(node, types, place, site)


def operands(types: tuple[Type, ...]) -> tuple[Operand, ...]:
    return tuple(Operand(i) for i in range(len(types)))


X, Y, Z = Operand(0), Operand(1), Operand(2)


@rule("input", "param", "state")
def _source(_node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("bound tensor", "detach", ())


@rule("constant")
def _constant(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    dtype = DTYPES[node.ty.dtype]
    # PyTorch refuses a float as the value of an integer tensor.
    value = node.attrs["value"] if node.ty.is_float else int(node.attrs["value"])
    return Call("torch.full", torch.full, (node.ty.shape, value), {"dtype": dtype})


@rule("literal")
def _literal(_node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("tensor made at compile time", literal, ())


@rule("iota")
def _iota(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("torch.arange", iota, (node.ty.shape, node.attrs["axis"], DTYPES[node.ty.dtype]))


def literal(node: Node, device: torch.device) -> torch.Tensor:
    """The tensor that a literal writes out."""
    values = torch.tensor(node.attrs["values"], dtype=torch.float64)
    return values.to(DTYPES[node.ty.dtype]).reshape(node.ty.shape).to(device)


def iota(shape: tuple[int, ...], axis: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """`0, 1, 2, ...` along an axis."""
    counted = torch.arange(shape[axis], device=device).to(dtype)
    return counted.reshape([-1 if i == axis else 1 for i in range(len(shape))]).expand(shape)


UNARY = {
    "neg": torch.neg,
    "abs": torch.abs,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "recip": torch.reciprocal,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "sin": torch.sin,
    "cos": torch.cos,
    "floor": torch.floor,
}
BINARY = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
}
COMPARE = {"eq": torch.eq, "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt, "ge": torch.ge}


@rule("unary")
def _unary(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    kind = node.attrs["kind"]
    return Call(f"torch.{UNARY[kind].__name__}", UNARY[kind], (X,))


@rule("binary")
def _binary(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    kind = node.attrs["kind"]
    return Call(f"torch.{BINARY[kind].__name__}", BINARY[kind], (X, Y))


@rule("compare")
def _compare(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    kind = node.attrs["kind"]
    return Call(f"torch.{kind}", COMPARE[kind], (X, Y))


@rule("affine")
def _affine(node: Node, types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    mul, add = node.attrs["mul"], node.attrs["add"]
    if add == 0.0:
        return Call("torch.mul", torch.mul, (X, mul))
    if mul == 1.0:
        return Call("torch.add", torch.add, (X, add))
    if types[0].is_half:
        return Call("torch.mul, torch.add in f32", kernels.affine_in_f32, (X, mul, add))
    return Call("torch.mul, torch.add", kernels.affine, (X, mul, add))


@rule("select")
def _select(_node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("torch.where", torch.where, (X, Y, Z))


@rule("cast")
def _cast(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("Tensor.to", "to", (X, DTYPES[node.attrs["to"]]))


@rule("reduce")
def _reduce(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    axes = node.attrs["axes"]
    if node.attrs["kind"] == "sum":
        return Call("torch.sum", torch.sum, (X, axes), {"keepdim": True})
    return Call("torch.amax", torch.amax, (X, axes), {"keepdim": True})


@rule("arg-max")
def _arg_max(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("torch.argmax", torch.argmax, (X,), {"dim": node.attrs["axis"], "keepdim": True})


@rule("reshape")
def _reshape(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("torch.reshape", torch.reshape, (X, node.ty.shape))


@rule("permute")
def _permute(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("torch.permute (view)", torch.permute, (X, tuple(node.attrs["axes"])))


@rule("broadcast")
def _broadcast(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("torch.broadcast_to (view)", torch.broadcast_to, (X, node.ty.shape))


@rule("slice")
def _slice(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    axis, start, length, step = (node.attrs[name] for name in ("axis", "start", "len", "step"))
    if step == 1:
        return Call("torch.narrow (view)", torch.narrow, (X, axis, start, length))
    end = start + (length - 1) * step + 1
    return Call("aten.slice (view)", torch.ops.aten.slice.Tensor, (X, axis, start, end, step))


@rule("concat")
def _concat(node: Node, types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("torch.cat", torch.cat, (list(operands(types)), node.attrs["axis"]))


@rule("pad")
def _pad(node: Node, types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    behind = len(types[0].shape) - 1 - node.attrs["axis"]
    value = node.attrs["value"] if types[0].is_float else int(node.attrs["value"])
    widths = (0, 0) * behind + (node.attrs["before"], node.attrs["after"])
    return Call("F.pad", F.pad, (X, widths), {"value": value})


@rule("matmul")
def _matmul(_node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("torch.matmul", torch.matmul, (X, Y))


@rule("conv2d")
def _conv2d(node: Node, types: tuple[Type, ...], place: Place, _site: Site) -> Call:
    bias = Z if len(types) == 3 else None
    attrs = node.attrs
    if place.device == "xla" and types[0].dtype == "f16":
        # XLA sums its products in f16 on a CPU.
        args = (X, Y, bias, attrs["stride"], attrs["padding"], attrs["groups"])
        return Call("F.conv2d in f32", kernels.conv2d_in_f32, args)
    return Call("F.conv2d", F.conv2d, (X, Y, bias, attrs["stride"], attrs["padding"], 1, attrs["groups"]))


@rule("max-pool2d", "avg-pool2d")
def _pool2d(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    largest = node.op == "max-pool2d"
    window = (node.attrs["kernel"], node.attrs["stride"], node.attrs["padding"])
    name = "F.max_pool2d" if largest else "F.avg_pool2d"
    if any(2 * p > k for p, k in zip(window[2], window[0], strict=True)):
        own = kernels.max_pool2d if largest else kernels.avg_pool2d
        return Call(f"F.pad, {name}", own, (X, *window))
    return Call(name, F.max_pool2d if largest else F.avg_pool2d, (X, *window))


@rule("gather")
def _gather(node: Node, types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    if len(types[1].shape) == 1:
        return Call("torch.index_select", torch.index_select, (X, node.attrs["axis"], Y))
    return Call("torch.index_select", kernels.gather, (X, Y, node.attrs["axis"]))


@rule("gather-along")
def _gather_along(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("torch.gather", torch.gather, (X, node.attrs["axis"], Y))


@rule("update-slice")
def _update_slice(node: Node, _types: tuple[Type, ...], place: Place, site: Site) -> Call:
    axis = node.attrs["axis"]
    if site.hosted and not place.static:
        target = kernels.write_slice_ if site.in_place else kernels.write_slice
        return Call("narrow, copy_, in place where the program allows it", target, (X, Y, Z, axis))
    target = kernels.write_at_ if site.in_place else kernels.write_at
    return Call("index_copy, in place where the program allows it", target, (X, Y, Z, axis))


@rule("linear")
def _linear(node: Node, types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    if node.attrs["in_out"]:
        name = "torch.addmm" if len(types) == 3 else "torch.mm"
        return Call(name, kernels.linear_in_out, operands(types))
    return Call("F.linear", F.linear, operands(types))


@rule("embedding")
def _embedding(_node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("F.embedding", F.embedding, (X, Y))


@rule("softmax", "log-softmax")
def _softmax(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    function = F.softmax if node.op == "softmax" else F.log_softmax
    return Call(f"F.{function.__name__}", function, (X, -1))


@rule("layer-norm")
def _layer_norm(node: Node, types: tuple[Type, ...], place: Place, _site: Site) -> Call:
    if place.device == "xla":
        raise Decompose("PyTorch/XLA's takes the variance as a difference of squares")
    bias = Z if len(types) == 3 else None
    return Call("F.layer_norm", F.layer_norm, (X, types[0].shape[-1:], Y, bias, node.attrs["eps"]))


@rule("rms-norm")
def _rms_norm(node: Node, types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("F.rms_norm", F.rms_norm, (X, types[0].shape[-1:], Y, node.attrs["eps"]))


@rule("batch-norm")
def _batch_norm(node: Node, types: tuple[Type, ...], place: Place, _site: Site) -> Call:
    if place.training:
        raise Decompose("PyTorch's has no gradient for the running statistics")
    if place.device == "xla" and types[0].dtype == "f64":
        raise Decompose("PyTorch/XLA's computes with the precision of f32")
    args = (X, Operand(3), Operand(4), Y, Z, False, 0.0, node.attrs["eps"])
    return Call("F.batch_norm", F.batch_norm, args)


@rule("gelu")
def _gelu(node: Node, types: tuple[Type, ...], place: Place, _site: Site) -> Call:
    if place.device == "xla" and types[0].dtype == "f64":
        raise Decompose("PyTorch/XLA's constants have the precision of f32")
    approximate = "tanh" if node.attrs["kind"] == "tanh" else "none"
    return Call(f"F.gelu(approximate={approximate})", F.gelu, (X,), {"approximate": approximate})


@rule("silu")
def _silu(_node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("F.silu", F.silu, (X,))


@rule("relu")
def _relu(_node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("F.relu", F.relu, (X,))


@rule("rotary")
def _rotary(_node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    return Call("chunk, mul, cat", kernels.rotary, (X, Y, Z))


@rule("attention")
def _attention(node: Node, _types: tuple[Type, ...], place: Place, site: Site) -> Call:
    attrs = node.attrs
    mask = Operand(3) if attrs["mask"] else None
    args = (X, Y, Z, mask)
    if not attrs["position"]:
        name = "F.scaled_dot_product_attention"
        return Call(name, kernels.attention, (*args, attrs["causal"], attrs["scale"]))
    position = Operand(4 if attrs["mask"] else 3)
    if site.hosted and not place.static:
        name = "F.scaled_dot_product_attention over the keys so far"
        return Call(name, kernels.attention_over_cache, (*args, position, attrs["scale"]))
    name = "F.scaled_dot_product_attention over all keys, masked"
    return Call(name, kernels.attention_at, (*args, position, attrs["scale"]))


@rule("cross-entropy")
def _cross_entropy(node: Node, types: tuple[Type, ...], place: Place, _site: Site) -> Call:
    name = "F.cross_entropy in f32" if types[0].is_half else "F.cross_entropy"
    # PyTorch/XLA takes the index that is never ignored for 0. Its targets are checked on the host, so that its own
    # -100 does not occur.
    ignored = -100 if place.device == "xla" else kernels.NEVER_IGNORED
    return Call(name, kernels.cross_entropy, (X, Y, DTYPES[node.ty.dtype], ignored))


@rule("top-k-routing")
def _top_k_routing(node: Node, _types: tuple[Type, ...], _place: Place, _site: Site) -> Call:
    name = "F.softmax, torch.sort, torch.scatter"
    return Call(name, kernels.top_k_routing, (X, node.attrs["k"], node.attrs["renormalize"]))


@rule("experts")
def _experts(_node: Node, types: tuple[Type, ...], place: Place, _site: Site) -> Call:
    if place.static or place.device != "cpu":
        raise Decompose("rows per expert depend on values, which would be read back from the device")
    if place.training:
        raise Decompose("rows per expert depend on values")
    return Call("active experts only: index_select, F.linear, index_add_", kernels.experts, operands(types))
