"""f64 training goldens: three optimiser steps of a tiny GPT-2 and a tiny Llama.

transformers casts to float32 inside Llama's norm, rotary table and softmax, so the forward passes are written out here
in float64; each is first held against transformers' float32 logits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from .common import Tensors, random_ids, randomise, write_json, write_tensors
from .decoders import NO_SPECIAL_TOKENS

Forward = Callable[[Tensors, torch.Tensor], torch.Tensor]
Settings = dict[str, object]

VOCAB, HEADS, KV_HEADS, WIDTH, LAYERS, THETA = 96, 4, 2, 32, 2, 10000.0
BATCH, LENGTH, STEPS = 2, 12, 3
ADAMW = {"beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.1}
WARMUP_COSINE = {"rate": 0.02, "floor": 0.002, "warmup": 1, "steps": 3}


@dataclass(frozen=True)
class Case:
    """A model and how it is trained; `spec` is the harness's own TrainSpec."""

    name: str
    model: str
    spec: Settings


def cases() -> list[Case]:
    """Both optimisers, both decay rules, both schedules, with and without clipping that takes effect."""
    matrices: Settings = {"adamw": ADAMW | {"decay": "matrices"}}
    everything: Settings = {"adamw": ADAMW | {"decay": "all"}}
    constant: Settings = {"constant": {"rate": 0.01}}
    cosine: Settings = {"warmup-cosine": WARMUP_COSINE}
    return [
        Case("gpt2-adamw", "gpt2", train_spec(matrices, cosine, 0.5)),
        Case("gpt2-sgd", "gpt2", train_spec({"sgd": {"momentum": 0.9}}, constant, None)),
        Case("llama-adamw", "llama", train_spec(everything, constant, None)),
        Case("llama-sgd", "llama", train_spec({"sgd": {"momentum": 0.9}}, cosine, 0.5)),
    ]


def train_spec(optimizer: Settings, schedule: Settings, clip: float | None) -> Settings:
    """TrainSpec as the harness reads it."""
    return {"entry": "train", "loss": "loss", "optimizer": optimizer, "schedule": schedule, "clip_norm": clip}


def write_training(goldens: Path) -> None:
    """Writes `training/<model>/`, `training.safetensors` and `training.json`."""
    forwards: dict[str, Forward] = {"gpt2": gpt2_logits, "llama": llama_logits}
    starts = {"gpt2": tiny_gpt2(), "llama": tiny_llama()}
    for name, model in starts.items():
        model.save_pretrained(goldens / "training" / name)
        check_forward(model, forwards[name])
    tensors: Tensors = {}
    for case in cases():
        for name, value in train(case, starts[case.model], forwards[case.model]).items():
            tensors[f"{case.name}/{name}"] = value
    write_tensors(goldens / "training.safetensors", tensors)
    described = {case.name: {"model": f"training/{case.model}", "train": case.spec} for case in cases()}
    write_json(goldens / "training.json", described)


def tiny_gpt2() -> GPT2LMHeadModel:
    """Two layers, tied head."""
    config = GPT2Config(
        **NO_SPECIAL_TOKENS, vocab_size=VOCAB, n_positions=16, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS
    )
    model = GPT2LMHeadModel(config).eval()
    randomise(model, seed=7)
    return model


def tiny_llama() -> LlamaForCausalLM:
    """Two layers, grouped queries, untied head."""
    config = LlamaConfig(
        **NO_SPECIAL_TOKENS,
        vocab_size=VOCAB,
        hidden_size=WIDTH,
        intermediate_size=48,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=16,
        rms_norm_eps=1e-5,
        tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": THETA},
    )
    model = LlamaForCausalLM(config).eval()
    randomise(model, seed=8)
    return model


def trainable(model: PreTrainedModel) -> Tensors:
    """Float64 leaves under the names of the checkpoint; a tied head has no entry of its own."""
    return {name: p.detach().double().requires_grad_() for name, p in model.named_parameters()}


def check_forward(model: PreTrainedModel, forward: Forward) -> None:
    """The float64 forward pass and transformers' float32 one agree to float32's accuracy."""
    ids = random_ids((BATCH, LENGTH), VOCAB, seed=3)
    with torch.no_grad():
        theirs = model(input_ids=ids, use_cache=False).logits.double()
        ours = forward(trainable(model), ids)
    worst = ((theirs - ours).abs().max() / (theirs.max() - theirs.min())).item()
    if worst > 1e-5:
        name = type(model).__name__
        raise RuntimeError(f"{name}: float64 logits differ from transformers' by {worst:.1e} of the range")


def train(case: Case, start: PreTrainedModel, forward: Forward) -> Tensors:
    """Three steps; what is kept is listed at the head of make_reference_models.py."""
    params = trainable(start)
    optimizer = make_optimizer(case, params)
    tokens = random_ids((STEPS, BATCH, LENGTH + 1), VOCAB, seed=9)
    ids, labels = tokens[:, :, :-1], tokens[:, :, 1:]
    losses, norms, kept = [], [], {}
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(forward(params, ids[step]).flatten(0, 1), labels[step].flatten())
        loss.backward()
        if step == 0:
            kept |= {f"grad/{name}": gradient(name, p) for name, p in params.items()}
        norms.append(clip(case, list(params.values())))
        for group in optimizer.param_groups:
            group["lr"] = rate(case, step)
        optimizer.step()
        losses.append(loss.detach())
        kept |= {f"param{step + 1}/{name}": p.detach().clone() for name, p in params.items()}
    kept |= {"input_ids": ids, "labels": labels, "loss": torch.stack(losses), "grad_norm": torch.stack(norms)}
    return kept


