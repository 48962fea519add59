"""Which of the two products named torch-neuronx is installed, read from versions and without importing either.

Up to 2.9 the package is the XLA line (torch_neuronx.trace, libneuronxla, torch_xla); from 2.13 it is TorchNeuron,
with a device `neuron` of its own. They share the name, and are never mixed.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from portbench_torch.engines.surroundings import CORES
from portbench_torch.errors import unavailable

XLA_LINE = "the XLA line of torch-neuronx (2.9 and before)"
NATIVE_LINE = "TorchNeuron (torch-neuronx 2.13 and later)"

# Names the directory of device files, for tests.
DEVICES = "PORTBENCH_NEURON_DEVICES"

# The first version of TorchNeuron.
FIRST_NATIVE = (2, 13)
# The last one of the XLA line.
LAST_XLA = (2, 9)
NO_VERSION = (0, 0)
# Physical cores of the chips that have the most, Trainium2 and Trainium3.
MOST_CORES = 8
# Where neuronx-cc is, with the version that was released with each line.
INDEX = "--extra-index-url https://pip.repos.neuron.amazonaws.com"
COMPILERS = {XLA_LINE: "neuronx-cc==2.26.6360.0", NATIVE_LINE: "neuronx-cc==2.28.7631.0"}
# Packages that only the XLA line needs.
OF_XLA = ("torch-xla", "libneuronxla")
NAMED = "or name the interpreter of its environment in PORTBENCH_PYTHON"
WAY_OUT = {
    XLA_LINE: f"run scripts/setup-neuron --line xla, {NAMED}",
    NATIVE_LINE: f"run scripts/setup-neuron --line native, {NAMED}",
}


@dataclass(frozen=True)
class Installed:
    """Versions of what belongs together."""

    line: str
    torch_neuronx: str
    torch: str
    compiler: str
    """Of neuronx-cc, which compiles."""

    def versions(self) -> dict[str, str]:
        """For the record."""
        return {"torch_neuronx": self.torch_neuronx, "neuronx-cc": self.compiler}


def versions_of(package: str) -> list[str]:
    """Every version of a package that Python's path holds, the one that would be imported first."""
    return list(dict.fromkeys(d.version for d in metadata.distributions(name=package)))


def numbers(version: str) -> tuple[int, int]:
    """Major and minor; `NO_VERSION` for text such as `dev`."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else NO_VERSION


def line_of(version: str) -> str | None:
    """The line of a version of torch-neuronx; none where it is of neither, or no version."""
    if numbers(version) >= FIRST_NATIVE:
        return NATIVE_LINE
    return XLA_LINE if NO_VERSION < numbers(version) <= LAST_XLA else None


def detect(wanted: str) -> Installed:
    """What is installed, which has to be of the wanted line and of one piece. Raises `unavailable` with the way out."""
    found = versions_of("torch-neuronx")
    hint = WAY_OUT[wanted]
    if not found:
        raise unavailable("the package torch-neuronx", hint)
    if len(found) > 1:
        what = f"one torch-neuronx: Python's path holds {' and '.join(found)}, which"
        raise unavailable(what, f"use an environment with one of them; {hint}")
    version = found[0]
    line = line_of(version)
    if line != wanted:
        name = line or "of neither line"
        raise unavailable(f"{wanted}: torch-neuronx here is {version}, {name}; it", hint)
    torch = (versions_of("torch") or ["none"])[0]
    if numbers(torch) != numbers(version):
        needed = ".".join(map(str, numbers(version)))
        what = f"torch {needed}, which torch-neuronx {version} belongs to (torch here is {torch}),"
        raise unavailable(what, hint)
    strangers = [p for p in OF_XLA if versions_of(p)] if wanted == NATIVE_LINE else []
    if strangers:
        what = f"TorchNeuron {version} alone: {' and '.join(strangers)} of the XLA line beside it; it"
        raise unavailable(what, f"the lines do not mix: use an environment without the other; {hint}")
    if wanted == XLA_LINE:
        xla = versions_of("torch-xla")
        if not xla:
            raise unavailable(f"torch-xla, which torch-neuronx {version} needs,", hint)
        if numbers(xla[0]) != numbers(version):
            raise unavailable(f"torch-xla of torch-neuronx {version} (torch-xla here is {xla[0]})", hint)
    return Installed(line, version, torch, compiler(wanted))


def compiler(line: str) -> str:
    """The version of neuronx-cc, which has to be there once. Raises `unavailable`."""
    found = versions_of("neuronx-cc")
    if not found:
        what = "neuronx-cc, which compiles,"
        raise unavailable(what, f"pip install {COMPILERS[line]} {INDEX} into that environment, or {WAY_OUT[line]}")
    if len(found) > 1:
        what = f"one neuronx-cc: Python's path holds {' and '.join(found)}, which"
        raise unavailable(what, f"use an environment with one of them; {WAY_OUT[line]}")
    return found[0]


def find(engine: str, device: str, wanted: str) -> Installed:
    """What an engine needs on a device `neuron:N`: the packages of its line, and a device. Raises `unavailable`."""
    kind, _, core = device.partition(":")
    if kind != "neuron" or not core.isdigit():
        raise unavailable(f"{engine} on `{device}`", "its devices are neuron:N, N a NeuronCore")
    installed = detect(wanted)
    directory = os.environ.get(DEVICES, "/dev")
    chips = len(list(Path(directory).glob("neuron[0-9]*")))
    if not chips:
        hint = "use a Trn or Inf2 instance with the driver aws-neuronx-dkms; portbench doctor says more"
        raise unavailable(f"a Neuron device ({directory}/neuron0)", hint)
    shown = os.environ.get(CORES, "")
    if shown.isdigit() and int(shown) >= chips * MOST_CORES:
        what = f"NeuronCore {shown} on a machine of {chips} chip(s) with {MOST_CORES} cores at most"
        raise unavailable(what, "portbench doctor counts the cores; take another device")
    return installed
