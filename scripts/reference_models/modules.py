"""TorchScript files as users save them, and files that are none."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from .common import generator, random_ids, randomise, write_tensors

WIDTH = 16
VOCABULARY = 64


class Tagger(nn.Module):
    """Embedding, recurrent layer, two heads: ops and a tuple that no graph of this project has."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.recurrent = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.tags = nn.Linear(WIDTH, 5)

    def forward(self, input_ids: torch.Tensor, scale: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        hidden, last = self.recurrent(self.embedding(input_ids) * scale)
        if int(input_ids.shape[1]) > 4:
            hidden = hidden * 2.0
        return self.tags(hidden), {"last": last}


def write_modules(directory: Path) -> None:
    """One image classifier traced, one tagger scripted, and what `torch.save` makes of either."""
    directory.mkdir(parents=True)
    classifier = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    classifier = classifier.eval()
    randomise(classifier, seed=0)
    pixels = torch.randn(2, 3, 16, 16, generator=generator(1))
    torch.jit.trace(classifier, pixels).save(str(directory / "traced.pt"))
    tagger = Tagger().eval()
    randomise(tagger, seed=2)
    ids, scale = random_ids((2, 6), VOCABULARY, seed=3), torch.tensor(0.5)
    torch.jit.script(tagger).save(str(directory / "scripted.pt"))
    torch.save(classifier.state_dict(), directory / "state.pt")
    torch.save(classifier.state_dict(), directory / "legacy.pt", _use_new_zipfile_serialization=False)
    with torch.no_grad():
        tags, more = tagger(ids, scale)
        inputs = {"x": pixels, "input_ids": ids, "scale": scale}
        expected = {"features": classifier(pixels), "tags": tags, "last": more["last"]}
    write_tensors(directory / "inputs.safetensors", inputs)
    write_tensors(directory / "expected.safetensors", expected)
