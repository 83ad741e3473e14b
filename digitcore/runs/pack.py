"""Runs as one zip file, to be given to others; nothing in it tells of this computer's folders."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath
from typing import IO, Any

from digitcore.runs.folder import models_dir
from digitcore.runs.run import Run

_ROOT = r"(?:/|~/|[A-Za-z]:[/\\]|\\\\)"
_WHOLE_PATH = re.compile(rf"{_ROOT}[^\n\"'/\\]+(?:[/\\][^\n\"'/\\]*)*")
_PATH = re.compile(rf"(?<![\w./~:<]){_ROOT}(?:[^\s\"'/\\:,;<>|]+[/\\])+")


def write_zip(chosen: Iterable[Run], file: IO[bytes]) -> None:
    """Writes the folders of these runs as one zip file.

    Without checkpoints, which are large, and without what would name a person: the worker's
    log, the data folder, and the folders in every other path.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for run in chosen:
            for path in sorted(run.path.iterdir()):
                # A link may lead to any file of this computer.
                if not path.is_file() or path.is_symlink() or path.name.startswith("."):
                    continue
                name = f"{run.id}/{path.name}"
                if path.suffix == ".json":
                    archive.writestr(name, _told(path.read_text("utf-8", "replace"), indent=1))
                elif path.suffix == ".jsonl":
                    lines = path.read_text("utf-8", "replace").splitlines()
                    told = (_told(line, separators=(",", ":")) for line in lines)
                    archive.writestr(name, "".join(f"{line}\n" for line in told if line))
                elif path.suffix != ".log":
                    archive.write(path, name)


def _told(text: str, **style: Any) -> str:
    """The same JSON without folders; empty if it is damaged, as it might hide some."""
    try:
        return json.dumps(without_folders(json.loads(text)), **style)
    except (ValueError, RecursionError):
        return ""


def without_folders(value: Any) -> Any:
    """A JSON value in which each absolute path is its last name alone, and no folder of data."""
    if isinstance(value, dict):
        kept = {key: None if key == "data_folder" else inner for key, inner in value.items()}
        return {without_folders(key): without_folders(inner) for key, inner in kept.items()}
    if isinstance(value, list):
        return [without_folders(inner) for inner in value]
    if not isinstance(value, str):
        return value
    # These may have blanks, and the last name of a home folder is its person's.
    for folder, name in ((models_dir().resolve(), "models"), (Path.home(), "~")):
        if folder != Path(folder.anchor):
            value = re.sub(rf"{re.escape(str(folder))}(?![\w-])", name, value)
    if _WHOLE_PATH.fullmatch(value):
        return PureWindowsPath(value).name
    return _PATH.sub("", value)
