"""A double of torch_neuronx (the XLA line), for tests. Nothing here is AWS's, compiles a NEFF or sees a device.

`trace` lowers what it is given with PyTorch/XLA, as the package does, and refuses what cannot be lowered or has a
dynamic dimension. What it returns executes on the CPU with torch.jit.trace. It is strict where the package is:
shapes and element types are fixed, inputs are tensors of the host's, aliases are found by the identity of a tensor,
options have one spelling.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.stateless import _reparametrize_module
from torch.overrides import TorchFunctionMode

from torch_neuronx import utils

__all__ = ["move_trace_to_device", "replace_weights", "trace", "utils"]
__version__ = "2.9.0+double"

# What becomes of a compilation: `refused` with a code, `large` for the device, `killed`, `slow`; `missing`, where there
# is no compiler; `disk`, where nothing can be written; `hungry`, where it takes memory; otherwise it succeeds.
VARIABLE = "PORTBENCH_DOUBLE_COMPILER"
# Whether another process has the cores: `held`.
CORES = "PORTBENCH_DOUBLE_CORES"
FLAGS = {
    "--target",
    "--auto-cast",
    "--auto-cast-type",
    "--optlevel",
    "--lnc",
    "--native-int64",
    "--implicit-integer-downcast",
}


class Holder(nn.Module):
    """Named tensors."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.register_parameter(name, nn.Parameter(tensor.detach().clone(), requires_grad=False))


class Executed(nn.Module):
    """The fused operator: kept tensors, and a forward that writes those that are aliased."""

    def __init__(self, func: nn.Module, example: tuple[torch.Tensor, ...], aliases: dict[str, int]) -> None:
        super().__init__()
        tensors = _tensors(func)
        self.weights = Holder({n: t for n, t in tensors.items() if n not in aliases})
        self.states = Holder({n: t for n, t in tensors.items() if n in aliases})
        # In a list, or it would bring its tensors a second time.
        self.hidden = [func]
        self.aliases = aliases
        self.shapes = [list(t.shape) for t in example]
        self.likes = [torch.empty(0, dtype=t.dtype) for t in example]

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        inputs = tuple(_checked(v, s, t) for v, s, t in zip(inputs, self.shapes, self.likes, strict=True))
        tensors = {n: getattr(part, n) for part in (self.weights, self.states) for n in part._parameters}
        # All are computed from the old values before any is written.
        results = [r.clone() for r in _called(self.hidden[0], tensors, inputs)]
        for name, index in self.aliases.items():
            results[index] = getattr(self.states, name).copy_(results[index])
        return tuple(results)