def gradient(name: str, parameter: torch.Tensor) -> torch.Tensor:
    """A copy of the gradient; its absence is an error here too."""
    if parameter.grad is None:
        raise RuntimeError(f"{name} has no gradient")
    return parameter.grad.detach().clone()


def clip(case: Case, params: list[torch.Tensor]) -> torch.Tensor:
    """Clips where the case asks for it; the global norm before that."""
    limit = case.spec["clip_norm"]
    norm = torch.nn.utils.clip_grad_norm_(params, limit if isinstance(limit, float) else float("inf"))
    if isinstance(limit, float) and norm <= limit:
        raise RuntimeError(f"{case.name}: norm {norm:.3f} is within the clip {limit}, so clipping is not tested")
    return norm.detach()


def make_optimizer(case: Case, params: Tensors) -> torch.optim.Optimizer:
    """torch's own, with the decay rule as parameter groups."""
    optimizer = case.spec["optimizer"]
    assert isinstance(optimizer, dict)
    if "sgd" in optimizer:
        return torch.optim.SGD(params.values(), lr=0.0, momentum=optimizer["sgd"]["momentum"])
    adamw = optimizer["adamw"]
    decayed = [p for p in params.values() if adamw["decay"] == "all" or p.dim() >= 2]
    others = [p for p in params.values() if adamw["decay"] != "all" and p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": adamw["weight_decay"]}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=0.0,
        betas=(adamw["beta1"], adamw["beta2"]),
        eps=adamw["eps"],
    )


def rate(case: Case, step: int) -> float:
    """Learning rate of a step: constant, or linear warm-up and then a cosine down to the floor."""
    schedule = case.spec["schedule"]
    assert isinstance(schedule, dict)
    if "constant" in schedule:
        return schedule["constant"]["rate"]
    peak, floor, warmup, steps = (schedule["warmup-cosine"][key] for key in ("rate", "floor", "warmup", "steps"))
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    progress = torch.tensor((step - warmup) / (steps - warmup), dtype=torch.float64)
    return floor + 0.5 * (1.0 + torch.cos(torch.pi * progress).item()) * (peak - floor)


def heads(x: torch.Tensor, count: int) -> torch.Tensor:
    """[B,S,count*D] -> [B,count,S,D]."""
    return x.unflatten(-1, (count, -1)).transpose(1, 2)


def causal_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Scaled dot products over the past, heads joined again: [B,S,H*D]."""
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    weights = scores.masked_fill(future, float("-inf")).softmax(dim=-1)
    return (weights @ v).transpose(1, 2).flatten(-2)


def gpt2_logits(p: Tensors, ids: torch.Tensor) -> torch.Tensor:
    """GPT-2 with linear weights stored [in, out], tanh GELU, tied head."""

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ p[f"{name}.weight"] + p[f"{name}.bias"]

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(x, (WIDTH,), p[f"{name}.weight"], p[f"{name}.bias"], 1e-5)

    x = p["transformer.wte.weight"][ids] + p["transformer.wpe.weight"][: ids.shape[1]]
    for layer in range(LAYERS):
        at = f"transformer.h.{layer}"
        q, k, v = linear(norm(x, f"{at}.ln_1"), f"{at}.attn.c_attn").split(WIDTH, dim=-1)
        mixed = causal_attention(heads(q, HEADS), heads(k, HEADS), heads(v, HEADS))
        x = x + linear(mixed, f"{at}.attn.c_proj")
        inner = F.gelu(linear(norm(x, f"{at}.ln_2"), f"{at}.mlp.c_fc"), approximate="tanh")
        x = x + linear(inner, f"{at}.mlp.c_proj")
    return norm(x, "transformer.ln_f") @ p["transformer.wte.weight"].T


def llama_logits(p: Tensors, ids: torch.Tensor) -> torch.Tensor:
    """Llama: RMS norms, half-split rotary, grouped queries, gated SiLU."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return x / (x.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt() * p[f"{name}.weight"]

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ p[f"{name}.weight"].T

    cos, sin = rotary_table(ids.shape[1], WIDTH // HEADS)
    x = p["model.embed_tokens.weight"][ids]
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        inner = norm(x, f"{at}.input_layernorm")
        q = rotate(heads(linear(inner, f"{at}.self_attn.q_proj"), HEADS), cos, sin)
        k = rotate(heads(linear(inner, f"{at}.self_attn.k_proj"), KV_HEADS), cos, sin)
        v = heads(linear(inner, f"{at}.self_attn.v_proj"), KV_HEADS)
        groups = HEADS // KV_HEADS
        mixed = causal_attention(q, k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1))
        x = x + linear(mixed, f"{at}.self_attn.o_proj")
        inner = norm(x, f"{at}.post_attention_layernorm")
        gated = F.silu(linear(inner, f"{at}.mlp.gate_proj")) * linear(inner, f"{at}.mlp.up_proj")
        x = x + linear(gated, f"{at}.mlp.down_proj")
    return linear(norm(x, "model.norm"), "lm_head")


def rotary_table(length: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines [length, width / 2]."""
    exponents = torch.arange(0, width, 2, dtype=torch.float64) / width
    angles = torch.outer(torch.arange(length, dtype=torch.float64), THETA**-exponents)
    return angles.cos(), angles.sin()


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Turns each pair (x[i], x[i + D/2]) by the angle of its position."""
    low, high = x.chunk(2, dim=-1)
    return torch.cat([low * cos - high * sin, high * cos + low * sin], dim=-1)
