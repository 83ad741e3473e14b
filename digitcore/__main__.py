"""The command line: train, runs, watch, stop, resume, fine-tune, evaluate, exam, compare,
report, labels, robustness, predict, data.

Results go to stdout, progress to stderr. Exit status: 0 done, 1 an error told in one
line, 2 wrong usage, 130 stopped.
"""

from __future__ import annotations

import argparse
import errno
import inspect
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

STOPPED = 130
_UNDONE = "Stopped before it was done."

try:
    from digitcore import __version__, runs
    from digitcore.commands.checking_labels import check_labels
    from digitcore.commands.comparing import compare
    from digitcore.commands.flags import Parser, Renamed, add_recipe_flags
    from digitcore.commands.measuring_robustness import robustness
    from digitcore.commands.measuring_runs import evaluate, examine, show_data
    from digitcore.commands.output import PROGRAM, one_line, sentence, to_json
    from digitcore.commands.training_runs import fine_tune, list_all, resume, stop, train, watch
    from digitcore.datasets import registry
    from digitcore.jobs.out_of_sample import SPLITS
    from digitcore.recipes.faults import did_you_mean, received
except KeyboardInterrupt:  # these imports take most of a second
    if "--json" in sys.argv:
        print(json.dumps({"error": _UNDONE}))
    print(f"Error: {_UNDONE}", file=sys.stderr)
    sys.exit(STOPPED)

_EPILOG = f"""\
What a command takes: {PROGRAM} train --help

A first walk:
  {PROGRAM} train --epochs 2           prints the run's id, which the others take
  {PROGRAM} runs
  {PROGRAM} predict RUN seven.png

Runs are folders in {{folder}}, elsewhere with DIGITCORE_MODELS_DIR. A training
goes on when its shell is closed. DIGITCORE_DATA_DIR is a folder that holds datasets."""
_DRAWINGS = "a file of drawings, which the page Draw exports"
_RUN = "a run's id, as `runs` lists it, or its last four characters"
_EARLIER_COMMANDS = {"teach": "fine-tune"}


