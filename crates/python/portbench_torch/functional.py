"""The optimiser's step as a function of tensors alone, for engines that compile a whole training step as one graph.

Nothing that changes from step to step is a number of Python's: it would be a constant of the graph, and another graph
at every step. `portbench_graph::Optimizer` specifies the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from portbench_torch.errors import missing_gradient
from portbench_torch.graph import Program, Training
from portbench_torch.module import Weights
from portbench_torch.training import learning_rate


def accumulator(dtype: torch.dtype) -> torch.dtype:
    """The element type that updates are computed and moments are kept in."""
    return torch.float64 if dtype == torch.float64 else torch.float32


class Update:
    """Clipping and the optimiser's formula: `(parameters, gradients, moments, scalars) -> (parameters, moments)`."""

    def __init__(self, spec: Training, params: Sequence[Tensor]) -> None:
        self.spec = spec
        self.wide = [accumulator(p.dtype) for p in params]
        adamw = spec.optimizer == "adamw"
        self.per_param = 2 if adamw else int(spec.settings["momentum"] != 0.0)
        decay = spec.settings.get("weight_decay", 0.0)
        everywhere = spec.settings.get("decay") == "all"
        self.decays = [decay if everywhere or p.dim() >= 2 else 0.0 for p in params]

    def moments(self, params: Sequence[Tensor]) -> list[Tensor]:
        """Zeros: the moments before the first step, those of a parameter side by side."""
        return [
            torch.zeros(p.shape, dtype=wide, device=p.device)
            for p, wide in zip(params, self.wide, strict=True)
            for _ in range(self.per_param)
        ]

    def scalars(self, step: int) -> Tensor:
        """What the formula takes from a step, counted from 0: its rate; for AdamW the two bias corrections."""
        rate = learning_rate(self.spec, step)
        values = [rate]
        if self.spec.optimizer == "adamw":
            beta1, beta2 = self.spec.settings["beta1"], self.spec.settings["beta2"]
            values += [1.0 - beta1 ** (step + 1), math.sqrt(1.0 - beta2 ** (step + 1))]
        dtype = torch.float64 if torch.float64 in self.wide else torch.float32
        return torch.tensor(values, dtype=dtype)

    def __call__(
        self, params: Sequence[Tensor], grads: Sequence[Tensor | None], moments: Sequence[Tensor], scalars: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """New parameters and moments. A parameter without a gradient stays."""
        scale = self._scale([g for g in grads if g is not None])
        new_params: list[Tensor] = []
        new_moments: list[Tensor] = []
        for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
            own = list(moments[i * self.per_param : (i + 1) * self.per_param])
            if grad is None:
                new_params.append(param)
                new_moments += own
                continue
            wide = self.wide[i]
            grad = grad.to(wide)  # noqa: PLW2901
            if scale is not None:
                grad = grad * scale.to(wide)  # noqa: PLW2901
            rule = self._adamw if self.spec.optimizer == "adamw" else self._sgd
            updated, own = rule(param.to(wide), grad, own, scalars.to(wide), self.decays[i])
            new_params.append(updated.to(param.dtype))
            new_moments += own
        return new_params, new_moments

    def _scale(self, grads: list[Tensor]) -> Tensor | None:
        limit = self.spec.clip_norm
        if limit is None:
            return None
        squares = [grad.to(accumulator(grad.dtype)).square().sum() for grad in grads]
        norm = torch.stack(squares).sum().sqrt()
        return torch.clamp(limit / (norm + 1e-6), max=1.0)

    def _sgd(
        self, param: Tensor, grad: Tensor, moments: list[Tensor], scalars: Tensor, _decay: float
    ) -> tuple[Tensor, list[Tensor]]:
        velocity = [self.spec.settings["momentum"] * v + grad for v in moments]
        return param - scalars[0] * (velocity[0] if velocity else grad), velocity

    def _adamw(
        self, param: Tensor, grad: Tensor, moments: list[Tensor], scalars: Tensor, decay: float
    ) -> tuple[Tensor, list[Tensor]]:
        settings = self.spec.settings
        beta1, beta2 = settings["beta1"], settings["beta2"]
        rate, bias1, root2 = scalars[0], scalars[1], scalars[2]
        first = beta1 * moments[0] + (1.0 - beta1) * grad
        second = beta2 * moments[1] + (1.0 - beta2) * grad.square()
        if decay != 0.0:
            param = param * (1.0 - rate * decay)
        return param - rate / bias1 * first / (second.sqrt() / root2 + settings["eps"]), [first, second]


class FunctionalTrainer:
    """A training step by autograd and an `Update`, for tensors whose operations are collected into one graph."""

    def __init__(self, program: Program, weights: Weights, to_device: Callable[[Tensor], Tensor]) -> None:
        """`to_device` takes a tensor of the host's to the parameters' device."""
        assert program.training is not None
        self.spec, self.to_device = program.training, to_device
        self.params = {name: weights.by_name[name] for name in program.trained()}
        params = list(self.params.values())
        self.update = Update(self.spec, params)
        self.apply: Callable[..., tuple[list[Tensor], list[Tensor]]] = self.update.__call__
        """The update, which an engine may replace by a compiled form."""
        self.moments = self.update.moments(params)
        self.steps = 0
        self.arm()

    def arm(self) -> None:
        """Puts the next step's scalars on the device."""
        self.scalars = self.to_device(self.update.scalars(self.steps))

    def step(self, loss: Tensor) -> None:
        """Differentiates the loss, clips, updates."""
        params = list(self.params.values())
        # A thread of autograd's own would let go of intermediate results at any time, and those alive when the graph is
        # compiled become results of it.
        with torch.autograd.set_multithreading_enabled(False):
            grads = torch.autograd.grad(loss, params, allow_unused=True) if params else ()
        if self.steps == 0:
            for name, grad in zip(self.params, grads, strict=True):
                if grad is None:
                    raise missing_gradient(name)
        with torch.no_grad():
            new_params, new_moments = self.apply(params, grads, self.moments, self.scalars)
            for old, new in zip((*params, *self.moments), (*new_params, *new_moments), strict=True):
                old.copy_(new)
        self.steps += 1
        self.arm()
