"""The worker's program: `worker` serves one job, `conformance` examines an engine."""

from __future__ import annotations

import argparse
import functools
import json
import sys

from portbench_torch import native
from portbench_torch.engines import ENGINES, open_engine

# Version of the worker protocol, for the one message that is sent without the extension module. A test holds it
# against that module's.
PROTOCOL = 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="portbench_torch", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (("worker", "serve one job on stdin and stdout"), ("conformance", "run the conformance suite")):
        command = commands.add_parser(name, help=about)
        command.add_argument("--engine", required=True, choices=sorted(ENGINES))
        command.add_argument("--device", default="cpu")
    commands.choices["conformance"].add_argument("--brief", action="store_true", help="one case of each form of an op")
    arguments = parser.parse_args()
    engine = functools.partial(open_engine, arguments.engine, arguments.device)
    if arguments.command == "worker":
        return worker(engine)
    report, passed, _, failed = native.load().conformance(engine, arguments.brief)
    print(report, end="")
    return 0 if passed and not failed else 1


def worker(engine: functools.partial) -> int:
    """Serves one job."""
    try:
        module = native.load()
    except ImportError as error:
        text = f"the extension module of the Python worker is not available: {error}"
        lines = (
            {"message": "hello", "protocol": PROTOCOL, "worker": "portbench_torch"},
            {"message": "failed", "failure": {"kind": "unavailable"}, "text": text},
        )
        for line in lines:
            print(json.dumps(line), flush=True)
        return 0
    module.serve(engine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
