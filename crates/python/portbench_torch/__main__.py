"""The worker's program: `worker` serves one job, `conformance` examines an engine."""

from __future__ import annotations

import argparse
import functools
import json
import sys
from pathlib import Path

from portbench_torch import native
from portbench_torch import worker as watching
from portbench_torch.ahead import watch
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
    served = commands.choices["worker"]
    served.add_argument("--limit", type=float, help="seconds after which it is ended")
    served.add_argument("--unwatched", action="store_true", help="in this process, whatever the engine")
    commands.choices["conformance"].add_argument("--brief", action="store_true", help="one case of each form of an op")
    ahead = commands.add_parser("compile", help="compile programs for neuron-trace, without a device")
    ahead.add_argument("--target", required=True, choices=("trn1", "trn2", "trn3", "inf2"))
    ahead.add_argument("--limit", type=int, default=3600, help="seconds that a program may take")
    ahead.add_argument("--again", action="store_true", help="forget what failed before")
    ahead.add_argument("--unwatched", action="store_true", help="in this process and without a limit")
    ahead.add_argument("programs", nargs="+", type=Path, help="files of programs in their JSON form")
    arguments = parser.parse_args()
    if arguments.command == "compile":
        return compile_ahead(arguments)
    if arguments.command == "worker" and arguments.engine in watching.ENGINES and not arguments.unwatched:
        return watching.watched(arguments.engine, arguments.device, arguments.limit)
    engine = functools.partial(open_engine, arguments.engine, arguments.device)
    if arguments.command == "worker":
        return worker(engine)
    report, passed, _, failed = native.load().conformance(engine, arguments.brief)
    print(report, end="")
    return 0 if passed and not failed else 1


def compile_ahead(arguments: argparse.Namespace) -> int:
    """Compiles programs, a line of JSON for each entry; 1 where one failed."""
    try:
        if arguments.unwatched:
            from portbench_torch.compile import one  # noqa: PLC0415

            return max(one(arguments.target, program, arguments.again) for program in arguments.programs)
        target, limit, again = arguments.target, arguments.limit, arguments.again
        return max(watch(target, program, limit, again) for program in arguments.programs)
    except ImportError as error:
        print(json.dumps({"outcome": "failed", "text": str(error)}), flush=True)
        return 1


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
