"""Runs for trying the site: copies of a published one as other platforms might have made them.

Their figures are made up, and go nowhere but into a temporary folder.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PUBLISHED = ROOT / "results" / "published"
HOSTILE = "<b onmouseover=alert(1)>\"'&</b>"

Json = dict[str, Any]


def make(into: Path) -> list[Path]:
    """Writes the runs below `into`; the first is a published one as it stands."""
    source = max(PUBLISHED.glob("*/run.json"), key=lambda path: len(list(path.parent.glob("cells/*.json")))).parent
    return [
        _copy(source, into / "20990101-000000000-0001", lambda record: record),
        _copy(source, into / "20990102-000000000-0002", _gpu),
        _copy(source, into / "20990103-000000000-0003", _trainium),
    ]


def _copy(source: Path, folder: Path, change: Callable[[Json], Json | None]) -> Path:
    (folder / "cells").mkdir(parents=True)
    info = json.loads((source / "run.json").read_text(encoding="utf-8"))
    info["plan"] = []
    for record in _records(source):
        changed = change(copy.deepcopy(record))
        cell = (changed or record)["cell"]
        fingerprint = record["problem"]["fingerprint"]
        info["plan"].append({"cell": cell, "fingerprint": fingerprint, "settings": "00" * 32})
        if changed is not None:
            name = ".".join([cell["workload"], cell["mode"], _word(cell["scenario"]), cell["backend"], cell["device"]])
            path = folder / "cells" / f"{name}.{cell['numerics']}.json".replace(":", "-").replace("@", "-")
            path.write_text(json.dumps(changed), encoding="utf-8")
    (folder / "run.json").write_text(json.dumps(info), encoding="utf-8")
    return folder


def _records(source: Path) -> Iterator[Json]:
    for path in sorted((source / "cells").glob("*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def _word(scenario: str | Json) -> str:
    return scenario if isinstance(scenario, str) else "server"


def _moved(record: Json, backend: str, device: str, versions: dict[str, str], accelerator: str, factor: float) -> Json:
    record["cell"] |= {"backend": backend, "device": device}
    if record["backend"]:
        record["backend"] |= {"backend": backend, "device": device, "versions": versions}
    for trial in record["trials"]:
        trial["measurement"]["accelerator"] = {
            "name": accelerator,
            "driver": "0.0 (made up)",
            "seconds": 1.0,
            "energy-joules": None,
            "energy-method": None,
            "memory-bytes": None,
            "other-processes": None,
            "readings": [],
        }
    for figure in record["figures"]:
        better = figure["metric"] in {"throughput", "prefill-throughput", "flop-rate"}
        times = figure["metric"].startswith(("latency", "ttft", "tpot"))
        by = factor if better else 1 / factor if times else 1.0
        figure["trials"] = [value * by for value in figure["trials"]]
        if figure["value"]["is"] == "estimated":
            for key in ("value", "low", "high"):
                figure["value"][key] *= by
    return record


def _failed(record: Json, outcome: str, detail: str) -> Json:
    return record | {
        "outcome": outcome,
        "detail": detail,
        "figures": [],
        "trials": [],
        "lowering": None,
        "parity": None,
        "backend": None,
    }


def _gpu(record: Json) -> Json | None:
    versions = {"tch": "0.0", "libtorch": "0.0 (made up)"}
    record = _moved(record, "tch", "cuda:0", versions, "NVIDIA H100 (made up)", 40.0)
    workload = record["cell"]["workload"]
    if workload == "conv2d":
        return None
    if workload == "stream":
        return _failed(record, "out-of-memory", "needs 96 GiB, the device has 80 GiB")
    if workload == "layer-norm":
        # The same name, another problem.
        record["problem"]["shape"] = record["problem"]["shape"] | {"rows": 1}
        record["problem"]["fingerprint"] = "f" * 32
    return record


def _trainium(record: Json) -> Json | None:
    versions = {"torch": "0.0", "neuronx-cc": "0.0 (made up)"}
    record = _moved(record, "neuron-trace", "neuron:0", versions, "AWS Trainium (made up)", 23.0)
    workload, numerics = record["cell"]["workload"], record["cell"]["numerics"]
    if numerics == "f16":
        return _failed(record, "unsupported", f"op `conv2d` has no f16 kernel: {HOSTILE}")
    if workload == "softmax":
        record["outcome"] = "incorrect"
        record["detail"] = "output `y` fails parity: R = 41, at most 3"
        record["figures"] = []
        record["parity"]["passed"] = False
        for output in record["parity"]["outputs"]:
            output |= {"ratio": 41.0, "passed": False}
    for number, trial in enumerate(record["trials"]):
        trial["phases"]["compile"] = 612.0 if number == 0 else 4.2
    for op in (record["lowering"] or [])[:2]:
        op["lowering"] = {"decomposed": {"reason": "no fused form on the device"}}
    return record
