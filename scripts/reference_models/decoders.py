"""Tiny decoders: GPT-2, Llama, Mistral, Qwen2, Qwen3, Mixtral."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from .common import check_reload, random_ids, randomise, use_published_rope_keys, write_model, write_tensors

NEW_TOKENS = 32
# A greedy choice is only a test of another implementation if rounding cannot turn it.
SMALLEST_MARGIN = 2e-3
FEWEST_DISTINCT = 8
NO_SPECIAL_TOKENS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
# Llama's dimensions, shared by its relatives.
COMMON = NO_SPECIAL_TOKENS | {
    "vocab_size": 384,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,
}
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


@dataclass(frozen=True)
class Decoder:
    """One directory to write."""

    name: str
    model: Callable[[PretrainedConfig], PreTrainedModel]
    config: PretrainedConfig
    shard: str = "1GB"
    published_rope_keys: bool = False


def decoders() -> list[Decoder]:
    """Every decoder, in the order in which they are written."""
    theta = {"rope_type": "default", "rope_theta": 10000.0}
    wide_theta = {"rope_type": "default", "rope_theta": 1000000.0}
    gpt2 = GPT2Config(**NO_SPECIAL_TOKENS, vocab_size=320, n_positions=128, n_embd=64, n_layer=3, n_head=4)
    llama = LlamaConfig(**COMMON, rms_norm_eps=1e-5, rope_parameters=theta)
    # Four heads of 16: with eight of 8 no frequency falls between Llama 3's two cut-offs.
    tied = LlamaConfig(
        **COMMON | {"num_attention_heads": 4, "tie_word_embeddings": True},
        rms_norm_eps=1e-5,
        rope_parameters=LLAMA3_ROPE,
    )
    sharded = LlamaConfig(**COMMON | {"num_key_value_heads": 8}, rms_norm_eps=1e-6, rope_parameters=theta)
    mistral = MistralConfig(**COMMON, head_dim=16, rms_norm_eps=1e-5, sliding_window=None, rope_parameters=wide_theta)
    qwen2 = Qwen2Config(**COMMON, rms_norm_eps=1e-6, use_sliding_window=False, rope_parameters=wide_theta)
    qwen3 = Qwen3Config(
        **COMMON | {"num_attention_heads": 4, "tie_word_embeddings": True},
        head_dim=32,
        rms_norm_eps=1e-6,
        use_sliding_window=False,
        rope_parameters=wide_theta,
    )
    mixtral = MixtralConfig(
        **COMMON | {"intermediate_size": 96},
        num_local_experts=4,
        num_experts_per_tok=2,
        rms_norm_eps=1e-5,
        sliding_window=None,
        rope_parameters=wide_theta,
    )
    return [
        Decoder("gpt2", GPT2LMHeadModel, gpt2),
        Decoder("llama", LlamaForCausalLM, llama),
        Decoder("llama-tied", LlamaForCausalLM, tied, published_rope_keys=True),
        Decoder("llama-sharded", LlamaForCausalLM, sharded, shard="150KB"),
        Decoder("mistral", MistralForCausalLM, mistral, published_rope_keys=True),
        Decoder("qwen2", Qwen2ForCausalLM, qwen2),
        Decoder("qwen3", Qwen3ForCausalLM, qwen3),
        Decoder("mixtral", MixtralForCausalLM, mixtral),
    ]


def write_decoders(root: Path) -> None:
    """Writes them all under `root`."""
    for decoder in decoders():
        write_decoder(decoder, root / decoder.name)


def write_decoder(decoder: Decoder, directory: Path) -> None:
    """Model, inputs, logits, last hidden state and greedy tokens."""
    vocab = decoder.config.vocab_size
    prompt = random_ids((2, 12), vocab, seed=2)
    model, greedy = decisive_model(decoder, prompt)
    inputs = {"input_ids": random_ids((2, 24), vocab, seed=1), "prompt": prompt}
    with torch.no_grad():
        out = model(input_ids=inputs["input_ids"], output_hidden_states=True, use_cache=False)
    expected = {"logits": out.logits, "last_hidden_state": out.hidden_states[-1], "greedy": greedy}
    write_model(model, directory, inputs, expected, decoder.shard)
    if decoder.name == "gpt2":
        write_bare_gpt2(model, directory, directory.with_name("gpt2-bare"))
    if decoder.published_rope_keys:
        use_published_rope_keys(directory)
        check_reload(model, directory)
        again = type(model).from_pretrained(directory, attn_implementation="eager")
        with torch.no_grad():
            if not torch.equal(again(input_ids=inputs["input_ids"]).logits, out.logits):
                raise RuntimeError(f"{directory}: config.json in its published form gives other logits")


def write_bare_gpt2(model: PreTrainedModel, source: Path, directory: Path) -> None:
    """The same model under the names of the published GPT-2 checkpoints, which lack the `transformer.` prefix."""
    shutil.copytree(source, directory)
    write_tensors(directory / "model.safetensors", model.transformer.state_dict())
    check_reload(model, directory)


def decisive_model(decoder: Decoder, prompt: torch.Tensor) -> tuple[PreTrainedModel, torch.Tensor]:
    """The first seed whose greedy continuation is clear at every step and not one token over and over."""
    decoder.config._attn_implementation = "eager"
    model = decoder.model(decoder.config).eval()
    for seed in range(100):
        randomise(model, seed)
        greedy, margin = greedy_tokens(model, prompt)
        if margin >= SMALLEST_MARGIN and all(row.unique().numel() >= FEWEST_DISTINCT for row in greedy):
            return model, greedy
    raise RuntimeError(f"{decoder.name}: no seed gives a decisive greedy continuation")


def greedy_tokens(model: PreTrainedModel, prompt: torch.Tensor) -> tuple[torch.Tensor, float]:
    """`generate`'s own 32 tokens, and the smallest gap between the two best logits on the way, as the model without a
    cache gives it.
    """
    whole = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        max_new_tokens=NEW_TOKENS,
        pad_token_id=0,
    )
    start = prompt.shape[1]
    with torch.no_grad():
        logits = model(input_ids=whole, use_cache=False).logits[:, start - 1 : -1]
    best = logits.topk(2, dim=-1)
    greedy = whole[:, start:]
    if greedy.shape != (prompt.shape[0], NEW_TOKENS):
        raise RuntimeError(f"generate stopped early: {tuple(greedy.shape)}")
    margin = (best.values[..., 0] - best.values[..., 1]).min().item()
    return greedy, margin if torch.equal(best.indices[..., 0], greedy) else 0.0
