#!/usr/bin/env python3
"""Holds the rules of `portbench migrate` against a port: which files had findings before it, and which it touched.

    scripts/calibrate_rules.py REPOSITORY COMMIT [--source src/] [--portbench target/release/portbench] [--all]

REPOSITORY is a clone with the history of the port, COMMIT the port. Its parent is scanned; nothing is written into the
clone. Prints the figures of crates/migrate/data/README.md, and a line a rule as its `calibration` in
crates/migrate/data/rules has it (where there were three files or more, or all with --all).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# What a port to another device changes in a library that knows several.
STRONG = {"device", "memory", "sync", "graph", "rng", "precision", "dtype", "distributed"}


def git(repository: Path, *arguments: str) -> str:
    """What git answers."""
    command = ["git", "-C", repository, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def findings(portbench: Path, repository: Path, revision: str) -> list[dict[str, Any]]:
    """The findings of a revision that count, with paths below its root."""
    with tempfile.TemporaryDirectory(prefix="portbench-calibrate-") as name:
        folder = Path(name)
        archive = folder / "tree.tar"
        git(repository, "archive", "--output", str(archive), revision)
        tree = folder / "tree"
        with tarfile.open(archive) as tar:
            tar.extractall(tree, filter="data")
        command = [portbench, "migrate", "scan", "tree", "--format", "json"]
        done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found = [f for f in json.loads(done.stdout)["findings"] if "suppressed" not in f]
    return [f | {"path": f["path"].removeprefix("tree/")} for f in found]


def main() -> None:
    """Scans, compares, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path)
    parser.add_argument("commit")
    parser.add_argument("--source", default="src/", help="where the library itself is")
    parser.add_argument("--portbench", type=Path, default=ROOT / "target/release/portbench", help="the program")
    parser.add_argument("--all", action="store_true", help="rules with few files too")
    arguments = parser.parse_args()
    before = f"{arguments.commit}^"
    existed = set(git(arguments.repository, "ls-tree", "-r", "--name-only", before).splitlines())
    changed = set(git(arguments.repository, "diff", "--name-only", before, arguments.commit).splitlines())
    touched = {path for path in changed & existed if path.endswith(".py")}
    found = findings(arguments.portbench.resolve(), arguments.repository, before)
    strong = [f for f in found if f["category"] in STRONG and f["severity"] != "info"]

    def of_source(some: list[dict[str, Any]]) -> set[str]:
        paths = {f["path"] for f in some}
        return {path for path in paths if path.startswith(arguments.source) and path.endswith(".py")}

    print(f"Python files that existed and were touched: {len(touched)}")
    print(f"of them with a finding of any rule: {len(touched & {f['path'] for f in found})}")
    print(f"of them with one of {', '.join(sorted(STRONG))}: {len(touched & {f['path'] for f in strong})}")
    print(f"files of {arguments.source} with such a finding: {len(of_source(strong))}")
    without = [f for f in strong if f["rule"] != "PY-DYN-015"]
    print(f"without PY-DYN-015: {len(of_source(without))}")
    for rule in sorted({f["rule"] for f in found}):
        files = of_source([f for f in found if f["rule"] == rule])
        if len(files) >= 3 or (files and arguments.all):
            print(f"{rule}: files = {len(files)}, touched = {len(files & touched)}")


if __name__ == "__main__":
    main()
