"""The command line: train, runs, stop, resume, fine-tune, evaluate, exam, predict, data.

Results go to stdout, progress to stderr. Exit status: 0 done, 1 an error told in one
line, 2 wrong usage, 130 stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from digitcore.commands.flags import Renamed, add_recipe_flags
from digitcore.commands.measuring_runs import evaluate, examine, predict, show_data
from digitcore.commands.output import PROGRAM
from digitcore.commands.training_runs import fine_tune, list_all, resume, stop, train
from digitcore.datasets import registry

STOPPED = 130
_EARLIER_COMMANDS = {"teach": "fine-tune"}


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    parser = _parser()
    given = sys.argv[1:] if arguments is None else arguments
    if given and (now := _EARLIER_COMMANDS.get(given[0])):
        parser.error(f"{given[0]} is called {now} now")
    options = parser.parse_args(given)
    try:
        result, text = options.command(options)
        told = json.dumps(result, allow_nan=False) if options.json else text
        # A file's name may hold what no terminal can show.
        encoding = sys.stdout.encoding or "utf-8"
        print(told.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except KeyboardInterrupt:
        return STOPPED
    except BrokenPipeError:  # who reads has read enough, as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        if options.json:
            print(json.dumps({"error": str(error)}))
        print(f"Error: {error}", file=sys.stderr)
        return 1
    if result.get("status") in ("failed", "broken", "deleted"):
        print(f"Error: {result['message']}", file=sys.stderr)
        return 1
    return STOPPED if result.get("status") == "stopped" and options.command_name != "stop" else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[..., Any]) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        one.add_argument("--json", action="store_true", help="print one JSON object")
        one.set_defaults(command=command, command_name=name)
        return one

    add_recipe_flags(add("train", train))
    add("runs", list_all)
    for name, command in (
        ("stop", stop),
        ("resume", resume),
        ("evaluate", evaluate),
        ("exam", examine),
    ):
        one = add(name, command)
        several: dict[str, Any] = {"nargs": "+"} if name == "evaluate" else {}
        one.add_argument("run", metavar="RUN", help="a run's id", **several)
        if name == "resume":
            one.add_argument(
                "--epochs", type=int, help="go on as a new run, up to so many epochs in all"
            )
        if name == "evaluate":
            one.add_argument("--handwriting", type=Path, metavar="FILE", help="a file of drawings")
            one.add_argument(
                "--hand", action=Renamed, now="--handwriting", nargs="?", help=argparse.SUPPRESS
            )
    tunes = add("fine-tune", fine_tune)
    tunes.add_argument("run", metavar="RUN", help="a run's id")
    tunes.add_argument("samples", metavar="FILE", type=Path, help="a file of drawings")
    asks = add("predict", predict)
    asks.add_argument("run", metavar="RUN", help="a run's id")
    asks.add_argument("image", metavar="IMAGE", nargs="+", help="an image file of one character")
    described = add("data", show_data)
    described.add_argument(
        "--dataset", default="mnist", metavar="NAME", help=f"one of {', '.join(registry.names())}"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
