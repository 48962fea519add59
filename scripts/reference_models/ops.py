"""f64 goldens of single ops: results and gradients as torch computes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from .common import Tensors, generator, random_ids, write_json, write_tensors
from .training import rotary_table, rotate

Compute = Callable[..., torch.Tensor]


@dataclass(frozen=True)
class Case:
    """An op as the harness writes it in JSON, its operands, and what torch calls it."""

    name: str
    op: dict[str, object]
    operands: list[torch.Tensor]
    compute: Compute


def write_ops(goldens: Path) -> None:
    """Writes `ops.safetensors` and `ops.json`."""
    tensors: Tensors = {}
    described = {}
    for number, case in enumerate(cases()):
        for name, value in evaluate(case, seed=1000 + number).items():
            tensors[f"{case.name}/{name}"] = value
        described[case.name] = {"op": case.op, "operands": len(case.operands)}
    write_tensors(goldens / "ops.safetensors", tensors)
    write_json(goldens / "ops.json", described)


def evaluate(case: Case, seed: int) -> Tensors:
    """Operands, result, and the gradients of sum(result * cotangent) by every float operand."""
    operands = [x.clone().requires_grad_(x.is_floating_point()) for x in case.operands]
    result = case.compute(*operands)
    kept = {str(i): x for i, x in enumerate(case.operands)} | {"out": result}
    if result.requires_grad:
        cotangent = torch.randn(result.shape, generator=generator(seed), dtype=torch.float64)
        (result * cotangent).sum().backward()
        kept["cotangent"] = cotangent
        kept |= {f"grad/{i}": x.grad for i, x in enumerate(operands) if x.grad is not None}
    return kept


class Source:
    """Random operands; each call draws anew."""

    def __init__(self, seed: int) -> None:
        self.rng = generator(seed)

    def normal(self, *shape: int) -> torch.Tensor:
        """Standard normal, float64."""
        return torch.randn(shape, generator=self.rng, dtype=torch.float64)

    def positive(self, *shape: int) -> torch.Tensor:
        """Uniform in 0.5..1.5, float64."""
        return 0.5 + torch.rand(shape, generator=self.rng, dtype=torch.float64)


def cases() -> list[Case]:
    """Every op with a floating result that torch has, in a few shapes."""
    source = Source(5)
    groups = [elementwise, movement, linear_algebra, normalised, attention, convolution, routing]
    return [case for group in groups for case in group(source)]


def elementwise(s: Source) -> list[Case]:
    """Functions of one and of two tensors."""
    unary: dict[str, Compute] = {
        "neg": torch.neg, "abs": torch.abs, "exp": torch.exp, "tanh": torch.tanh, "erf": torch.erf,
        "sin": torch.sin, "cos": torch.cos, "floor": torch.floor,
    }  # fmt: skip
    positive: dict[str, Compute] = {"log": torch.log, "sqrt": torch.sqrt, "recip": torch.reciprocal}
    binary: dict[str, Compute] = {
        "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow,
        "maximum": torch.maximum, "minimum": torch.minimum,
    }  # fmt: skip
    found = [Case(k, {"op": "unary", "kind": k}, [s.normal(3, 5)], f) for k, f in unary.items()]
    found += [Case(k, {"op": "unary", "kind": k}, [s.positive(3, 5)], f) for k, f in positive.items()]
    found += [Case(k, {"op": "binary", "kind": k}, [s.positive(3, 5), s.positive(3, 5)], f) for k, f in binary.items()]
    return [
        *found,
        Case("affine", {"op": "affine", "mul": 1.5, "add": -0.25}, [s.normal(3, 5)], lambda x: 1.5 * x - 0.25),
        Case("gelu-erf", {"op": "gelu", "kind": "erf"}, [3 * s.normal(4, 7)], F.gelu),
        Case(
            "gelu-tanh", {"op": "gelu", "kind": "tanh"}, [3 * s.normal(4, 7)], lambda x: F.gelu(x, approximate="tanh")
        ),
        Case("silu", {"op": "silu"}, [3 * s.normal(4, 7)], F.silu),
        Case("relu", {"op": "relu"}, [s.normal(4, 7)], F.relu),
        Case("select", {"op": "select"}, [s.normal(3, 4) > 0, s.normal(3, 4), s.normal(3, 4)], torch.where),
    ]


def movement(s: Source) -> list[Case]:
    """Reductions, and ops that only move elements."""
    slice_op = {"op": "slice", "axis": 1, "start": 1, "len": 3, "step": 2}
    pad_op = {"op": "pad", "axis": 1, "before": 2, "after": 1, "value": 0.5}
    rows = torch.tensor([[4, 0, 4], [1, 1, 2]])
    along = random_ids((3, 4, 2), 5, seed=6)
    start = torch.tensor(2)

    def update(base: torch.Tensor, new: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        return torch.cat([base[:, : at.item()], new, base[:, at.item() + new.shape[1] :]], dim=1)

    return [
        Case("reduce-sum", {"op": "reduce", "kind": "sum", "axes": [0, 2]}, [s.normal(3, 4, 5)],
             lambda x: x.sum(dim=(0, 2), keepdim=True)),
        Case("reduce-max", {"op": "reduce", "kind": "max", "axes": [1, 2]}, [s.normal(3, 4, 5)],
             lambda x: x.amax(dim=(1, 2), keepdim=True)),
        Case("permute", {"op": "permute", "axes": [2, 0, 1]}, [s.normal(2, 3, 4)], lambda x: x.permute(2, 0, 1)),
        Case("reshape", {"op": "reshape", "shape": [4, 6]}, [s.normal(2, 3, 4)], lambda x: x.reshape(4, 6)),
        Case("broadcast", {"op": "broadcast", "shape": [3, 4, 2]}, [s.normal(3, 1, 2)], lambda x: x.expand(3, 4, 2)),
        Case("slice", slice_op, [s.normal(2, 7)], lambda x: x[:, 1:6:2]),
        Case("pad", pad_op, [s.normal(2, 3)], lambda x: F.pad(x, (2, 1), value=0.5)),
        Case("concat", {"op": "concat", "axis": 1}, [s.normal(2, 3), s.normal(2, 1), s.normal(2, 4)],
             lambda *parts: torch.cat(parts, dim=1)),
        Case("gather", {"op": "gather", "axis": 1}, [s.normal(2, 5, 3), rows], lambda x, ids: x[:, ids]),
        Case("gather-along", {"op": "gather-along", "axis": 1}, [s.normal(3, 5, 2), along],
             lambda x, ids: x.gather(1, ids)),
        Case("update-slice", {"op": "update-slice", "axis": 1}, [s.normal(2, 6, 3), s.normal(2, 3, 3), start], update),
        Case("embedding", {"op": "embedding"}, [rows, s.normal(5, 4)], F.embedding),
    ]  # fmt: skip


def linear_algebra(s: Source) -> list[Case]:
    """Products."""
    out_in, in_out = {"op": "linear", "in_out": False}, {"op": "linear", "in_out": True}
    return [
        Case("matmul", {"op": "matmul"}, [s.normal(2, 3, 4, 5), s.normal(2, 3, 5, 6)], torch.matmul),
        Case("linear", out_in, [s.normal(2, 3, 5), s.normal(4, 5), s.normal(4)], F.linear),
        Case("linear-no-bias", out_in, [s.normal(2, 3, 5), s.normal(4, 5)], F.linear),
        Case("linear-in-out", in_out, [s.normal(2, 3, 5), s.normal(5, 4), s.normal(4)], lambda x, w, b: x @ w + b),
    ]


def normalised(s: Source) -> list[Case]:
    """Softmax, norms, the loss."""
    layer, rms = {"op": "layer-norm", "eps": 1e-5}, {"op": "rms-norm", "eps": 1e-6}
    norm = {"op": "batch-norm", "eps": 1e-5}

    def batch_norm(x: torch.Tensor, *channels: torch.Tensor) -> torch.Tensor:
        w, b, mean, var = (c.view(1, -1, 1, 1) for c in channels)
        return (x - mean) / torch.sqrt(var + 1e-5) * w + b

    statistics = [s.positive(3), s.normal(3), s.normal(3), s.positive(3)]
    return [
        Case("softmax", {"op": "softmax"}, [3 * s.normal(2, 4, 9)], lambda x: x.softmax(dim=-1)),
        Case("softmax-large", {"op": "softmax"}, [800 + 3 * s.normal(2, 9)], lambda x: x.softmax(dim=-1)),
        Case("log-softmax", {"op": "log-softmax"}, [3 * s.normal(2, 4, 9)], lambda x: x.log_softmax(dim=-1)),
        Case("layer-norm", layer, [2 + s.normal(3, 4, 8), s.positive(8), s.normal(8)],
             lambda x, w, b: F.layer_norm(x, (8,), w, b, 1e-5)),
        Case("layer-norm-no-bias", layer, [s.normal(3, 8), s.positive(8)],
             lambda x, w: F.layer_norm(x, (8,), w, None, 1e-5)),
        Case("rms-norm", rms, [2 + s.normal(3, 4, 8), s.positive(8)], lambda x, w: F.rms_norm(x, (8,), w, 1e-6)),
        Case("batch-norm", norm, [s.normal(2, 3, 4, 5), *statistics], batch_norm),
        Case("cross-entropy", {"op": "cross-entropy"}, [3 * s.normal(6, 10), random_ids((6,), 10, seed=7)],
             F.cross_entropy),
    ]  # fmt: skip


def attention(s: Source) -> list[Case]:
    """Rotary, and scaled dot-product attention in its forms."""

    def case(
        name: str,
        q: tuple[int, ...],
        kv: tuple[int, ...],
        *,
        causal: bool = False,
        mask: torch.Tensor | None = None,
        position: int | None = None,
        scale: float | None = None,
    ) -> Case:
        factor = q[-1] ** -0.5 if scale is None else scale
        present = {"mask": mask is not None, "position": position is not None}
        op = {"op": "attention", "scale": factor, "causal": causal} | present
        extra = [] if mask is None else [mask]
        extra += [] if position is None else [torch.tensor(position)]
        sees = visible(q[2], kv[2], causal, mask, position)
        return Case(name, op, [s.normal(*q), s.normal(*kv), s.normal(*kv), *extra],
                    lambda q, k, v, *_: attend(q, k, v, sees, factor))  # fmt: skip

    padding = torch.arange(7)[None, :] < torch.tensor([[7], [4]])
    cos, sin = rotary_table(6, 8)
    return [
        Case("rotary", {"op": "rotary"}, [s.normal(2, 3, 6, 8), cos, sin], rotate),
        case("attention", (2, 3, 5, 8), (2, 3, 7, 8), scale=0.3),
        case("attention-causal", (2, 3, 5, 8), (2, 3, 5, 8), causal=True),
        case("attention-causal-longer-keys", (1, 2, 3, 8), (1, 2, 7, 8), causal=True),
        case("attention-grouped", (2, 6, 5, 8), (2, 2, 5, 8), causal=True),
        case("attention-mask", (2, 3, 5, 8), (2, 3, 7, 8), mask=padding[:, None, None, :]),
        case("attention-causal-mask", (2, 4, 7, 8), (2, 2, 7, 8), causal=True, mask=padding[:, None, None, :]),
        case("attention-position", (2, 4, 2, 8), (2, 2, 9, 8), causal=True, position=3),
        case("attention-position-not-causal", (1, 2, 3, 8), (1, 2, 9, 8), position=2),
    ]


def visible(rows: int, keys: int, causal: bool, mask: torch.Tensor | None, position: int | None) -> torch.Tensor:
    """Which key each query row sees: the causal rule, the keys written so far, the mask."""
    i, j = torch.arange(rows)[:, None], torch.arange(keys)[None, :]
    sees = torch.ones(rows, keys, dtype=torch.bool)
    if causal:
        sees &= j <= i + (keys - rows if position is None else position)
    if position is not None:
        sees &= j < position + rows
    return sees if mask is None else sees & mask


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, sees: torch.Tensor, scale: float) -> torch.Tensor:
    """torch's own scaled dot-product attention, each key head repeated for its query heads."""
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=sees, scale=scale)


