"""Tiny image classifiers: ViT and ResNet."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    PreTrainedModel,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)

from .common import generator, randomise, write_model

LABELS = 10


def write_vit(directory: Path) -> None:
    """ViT with 8 x 8 patches on 32 x 32 images."""
    config = ViTConfig(
        image_size=32,
        patch_size=8,
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=128,
        num_labels=LABELS,
    )
    config._attn_implementation = "eager"
    write_classifier(ViTForImageClassification(config), directory, size=32)


def write_resnet(directory: Path) -> None:
    """ResNet with bottleneck blocks in four stages, as ResNet-50 but shallow and narrow, on 64 x 64 images."""
    config = ResNetConfig(
        embedding_size=16,
        hidden_sizes=[32, 64, 96, 128],
        depths=[2, 1, 2, 1],
        layer_type="bottleneck",
        num_labels=LABELS,
    )
    write_classifier(ResNetForImageClassification(config), directory, size=64)


def write_classifier(model: PreTrainedModel, directory: Path, size: int) -> None:
    """Model, two images, logits and the last hidden state."""
    model.eval()
    randomise(model, seed=0)
    inputs = {"pixel_values": torch.randn(2, 3, size, size, generator=generator(1))}
    with torch.no_grad():
        out = model(**inputs, output_hidden_states=True)
        hidden = model.base_model(**inputs).last_hidden_state
    write_model(model, directory, inputs, {"logits": out.logits, "last_hidden_state": hidden})
