"""From what a person names, files, folders and patterns, to the files."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

from digitcore.drawing.image_files import SUFFIXES


def files(name: str) -> list[str]:
    """The files that a name stands for.

    Args:
        name: a file; a folder, for all image files in it and in its folders; or a pattern such as
            `scans/*.png`, `**` for folders at any depth, where the shell has not put files in its place.

    Returns:
        Paths in the order that people count in, 2 before 10. A file need not exist.

    Raises:
        FileNotFoundError: the folder has no image file, or the pattern fits none.
    """
    if os.path.isdir(name):
        found = [path for path in _walked(name) if path.lower().endswith(SUFFIXES)]
        if not found:
            raise FileNotFoundError(f"{name}: there is no image file in this folder")
        return found
    if os.path.lexists(name) or not glob.has_magic(name):
        return [name]
    found = sorted(filter(os.path.isfile, glob.glob(name, recursive=True)), key=_counted)
    if not found:
        raise FileNotFoundError(f"{name}: no file fits this pattern")
    return found


def _walked(folder: str) -> Iterator[str]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted((f for f in folders if not f.startswith(".")), key=_counted)
        shown = (name for name in names if not name.startswith("."))
        yield from (str(Path(here, name)) for name in sorted(shown, key=_counted))


def _counted(name: str) -> list[tuple[bool, int, str]]:
    """A key that sorts numbers in a name by their value."""
    pieces = re.split(r"([0-9]+)", name)
    return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in pieces]
