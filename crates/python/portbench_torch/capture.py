"""A whole training step as one graph: forward, backward and optimiser, captured by make_fx."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.attention import SDPBackend, sdpa_kernel

from portbench_torch.emit import Entry
from portbench_torch.errors import missing_gradient
from portbench_torch.functional import Update


def training_step(
    entry: Entry,
    trained: Sequence[str],
    loss: str,
    update: Update,
    example: Sequence[Tensor],
    moments: Sequence[Tensor],
) -> tuple[fx.GraphModule, list[Tensor]]:
    """A function of the entry's arguments, the moments, the step's scalars and constants, and the constants.

    It returns outputs and new states as the entry does, new parameters in the order of `trained`, and new moments.
    Raises `missing_gradient`.
    """
    places = [entry.params.index(name) for name in trained]
    count = len(example)

    def step(*arguments: Tensor) -> tuple[Tensor, ...]:
        values = list(arguments[:count])
        own, scalars = arguments[count:-1], arguments[-1]
        with torch.enable_grad():
            for place in places:
                values[place] = values[place].detach().requires_grad_()
            params = [values[place] for place in places]
            results = entry.module(*values)
            grads = torch.autograd.grad(results[entry.outputs.index(loss)], params, allow_unused=True)
        for name, grad in zip(trained, grads, strict=True):
            if grad is None:
                raise missing_gradient(name)
        new_params, new_moments = update([p.detach() for p in params], grads, own, scalars)
        return (*(r.detach() for r in results), *new_params, *new_moments)

    # Attention as matrix products and a softmax: nothing else can lower a fused kernel of the CPU's.
    with sdpa_kernel(SDPBackend.MATH):
        module = make_fx(step)(*example, *moments, update.scalars(0))
    return module, lift(module)


def lift(module: fx.GraphModule) -> list[Tensor]:
    """Makes arguments of what the graph holds or would create on the device of capturing; returns their values."""
    graph = module.graph
    values: list[Tensor] = []
    last = [node for node in graph.nodes if node.op == "placeholder"][-1]
    for node in list(graph.nodes):
        operands = (*node.args, *node.kwargs.values())
        if node.op == "get_attr":
            value = getattr(module, node.target)
        elif node.op == "call_function" and "device" in node.kwargs:
            if any(isinstance(a, fx.Node) for a in operands):
                # `full_like` and its kind take the device of their operand.
                node.kwargs = {k: v for k, v in node.kwargs.items() if k not in {"device", "pin_memory"}}
                continue
            value = node.target(*node.args, **node.kwargs)
        else:
            continue
        with graph.inserting_after(last):
            last = graph.placeholder(f"lifted_{len(values)}")
        # A number of Python's is held as f64, which a program without f64 has no other use for.
        values.append(value.float() if value.dtype == torch.float64 else value)
        node.replace_all_uses_with(last)
        graph.erase_node(node)
    module.recompile()
    return values
