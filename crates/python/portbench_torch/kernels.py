"""Functions of PyTorch calls, for ops that are no single call of PyTorch's."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from portbench_torch.errors import forbidden_value


def contiguous_copy(x: Tensor) -> Tensor:
    """A tensor of its own memory."""
    return x.clone(memory_format=torch.contiguous_format)


def linear_in_out(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x weight + bias` with the weight as `[in, out]`."""
    rows = x.reshape(-1, x.shape[-1])
    y = torch.mm(rows, weight) if bias is None else torch.addmm(bias, rows, weight)
    return y.view(*x.shape[:-1], weight.shape[1])


def affine(x: Tensor, mul: float, add: float) -> Tensor:
    """`mul x + add`."""
    return x * mul + add


def affine_in_f32(x: Tensor, mul: float, add: float) -> Tensor:
    """`mul x + add` of a 16-bit float, rounded once."""
    return (x.float() * mul + add).to(x.dtype)


def gather(x: Tensor, ids: Tensor, axis: int) -> Tensor:
    """Replaces `axis` of `x` by the shape of `ids`."""
    rows = x.index_select(axis, ids.reshape(-1))
    return rows.reshape((*x.shape[:axis], *ids.shape, *x.shape[axis + 1 :]))


def _check_start(base: Tensor, update: Tensor, start: int, axis: int) -> None:
    size, length = base.shape[axis], update.shape[axis]
    if not 0 <= start <= size - length:
        index = start if start < 0 else start + length - 1
        raise forbidden_value(f"index {index} is outside 0..{size}")


def write_slice(base: Tensor, update: Tensor, start: int, axis: int) -> Tensor:
    """`base` with `update` at `start` along `axis`; a copy."""
    _check_start(base, update, start, axis)
    return torch.slice_scatter(base, update, axis, start, start + update.shape[axis])


def write_slice_(base: Tensor, update: Tensor, start: int, axis: int) -> Tensor:
    """Writes `update` into `base` at `start` along `axis`."""
    _check_start(base, update, start, axis)
    base.narrow(axis, start, update.shape[axis]).copy_(update)
    return base


def write_at(base: Tensor, update: Tensor, start: Tensor, axis: int) -> Tensor:
    """As `write_slice`, with the start on the device."""
    return base.index_copy(axis, start + torch.arange(update.shape[axis], device=base.device), update)


def write_at_(base: Tensor, update: Tensor, start: Tensor, axis: int) -> Tensor:
    """As `write_slice_`, with the start on the device."""
    return base.index_copy_(axis, start + torch.arange(update.shape[axis], device=base.device), update)


def rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotates the pairs `(x[i], x[i + D/2])`."""
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


def max_pool2d(x: Tensor, kernel: list[int], stride: list[int], padding: list[int]) -> Tensor:
    """Window maximum; paddings over half a window, which PyTorch's pooling refuses, are made explicit."""
    x = F.pad(x, (padding[1], padding[1], padding[0], padding[0]), value=float("-inf"))
    return F.max_pool2d(x, kernel, stride)


def avg_pool2d(x: Tensor, kernel: list[int], stride: list[int], padding: list[int]) -> Tensor:
    """Window mean, as `max_pool2d`."""
    return F.avg_pool2d(F.pad(x, (padding[1], padding[1], padding[0], padding[0])), kernel, stride)


def top_k_routing(logits: Tensor, k: int, renormalize: bool) -> Tensor:
    """Softmax with all but the `k` largest weights set to 0; of equal ones the first wins."""
    weights = logits.softmax(-1, dtype=torch.float32 if logits.dtype in {torch.bfloat16, torch.float16} else None)
    values, order = weights.sort(dim=-1, descending=True, stable=True)
    values = values[:, :k]
    if renormalize:
        values = values / values.sum(-1, keepdim=True)
    return torch.zeros_like(weights).scatter(-1, order[:, :k], values).to(logits.dtype)