def convolution(s: Source) -> list[Case]:
    """Convolutions and pooling over [N,C,H,W]."""

    def conv(name: str, x: tuple[int, ...], w: tuple[int, ...], stride: tuple[int, int], padding: tuple[int, int],
             groups: int, *, bias: bool) -> Case:  # fmt: skip
        op = {"op": "conv2d", "stride": list(stride), "padding": list(padding), "groups": groups}
        operands = [s.normal(*x), s.normal(*w)] + ([s.normal(w[0])] if bias else [])
        return Case(name, op, operands,
                    lambda x, w, b=None: F.conv2d(x, w, b, stride=stride, padding=padding, groups=groups))  # fmt: skip

    def pool(name: str, op: str, compute: Compute, kernel: tuple[int, int], stride: tuple[int, int],
             padding: tuple[int, int]) -> Case:  # fmt: skip
        attributes = {"op": op, "kernel": list(kernel), "stride": list(stride), "padding": list(padding)}
        return Case(name, attributes, [s.normal(2, 3, 8, 9)], lambda x: compute(x, kernel, stride, padding))

    return [
        conv("conv2d", (2, 3, 7, 6), (4, 3, 3, 3), (1, 1), (0, 0), 1, bias=True),
        conv("conv2d-stride-padding", (2, 3, 9, 8), (4, 3, 3, 2), (2, 3), (1, 2), 1, bias=False),
        conv("conv2d-groups", (2, 4, 6, 6), (6, 2, 3, 3), (1, 2), (1, 1), 2, bias=True),
        conv("conv2d-depthwise", (1, 4, 6, 6), (4, 1, 3, 3), (1, 1), (1, 1), 4, bias=False),
        pool("max-pool2d", "max-pool2d", F.max_pool2d, (3, 3), (2, 2), (1, 1)),
        pool("max-pool2d-oblong", "max-pool2d", F.max_pool2d, (2, 3), (1, 2), (0, 1)),
        pool("avg-pool2d", "avg-pool2d", F.avg_pool2d, (3, 3), (2, 2), (1, 1)),
        pool("avg-pool2d-oblong", "avg-pool2d", F.avg_pool2d, (2, 3), (2, 1), (1, 0)),
    ]


