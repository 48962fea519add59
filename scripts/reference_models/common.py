"""Random weights and files, shared by every kind of reference model."""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import PreTrainedModel

Tensors = dict[str, torch.Tensor]


def generator(seed: int) -> torch.Generator:
    """A CPU generator with its own seed."""
    return torch.Generator().manual_seed(seed)


def random_value(name: str, shape: torch.Size, rng: torch.Generator) -> torch.Tensor:
    """A float32 value for a parameter or a buffer, wide enough that an error in any one of them shows in the output.

    Matrices and filters have a standard deviation of 1.2 / sqrt(fan-in), embeddings 0.3, vectors 0.2 around 1 (weights
    of norms) or 0 (biases, running means); running variances lie in 0.5..1.5.
    """
    if name.endswith("running_var"):
        return 0.5 + torch.rand(shape, generator=rng)
    noise = torch.randn(shape, generator=rng)
    if len(shape) == 1:
        return 0.2 * noise + (1.0 if name.endswith("weight") else 0.0)
    if "embed" in name or name.endswith(("wte.weight", "wpe.weight")):
        return 0.3 * noise
    # GPT-2's own linear layers store [in, out]; every other matrix and filter has the outputs first.
    in_first = name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight"))
    fan_in = shape[0] if in_first else math.prod(shape[1:])
    return 1.2 / math.sqrt(fan_in) * noise


def randomise(model: nn.Module, seed: int) -> None:
    """Fills every parameter and running statistic, in the order of their names."""
    rng = generator(seed)
    values = dict(model.named_parameters())
    values |= {name: b for name, b in model.named_buffers() if name.endswith(("running_mean", "running_var"))}
    with torch.no_grad():
        for name in sorted(values):
            values[name].copy_(random_value(name, values[name].shape, rng))


def random_ids(shape: tuple[int, ...], vocab: int, seed: int) -> torch.Tensor:
    """Token ids, uniform over the vocabulary."""
    return torch.randint(0, vocab, shape, generator=generator(seed))


def write_tensors(path: Path, tensors: Tensors) -> None:
    """One safetensors file, each tensor contiguous and with memory of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    owned = {name: value.detach().contiguous().clone() for name, value in tensors.items()}
    save_file(owned, str(path), metadata={"format": "pt"})


def write_json(path: Path, value: object) -> None:
    """Indented JSON with a final newline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def write_model(
    model: PreTrainedModel, directory: Path, inputs: Tensors, expected: Tensors, shard: str = "1GB"
) -> None:
    """A Hugging Face directory with its inputs and expected outputs, reloaded to check that every weight is there."""
    model.save_pretrained(directory, max_shard_size=shard)
    write_tensors(directory / "inputs.safetensors", inputs)
    write_tensors(directory / "expected.safetensors", expected)
    check_reload(model, directory)


def check_reload(model: PreTrainedModel, directory: Path) -> None:
    """What `from_pretrained` makes of the directory has the weights of the model in memory."""
    again = type(model).from_pretrained(directory).state_dict()
    for name, value in model.state_dict().items():
        if not torch.equal(value, again[name]):
            raise RuntimeError(f"{directory}: {name} changed on the way through the file")


def use_published_rope_keys(directory: Path) -> None:
    """Rewrites `rope_parameters` of config.json into `rope_theta` and `rope_scaling`, the keys of checkpoints
    published before transformers 5.
    """
    path = directory / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    rope = dict(config.pop("rope_parameters"))
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = rope if rope.get("rope_type") != "default" else None
    write_json(path, config)
