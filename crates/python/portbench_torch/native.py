"""The extension module `portbench_python`, built by cargo from the crate beside this package."""

from __future__ import annotations

import importlib.util
import os
import sys
from functools import cache
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from types import ModuleType

NAME = "portbench_python"
VARIABLE = "PORTBENCH_PYTHON_EXTENSION"
FILE = f"lib{NAME}.dylib" if sys.platform == "darwin" else f"lib{NAME}.so"


def find() -> Path:
    """The file that `PORTBENCH_PYTHON_EXTENSION` names, else what `cargo build --release` puts into this checkout."""
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else Path(__file__).parents[3] / "target" / "release" / FILE
    if not path.is_file():
        raise ImportError(f"{path} is not there; build it: cargo build --release -p portbench-python")
    return path


@cache
def load() -> ModuleType:
    """The module, once a process. Raises `ImportError`."""
    path = find()
    spec = importlib.util.spec_from_file_location(NAME, path, loader=ExtensionFileLoader(NAME, str(path)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no extension module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
