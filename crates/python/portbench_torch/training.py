"""A training step as `portbench_graph::TrainSpec` says: autograd, clipping, the optimiser's update."""

from __future__ import annotations

import math

import torch
from torch import nn

from portbench_torch.errors import missing_gradient
from portbench_torch.graph import Program, Training
from portbench_torch.module import Weights


class Trainer:
    """Gradients and updates of a program's trained parameters."""

    def __init__(self, program: Program, weights: Weights, device: torch.device) -> None:
        assert program.training is not None
        self.spec = program.training
        self.params = {name: weights.by_name[name] for name in program.trained()}
        self.optimizer = optimizer(self.spec, list(self.params.values()), device)
        self.steps = 0

    def step(self, loss: torch.Tensor) -> None:
        """Differentiates the loss, clips, updates."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.steps == 0:
            for name, param in self.params.items():
                if param.grad is None:
                    raise missing_gradient(name)
        self.update()

    def update(self) -> None:
        """Clips the gradients there are, and updates."""
        if self.spec.clip_norm is not None:
            clip(list(self.params.values()), self.spec.clip_norm)
        rate = learning_rate(self.spec, self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.steps += 1


def optimizer(spec: Training, params: list[nn.Parameter], device: torch.device) -> torch.optim.Optimizer:
    """PyTorch's optimiser that computes the specified formulas, fused where it is."""
    fused = device.type in {"cpu", "cuda"}
    settings = spec.settings
    if spec.optimizer == "sgd":
        return torch.optim.SGD(params, lr=0.0, momentum=settings["momentum"], fused=fused)
    decayed = [p for p in params if settings["decay"] == "all" or p.dim() >= 2]
    rest = [p for p in params if settings["decay"] != "all" and p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": settings["weight_decay"]}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        [g for g in groups if g["params"]],
        lr=0.0,
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["eps"],
        fused=fused,
    )


def clip(params: list[nn.Parameter], limit: float) -> None:
    """Multiplies every gradient by `min(1, limit / (norm + 1e-6))`, the norm taken over all of them."""
    nn.utils.clip_grad_norm_(params, limit)


def learning_rate(spec: Training, step: int) -> float:
    """The schedule's rate of a step, counted from 0."""
    rates = spec.rates
    peak = rates["rate"]
    if spec.schedule == "constant":
        return peak
    warmup, steps, floor = rates["warmup"], rates["steps"], rates["floor"]
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    if step >= steps:
        return floor
    progress = (step - warmup) / (steps - warmup)
    return floor + 0.5 * (1.0 + math.cos(math.pi * progress)) * (peak - floor)