def experts(x: Tensor, weights: Tensor, *projections: Tensor) -> Tensor:
    """Each expert on the rows that weigh it. Which rows these are is read on the host."""
    out = torch.zeros_like(x)
    for expert in range(weights.shape[1]):
        gate, up, down = projections[3 * expert : 3 * expert + 3]
        rows = weights[:, expert].nonzero().squeeze(-1)
        if rows.numel() == 0:
            continue
        chosen = x.index_select(0, rows)
        hidden = F.linear(F.silu(F.linear(chosen, gate)) * F.linear(chosen, up), down)
        out.index_add_(0, rows, hidden * weights.index_select(0, rows)[:, expert, None])
    return out


def _causal_mask(queries: int, keys: int, offset: int, device: torch.device) -> Tensor:
    """`[queries, keys]`, true where `key <= query + offset`."""
    if device.type in {"cpu", "cuda"} and not torch.compiler.is_compiling():
        return _kept_mask(queries, keys, offset, device)
    # A lazy tensor that was computed by one graph would be an input of the next, and a compiled graph makes its own.
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(offset)


@lru_cache(maxsize=4)
def _kept_mask(queries: int, keys: int, offset: int, device: torch.device) -> Tensor:
    """One serves every layer."""
    with torch.inference_mode(mode=False):
        return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(offset)


def _repeated(x: Tensor, heads: int) -> Tensor:
    """Key heads repeated for the query heads that read them."""
    b, own, t, d = x.shape
    return x[:, :, None].expand(b, own, heads // own, t, d).reshape(b, heads, t, d)


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool, scale: float) -> Tensor:
    """Scaled dot-product attention with `Hq / Hkv` query heads a key head and a `bool` mask."""
    b, heads, s, d = q.shape
    own = k.shape[1]
    if own == heads:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=scale)
    if s == 1 and (mask is None or mask.shape[1] == 1):
        # One query a head: the heads that read one key head are its queries, and no key is repeated.
        y = F.scaled_dot_product_attention(q.reshape(b, own, heads // own, d), k, v, attn_mask=mask, scale=scale)
        return y.reshape(b, heads, 1, v.shape[-1])
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=scale, enable_gqa=True)
    k, v = _repeated(k, heads), _repeated(v, heads)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=scale)


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool, scale: float) -> Tensor:
    """Attention over all keys, causal with the bottom-right alignment."""
    s, t = q.shape[2], k.shape[2]
    if causal and s == 1:
        causal = False
    if causal and (mask is not None or s != t):
        seen = _causal_mask(s, t, t - s, q.device)
        mask, causal = (seen if mask is None else mask & seen), False
        mask = mask.reshape(1, 1, s, t) if mask.dim() == 2 else mask
    return _attend(q, k, v, mask, causal, scale)


def attention_over_cache(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, position: int, scale: float) -> Tensor:
    """Attention over the keys before `position + S`, which is known on the host."""
    s, seen = q.shape[2], position + q.shape[2]
    if not s <= seen <= k.shape[2]:
        raise forbidden_value(f"position {position} with {s} queries is outside 0..{k.shape[2]}")
    k, v = k.narrow(2, 0, seen), v.narrow(2, 0, seen)
    if mask is not None:
        mask = mask.narrow(3, 0, seen)
    return attention(q, k, v, mask, True, scale)


def attention_at(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, position: Tensor, scale: float) -> Tensor:
    """As `attention_over_cache`, with the position on the device and static shapes: nothing is compiled anew."""
    s, t = q.shape[2], k.shape[2]
    rows = torch.arange(s, device=q.device)[:, None] + position
    seen = (torch.arange(t, device=q.device)[None, :] <= rows)[None, None]
    return _attend(q, k, v, seen if mask is None else mask & seen, False, scale)


# No target has this value.
NEVER_IGNORED = -(1 << 63)


def cross_entropy(logits: Tensor, targets: Tensor, dtype: torch.dtype, ignored: int = NEVER_IGNORED) -> Tensor:
    """Mean negative log-likelihood. No target is ignored: PyTorch's own -100 is out of range here as everywhere."""
    return F.cross_entropy(logits.to(dtype), targets, ignore_index=ignored)


def conv2d_in_f32(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: list[int], padding: list[int], groups: int
) -> Tensor:
    """Cross-correlation of a 16-bit float, summed in f32 and rounded once."""
    wide = None if bias is None else bias.float()
    return F.conv2d(x.float(), weight.float(), wide, stride, padding, 1, groups).to(x.dtype)