def predict(options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Reads image files: files, folders, patterns, or CSV files of pixels as Kaggle has them."""
    # Imported here: no other command needs SciPy, which takes a third of the start.
    from digitcore.commands import predicting

    return predicting.predict(options)


def report(options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Writes a report of a run, or of several compared: HTML, PDF, and tables as CSV and LaTeX.

    It is a folder, or one file where --output ends so: `.html` and `.pdf` need no other file, `.zip` has all.
    """
    # Imported here: no other command needs Matplotlib.
    from digitcore.commands import reporting

    return reporting.write(options)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    options = _parsed(sys.argv[1:] if arguments is None else arguments)
    try:
        result, text = options.command(options)
        failed = result.get("status") in ("failed", "broken", "deleted")
        if failed:
            result["error"] = one_line(result["message"])
        _tell(to_json(result) if options.json else text)
    except BrokenPipeError:  # who reads has read enough, as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _fail(_UNDONE, options.json, STOPPED)
    except (ValueError, OSError, MemoryError) as error:
        return _fail(_no_room_for_runs(error) or sentence(error), options.json, 1)
    if failed:
        return _fail(result["message"], False, 1)  # its JSON has it
    return STOPPED if result.get("status") == "stopped" and options.command_name != "stop" else 0


def _tell(text: str) -> None:
    # A file's name may hold what no terminal can show.
    encoding = sys.stdout.encoding or "utf-8"
    if text:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def _fail(message: str, as_json: bool, status: int) -> int:
    line = one_line(message)
    if as_json:
        _tell(to_json({"error": line}))
    print(f"Error: {line}", file=sys.stderr)
    return status


def _no_room_for_runs(error: Exception) -> str:
    """What is wrong where the folder of runs cannot be written to, else an empty text."""
    folder = runs.models_dir()
    name = getattr(error, "filename", None)
    denied = isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    if not denied or not isinstance(name, str) or folder not in (Path(name), Path(name).parent):
        return ""
    return (
        f"Runs cannot be written to {folder}: {error.strerror}. "  # type: ignore[attr-defined]
        "DIGITCORE_MODELS_DIR names another folder."
    )


def _parsed(given: list[str]) -> argparse.Namespace:
    parser, commands = _parser()
    parser.as_json = "--json" in given
    first = given[0] if given else ""
    if now := _EARLIER_COMMANDS.get(first):
        parser.error(f"{first} is called {now} now")
    if first not in (*commands, "-h", "--help", "--version"):
        got = f"Received: {received(first)}{did_you_mean(first, commands)}" if first else ""
        parser.error(f"the first word is one of {', '.join(commands)}. {got}")
    return parser.parse_args(given)


def _parser() -> tuple[Parser, list[str]]:
    """The parser, and the names of its commands."""
    parser = Parser(
        prog=PROGRAM,
        description=(__doc__ or "").partition("\n\n")[2],
        epilog=_EPILOG.format(folder=runs.models_dir()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"digitcore {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, command: Callable[..., Any]) -> argparse.ArgumentParser:
        text = inspect.cleandoc(command.__doc__ or "")
        one = commands.add_parser(name, help=text.partition("\n")[0], description=text)
        one.add_argument(
            "--json", action="store_true", help="print one JSON object as the last line"
        )
        one.set_defaults(command=command, command_name=name)
        return one

    add_recipe_flags(add("train", train))
    lists = add("runs", list_all)
    lists.add_argument("run", metavar="RUN", nargs="?", help=_RUN)
    for name, command in (
        ("watch", watch),
        ("stop", stop),
        ("resume", resume),
        ("evaluate", evaluate),
        ("exam", examine),
    ):
        one = add(name, command)
        several: dict[str, Any] = {"nargs": "+"} if name == "evaluate" else {}
        one.add_argument("run", metavar="RUN", help=_RUN, **several)
        if name == "resume":
            one.add_argument(
                "--epochs",
                metavar="N",
                help="go on as a new run, up to that many epochs in all",
            )
        if name == "evaluate":
            one.add_argument("--handwriting", type=Path, metavar="FILE", help=_DRAWINGS)
            one.add_argument(
                "--hand", action=Renamed, now="--handwriting", nargs="?", help=argparse.SUPPRESS
            )
    tunes = add("fine-tune", fine_tune)
    tunes.add_argument("run", metavar="RUN", help=_RUN)
    tunes.add_argument("samples", metavar="FILE", type=Path, help=_DRAWINGS)
    _add_compare_flags(add("compare", compare))
    _add_compare_flags(add("robustness", robustness))
    _add_report_flags(add("report", report))
    _add_predict_flags(add("predict", predict))
    for one in (add("data", show_data), labels := add("labels", check_labels)):
        one.add_argument(
            "--dataset",
            default="mnist",
            metavar="NAME",
            help=f"one of {', '.join(registry.names())}",
        )
    _add_labels_flags(labels)
    return parser, list(commands.choices)


def _add_compare_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="+", help=_RUN)
    parser.add_argument(
        "--split",
        choices=("validation", "test"),
        default="validation",
        help="whose images; test is for reporting. Default: validation",
    )


def _add_labels_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--split", choices=SPLITS, help="suspects of these images alone. Default: both"
    )
    parser.add_argument("--most", default="30", metavar="N", help="suspects of each. Default: 30")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the suspects there as well")
    parser.add_argument(
        "--reviews-to",
        type=Path,
        metavar="FILE",
        help="write what people said of labels there (CSV)",
    )
    parser.add_argument(
        "--reviews-from",
        type=Path,
        metavar="FILE",
        help="first take in such a file, all or nothing",
    )
    parser.add_argument(
        "--again", action="store_true", help="train anew, whatever was found before"
    )
    parser.add_argument(
        "--recipe", metavar="NAME|FILE", help="what to train. Default: fast for 3 epochs"
    )
    parser.add_argument("--folds", default="4", metavar="N", help="from 2 to 20. Default: 4")


def _add_report_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="+", help=_RUN)
    parser.add_argument(
        "--output",
        "--out",
        type=Path,
        metavar="FOLDER|FILE",
        help="where to write it. Default: the folder report-RUN, here",
    )


def _add_predict_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=_RUN)
    parser.add_argument(
        "image",
        metavar="IMAGE",
        nargs="+",
        help="an image file of one character, a folder of such, a pattern as 'scans/*.png', or a CSV "
        "file of pixels",
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="write what was read there: image, class, confidence; of one CSV file of pixels what Kaggle "
        "takes, ImageId and Label",
    )


if __name__ == "__main__":
    sys.exit(main())
