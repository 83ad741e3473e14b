"""The folder of all runs: make, find and list them."""

from __future__ import annotations

import functools
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from digitcore.recipes import Recipe
from digitcore.runs.claimable import changes_lock
from digitcore.runs.errors import RunError, RunNotFoundError
from digitcore.runs.run import Run
from digitcore.runs.state import ACTIVE, State, to_json

_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
_PACKAGE = Path(__file__).parents[1]
# Runs that come with an installed digitcore; a checkout has them in `models`.
_SHIPPED = _PACKAGE / "shipped"


def models_dir() -> Path:
    """Where runs live: `DIGITCORE_MODELS_DIR`; else a checkout's `models`, beside the package.

    An installed digitcore keeps them in the person's own folder for data, such as
    `~/.local/share/digitcore/models`, so that they are found from any working folder.
    """
    if folder := os.environ.get("DIGITCORE_MODELS_DIR"):
        return Path(folder).expanduser()
    if not _SHIPPED.is_dir():
        return _PACKAGE.parent / "models"
    import platformdirs

    return Path(platformdirs.user_data_dir("digitcore", appauthor=False)) / "models"


def create(
    recipe: Recipe,
    parent: Run | None = None,
    fill: Callable[[Path], object] | None = None,
    title: str = "",
) -> Run:
    """A new queued run of this recipe; `queue.submit` also starts a worker for it.

    Args:
        recipe: what to train.
        parent: the run that it continues or is fine-tuned from.
        fill: called with the new folder before it gets its name, to put files there.
        title: as in `Run.rename`.

    Raises:
        OSError: the folder cannot be written. What `fill` raises is passed on.
    """
    folder = models_dir()
    folder.mkdir(parents=True, exist_ok=True)
    # Named last, so that nobody sees half a run.
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        new.chmod(0o755)
        (new / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
        if fill:
            fill(new)
        now = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        with changes_lock(folder):
            states = [state for _, state in list_states()]
            number = 1 + max((state.number for state in states), default=0)
            turn = 1 + max((state.turn for state in states), default=0)
            origin = parent.id if parent else None
            state = State("queued", now, "", title, number, turn, origin)
            (new / "state.json").write_bytes(to_json(replace(state, data_folder=data_folder())))
            while (path := folder / f"{stamp}-{recipe.name}-{secrets.token_hex(2)}").exists():
                pass
            new.rename(path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return Run(path)


def load(run_id: str) -> Run:
    """The run with that id; an installed digitcore puts the shipped one there if asked for it.

    Raises:
        RunNotFoundError: there is none. An id is a folder's name, never a path.
        OSError: the shipped run cannot be put there.
    """
    path = models_dir() / run_id
    # A link might lead out of the models folder, and deleting it would delete there.
    if not _ID.fullmatch(run_id) or path.is_symlink() or not path.is_dir():
        if _ID.fullmatch(run_id) and (_SHIPPED / run_id).is_dir():
            return _with_shipped(path)
        known = [run.id for run in list_runs()[:1]]
        hint = f" The newest is {known[0]}." if known else ""
        raise RunNotFoundError(f"There is no run of that name.{hint} Received: {run_id:.100}")
    return Run(path)


def find(name: str) -> Run:
    """The run with that id, or the one whose id ends so: `31e8`, as the app marks it.

    Raises:
        RunNotFoundError: there is none, or several end so.
        OSError: the shipped run cannot be put there.
    """
    try:
        return load(name)
    except RunNotFoundError:
        ending = [run for run in list_runs() if run.id.endswith(f"-{name}")]
        if not ending:
            raise
    if len(ending) > 1:
        known = ", ".join(run.id for run in ending[:5])
        raise RunNotFoundError(f"Several runs end so: {known}. Received: {name:.100}")
    return ending[0]


def _with_shipped(path: Path) -> Run:
    # A copy, because what is done with a run is written into its folder, and the package's is no place
    # to write. Named last, as in `create`.
    path.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=path.parent))
    try:
        shutil.copytree(_SHIPPED / path.name, new, dirs_exist_ok=True)
        new.chmod(0o755)
        new.rename(path)
    except OSError:
        shutil.rmtree(new, ignore_errors=True)
        if not path.is_dir():  # else another process was faster
            raise
    return Run(path)


def list_runs() -> list[Run]:
    """All runs, newest first, broken ones among them."""
    return [run for run, _ in _listed()]


def list_states() -> list[tuple[Run, State]]:
    """All runs, newest first, each with its state now."""
    return [(run, run.shown(written)) for run, written in _listed()]


def list_active() -> list[tuple[Run, State]]:
    """The runs that wait, train or are about to stop, newest first, with their states now."""
    told = [(run, run.state) for run, written in _listed() if written.status in ACTIVE]
    return [(run, state) for run, state in told if state.status in ACTIVE]


def data_folder() -> str | None:
    """Where DIGITCORE_DATA_DIR points, absolute, because a worker runs in another folder."""
    folder = os.environ.get("DIGITCORE_DATA_DIR")
    return str(Path(folder).expanduser().resolve()) if folder else None


# Pages list a thousand runs again and again, and building paths took most of that time.
@functools.lru_cache(maxsize=10_000)
def _run_at(path: str) -> Run:
    return Run(Path(path))


def _listed() -> list[tuple[Run, State]]:
    """All runs, newest first, each with the state in its file; broken if that cannot be read."""
    try:
        with os.scandir(models_dir()) as entries:
            found = [
                _run_at(entry.path)
                for entry in entries
                if _ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    told = []
    for run in found:
        try:
            told.append((run, run.written()))
        except RunNotFoundError:
            continue  # deleted since the folder was read
        except RunError as error:
            told.append((run, State("broken", created=0.0, message=str(error))))
    # By number: names are wrong where a clock jumped. A broken run has none.
    return sorted(told, key=lambda item: (item[1].number, item[0].id), reverse=True)