@torch.library.custom_op("portbench_double::convolution_backward", mutates_args=())
def _convolution_backward(
    grad: torch.Tensor, x: torch.Tensor, w: torch.Tensor, window: list[int], groups: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients of input, weight and bias; `window` has stride, padding and dilation."""
    stride, padding, dilation = window[:2], window[2:4], window[4:]
    return torch.ops.aten.convolution_backward(
        grad, x, w, [w.shape[0]], stride, padding, dilation, False, [0, 0], groups, [True, True, True]
    )


class _Narrowed(TorchFunctionMode):
    """Rounds operands of matrix products to bfloat16, as `--auto-cast matmult --auto-cast-type bf16` has it."""

    PRODUCTS = ("matmul", "linear", "mm", "bmm", "addmm", "baddbmm")

    def __torch_function__(
        self, func: Callable[..., object], types: object, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        if getattr(func, "__name__", "").split(".")[0] in self.PRODUCTS:
            args = tuple(a.bfloat16().float() if getattr(a, "dtype", None) == torch.float32 else a for a in args)
        return func(*args, **(kwargs or {}))


class _Spelled(TorchFunctionMode):
    """Replaces the one op that torch.jit.trace has no form for: it takes a list of booleans."""

    def __torch_function__(
        self, func: Callable[..., object], types: object, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        if func is torch.ops.aten.convolution_backward.default:
            grad, x, w, _bias, stride, padding, dilation, _transposed, _output_padding, groups, wanted = args
            found = _convolution_backward(grad, x, w, [*stride, *padding, *dilation], groups)
            return tuple(g if keep else None for g, keep in zip(found, wanted, strict=True))
        return func(*args, **(kwargs or {}))


@torch.jit.script
def _checked(value: torch.Tensor, shape: list[int], like: torch.Tensor) -> torch.Tensor:
    """Refuses other shapes, element types and devices than those of the example; the saved module does it too."""
    if not value.is_cpu:
        raise RuntimeError("an input is not on the CPU")
    if list(value.shape) != shape or value.dtype != like.dtype:
        raise RuntimeError("an input has another shape or element type than the example")
    return value


def trace(
    func: nn.Module,
    example_inputs: torch.Tensor | tuple[torch.Tensor, ...],
    *_: object,
    input_output_aliases: dict[torch.Tensor, int] = {},  # noqa: B006
    compiler_workdir: str | None = None,
    compiler_args: str | list[str] | None = None,
    partitioner_config: object = None,
    inline_weights_to_neff: bool = True,
    cpu_backend: bool = False,
) -> torch.jit.ScriptModule:
    """Traces a module; the signature is the package's."""
    if _:
        raise TypeError("trace() takes 2 positional arguments")
    if partitioner_config is not None:
        raise NotImplementedError("the double does not partition")
    example = (example_inputs,) if isinstance(example_inputs, torch.Tensor) else example_inputs
    if not isinstance(example, tuple) or not all(isinstance(t, torch.Tensor) for t in example):
        raise TypeError("example_inputs has to be a tensor or a tuple of tensors")
    if any(t.device.type != "cpu" for t in example):
        raise RuntimeError("example inputs have to be on the CPU")
    aliases = _aliases(func, input_output_aliases, inline_weights_to_neff)
    flags = _arguments(compiler_args)
    if cpu_backend and "--target" not in flags:
        raise ValueError("cpu_backend needs --target among the compiler's arguments")
    work = Path(compiler_workdir or "neuron-double-work")
    work.mkdir(parents=True, exist_ok=True)
    _compile(_lower(func, example, aliases), work)
    cast = (flags.get("--auto-cast", "none"), flags.get("--auto-cast-type", "bf16"))
    if cast[0] != "none" and cast != ("matmult", "bf16"):
        raise NotImplementedError(f"the double does not compute with --auto-cast {' '.join(cast)}")
    narrowed = contextlib.nullcontext() if cast[0] == "none" else _Narrowed()
    with warnings.catch_warnings(), narrowed, _Spelled():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        traced = torch.jit.trace(Executed(func, example, aliases), example, check_trace=False)
    with torch.no_grad():
        # Tracing has executed it.
        for name, value in _tensors(func).items():
            getattr(traced.states if name in aliases else traced.weights, name).copy_(value)
    return traced


def replace_weights(neuron_model: torch.jit.ScriptModule, weights: dict[str, torch.Tensor] | nn.Module) -> None:
    """Gives the weights that lie beside the graph other values."""
    given = weights.state_dict() if isinstance(weights, nn.Module) else weights
    known = dict(neuron_model.weights.named_parameters())
    if set(given) - set(known):
        raise ValueError(f"there are no weights {sorted(set(given) - set(known))}")
    with torch.no_grad():
        for name, value in given.items():
            if known[name].shape != value.shape or known[name].dtype != value.dtype:
                raise ValueError(f"the weight {name} has another shape or element type")
            known[name].copy_(value)


def move_trace_to_device(trace: torch.jit.ScriptModule, device_id: int) -> None:
    """Would move weights and states to a NeuronCore."""
    if not isinstance(trace, torch.jit.ScriptModule):
        raise TypeError("trace has to be a traced module")
    if not isinstance(device_id, int) or device_id < 0:
        raise ValueError("device_id counts NeuronCores from 0")
    if os.environ.get(CORES) == "held":
        raise RuntimeError("NeuronCore(s) not available - Requested:1 Available:0")


def _called(
    func: nn.Module, tensors: dict[str, torch.Tensor], inputs: tuple[torch.Tensor, ...]
) -> tuple[torch.Tensor, ...]:
    """The module's results with other tensors in place of its own, where torch.func.functional_call refuses."""
    with _reparametrize_module(func, tensors):
        return func.forward(*inputs)


def _tensors(func: nn.Module) -> dict[str, torch.Tensor]:
    return dict(func.named_parameters()) | dict(func.named_buffers())


def _aliases(func: nn.Module, given: dict[torch.Tensor, int], inlined: bool) -> dict[str, int]:
    """The aliased tensors by their names."""
    names = {id(tensor): name for name, tensor in _tensors(func).items()}
    found: dict[str, int] = {}
    for tensor, index in given.items():
        if id(tensor) not in names:
            raise ValueError("an aliased tensor is neither a parameter nor a buffer of the module")
        found[names[id(tensor)]] = index
    if len(set(found.values())) != len(found):
        raise ValueError("two tensors are aliased to one result")
    if inlined and len(found) < len(names):
        raise NotImplementedError("the double keeps weights beside the graph: inline_weights_to_neff=False")
    return found


def _arguments(given: str | list[str] | None) -> dict[str, str]:
    """The compiler's flags, each with its value."""
    words = given.split() if isinstance(given, str) else list(given or ())
    flags = dict(zip(words[::2], words[1::2], strict=True))
    unknown = sorted(set(flags) - FLAGS)
    if unknown:
        raise RuntimeError(f"neuronx-cc: unrecognized arguments: {' '.join(unknown)}")
    return flags


def _lower(func: nn.Module, example: tuple[torch.Tensor, ...], aliases: dict[str, int]) -> str:
    """The graph as text of XLA's, made on lazy tensors. Refuses what is not one static graph."""
    os.environ["PJRT_DEVICE"] = "CPU"
    import torch_xla  # noqa: PLC0415
    from torch_xla.debug import metrics  # noqa: PLC0415

    device = torch_xla.device()
    before = set(metrics.counter_names())
    with torch.no_grad():
        tensors = {n: t.detach().to(device) for n, t in _tensors(func).items()}
        results = _called(func, tensors, tuple(t.to(device) for t in example))
    if not isinstance(results, tuple) or not all(isinstance(r, torch.Tensor) for r in results):
        raise TypeError("the module has to return a tuple of tensors")
    if any(r.device != device for r in results):
        raise RuntimeError("a result was computed on the CPU: something is made there by name")
    fallen = sorted(n for n in set(metrics.counter_names()) - before if n.startswith("aten::"))
    if fallen:
        raise RuntimeError(f"no lowering for {', '.join(fallen)}")
    for name, index in aliases.items():
        kept, result = tensors[name], results[index]
        if kept.shape != result.shape or kept.dtype != result.dtype:
            raise RuntimeError(f"result {index} cannot take the place of {name}: its shape or element type differs")
    hlo = torch_xla._XLAC._get_xla_tensors_hlo(list(results))
    if "<=" in hlo:
        raise RuntimeError("[NCC_EMOD025] a dimension is not static")
    # Not in the graph's own steps: for a CPU, PyTorch/XLA compares with a number of Python's in f64.
    if any(t.dtype == torch.float64 for t in (*tensors.values(), *example, *results)):
        raise RuntimeError("there is no f64")
    return hlo


def _compile(hlo: str, work: Path) -> None:
    """Where the package would start neuronx-cc."""
    (work / "graph.hlo.txt").write_text(hlo)
    match os.environ.get(VARIABLE):
        case "refused":
            print("ERROR: [NCC_EVRF013] Operator topk does not take int32 or int64", file=sys.stderr, flush=True)
            raise RuntimeError("neuronx-cc failed with 70")
        case "large":
            print("[NCC_EOOM001] Peak HBM usage of 32.00GB exceeds 16.00GB", file=sys.stderr, flush=True)
            raise RuntimeError("neuronx-cc failed with 70")
        case "missing":
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", "neuronx-cc")
        case "disk":
            raise OSError(errno.ENOSPC, "No space left on device")
        case "hungry":
            code = "import time; kept = b'1' * (100 << 20); time.sleep(2)"
            subprocess.run([sys.executable, "-S", "-c", code], check=True)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "slow":
            signal.pause()