def routing(s: Source) -> list[Case]:
    """Mixture-of-experts routing and the experts themselves."""

    def route(logits: torch.Tensor, k: int, renormalize: bool) -> torch.Tensor:
        weights = logits.softmax(dim=-1)
        kept = torch.zeros_like(weights).scatter(-1, weights.topk(k, dim=-1).indices, 1.0)
        weights = weights * kept
        return weights / weights.sum(dim=-1, keepdim=True) if renormalize else weights

    def experts(x: torch.Tensor, weights: torch.Tensor, *matrices: torch.Tensor) -> torch.Tensor:
        total = torch.zeros_like(x)
        for e in range(weights.shape[1]):
            gate, up, down = matrices[3 * e : 3 * e + 3]
            total = total + weights[:, e : e + 1] * ((F.silu(x @ gate.T) * (x @ up.T)) @ down.T)
        return total

    matrices = [m for _ in range(3) for m in (s.normal(6, 4), s.normal(6, 4), s.normal(4, 6))]
    weights = route(s.normal(5, 3), 2, renormalize=True)
    return [
        Case("top-k-routing", {"op": "top-k-routing", "k": 2, "renormalize": True}, [s.normal(5, 4)],
             lambda x: route(x, 2, renormalize=True)),
        Case("top-k-routing-plain", {"op": "top-k-routing", "k": 2, "renormalize": False}, [s.normal(5, 4)],
             lambda x: route(x, 2, renormalize=False)),
        Case("experts", {"op": "experts", "experts": 3, "active": 2}, [s.normal(5, 4), weights, *matrices], experts),
    ]  # fmt: skip
