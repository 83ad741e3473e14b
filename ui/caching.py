"""What pages read often: bounded caches, keyed by run and file time."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from digitcore.analysis import comparable, outcome, selection
from digitcore.analysis.selection import Images
from digitcore.analysis.verdicts import Contender, Verdict, against_first
from digitcore.datasets import DataError, Dataset, Split, load_dataset
from digitcore.figures import curves
from digitcore.figures.style import Quantity
from digitcore.jobs import features, umap_points
from digitcore.jobs import out_of_sample as unseen
from digitcore.jobs.features import Components
from digitcore.jobs.out_of_sample import Newest, OutOfSample, SplitName, Suspect
from digitcore.jobs.umap_points import UmapPoints
from digitcore.runs import Run, RunError, RunStateError, folded, keras_file
from digitcore.runs.events import EventLog
from digitcore.runs.predictor import Predictor

if TYPE_CHECKING:
    from digitcore.analysis.attribution import Nearest

# Those who watch the same run see the same events, though each looks at another moment.
_SHARED_SECONDS = 0.2
# How a map is made.
MadeBy = Literal["PCA", "UMAP"]
MADE_BY: tuple[MadeBy, ...] = get_args(MadeBy)
_figures: WeakKeyDictionary[EventLog, dict[Quantity, go.Figure]] = WeakKeyDictionary()
_drawing = threading.Lock()


def predictor(run: Run) -> Predictor:
    """The run's network; raises RunError when it has none."""
    return _predictor(run.path, changed(run.path / "model.tflite"))


@st.cache_resource(max_entries=8, show_spinner=False)
def _predictor(path: Path, changed: float) -> Predictor:
    return Predictor(Run(path))


# Of a larger network, a browser would wait long for weights and for answers.
_MOST_IN_A_PAGE = 5_000_000  # parameters


def network_version(run: Run) -> str:
    """Changes with the run's network; empty where that has no place in a page, or is not there."""
    path = run.path / "model.keras"
    if not path.exists() or run.recipe.parameters > _MOST_IN_A_PAGE:
        return ""
    return f"{changed(path):.3f}"


def packed_network(run: Run) -> bytes:
    """The run's network as `runs.folded` packs it for a page; raises RunError where it has none for one."""
    if not network_version(run):
        raise RunStateError(f"The network of run {run.id} is not there, or too large for a page.")
    return _packed_network(run.path, changed(run.path / "model.keras"))


@st.cache_resource(max_entries=4, show_spinner=False)
def _packed_network(path: Path, changed: float) -> bytes:
    run = Run(path)
    return folded.packed(folded.folded(run.recipe, keras_file.weights(run)), run.recipe.input_shape)


def tables(run: Run) -> dict[str, np.ndarray]:
    """The run's probabilities for `test` and `validation`, read-only; raises RunError."""
    return _tables(run.path, changed(run.path / "probabilities.npz"))


@st.cache_resource(max_entries=16, show_spinner=False)
def _tables(path: Path, changed: float) -> dict[str, np.ndarray]:
    arrays = Run(path).probabilities()
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def images(run: Run, split: str, table: np.ndarray, labels: np.ndarray) -> Images:
    """What a selection asks of the split's images, computed once for all sessions.

    Args:
        run, split: whose `table` of probabilities, float32 (N, classes), and `labels`, (N,), these are.
    """
    return _images(run.path, changed(run.path / "probabilities.npz"), split, run, table, labels)


@st.cache_resource(max_entries=16, show_spinner=False)
def _images(
    path: Path, changed: float, split: str, _run: Run, _table: np.ndarray, _labels: np.ndarray
) -> Images:
    return selection.images(_table, _labels, _run.recipe.info.classes)


def predicted(run: Run, split: str) -> np.ndarray:
    """The classes that the run predicted for that split, uint8 (N,), read-only; raises RunError.

    Kept for many more runs than `tables`, of which it is a small part.
    """
    return _predicted(run.path, changed(run.path / "probabilities.npz"), split)


@st.cache_resource(max_entries=128, show_spinner=False)
def _predicted(path: Path, changed: float, split: str) -> np.ndarray:
    classes = comparable.predicted(Run(path), split)
    classes.flags.writeable = False
    return classes


def verdicts(
    members: Sequence[Sequence[Run]],
    contenders: Sequence[Contender],
    labels: np.ndarray,
    split: str,
) -> list[Verdict]:
    """`verdicts.against_first`, computed once for the same runs by the same names.

    Args:
        members: the runs of each contender.
        contenders, labels, split: as there.
    """
    files = tuple(
        (one.name, *((run.path, changed(run.path / "probabilities.npz")) for run in runs))
        for one, runs in zip(contenders, members, strict=True)
    )
    return _verdicts(files, split, len(labels), contenders, labels)


@st.cache_resource(max_entries=64, show_spinner=False)
def _verdicts(
    files: object, split: str, images: int, _contenders: Sequence[Contender], _labels: np.ndarray
) -> list[Verdict]:
    return against_first(_contenders, _labels, split)


def components(run: Run) -> Components | None:
    """What is known of the features of the run's images, read-only; None if nothing; raises RunError."""
    # The metrics say which network and data it must be of.
    return _components(run.path, changed(features.path_of(run)), changed(run.path / "metrics.json"))


def map_points(run: Run, by: MadeBy) -> Mapping[str, np.ndarray] | None:
    """Of "test" and "validation", where each image is on the map, float32 (N, 2); None where there is no
    such map; raises RunError."""
    known: Components | UmapPoints | None
    if by == "PCA":
        known = components(run)
    else:
        metrics_changed = changed(run.path / "metrics.json")
        known = _umap(run.path, changed(umap_points.path_of(run)), metrics_changed)
    return known and {name: getattr(known, name)[:, :2] for name in ("test", "validation")}


@st.cache_resource(max_entries=4, show_spinner=False)
def _umap(path: Path, changed: float, metrics_changed: float) -> UmapPoints | None:
    return umap_points.read(Run(path))


@st.cache_resource(max_entries=4, show_spinner=False)
def _components(path: Path, changed: float, metrics_changed: float) -> Components | None:
    known = features.read(Run(path))
    if known:
        for name in ("test", "validation", "training"):
            getattr(known, name).flags.writeable = False
    return known


def out_of_sample(run: Run) -> OutOfSample | None:
    """What the cross-validation has found so far, read-only; None if nothing; raises RunError."""
    return _out_of_sample(run.path, changed(run.path / unseen.FILE))


@st.cache_resource(max_entries=4, show_spinner=False)
def _out_of_sample(path: Path, changed: float) -> OutOfSample | None:
    return unseen.read(Run(path))


def suspects(newest: Newest, split: SplitName, most: int, dataset: Dataset) -> list[Suspect]:
    """`out_of_sample.suspects` of a cross-validation, ranked once for all sessions.

    Args:
        newest: the cross-validation.
        split, most: as there.
        dataset: its images, as `dataset` gives them.
    """
    run = newest.run
    return _suspects(run.path, changed(run.path / unseen.FILE), split, most, newest, dataset)


@st.cache_resource(max_entries=8, show_spinner=False)
def _suspects(
    path: Path,
    changed: float,
    split: SplitName,
    most: int,
    _newest: Newest,
    _dataset: Dataset,
) -> list[Suspect]:
    labels = unseen.labels_of(split, _dataset)
    return unseen.suspects(_newest.out_of_sample, split, labels, most)


def rejection_threshold(run: Run) -> float | None:
    """The confidence below which the run's network is not sure; None where it cannot be computed.

    It is infinite where the network is hardly better than guessing: nothing that it says is sure.
    """
    try:
        validation = tables(run)["validation"]
        return outcome.rejection_threshold(run.metrics, validation, run.recipe.info.class_count)
    except (RunError, ValueError):
        return None


def nearest(run: Run) -> tuple[Split, Nearest] | None:
    """A training split of the run's dataset, and what finds the most alike in it; None where the
    dataset is not here."""
    try:
        found = load_dataset(run.recipe.dataset, download=False)
    except DataError:
        return None
    train = found.train
    return None if found.notice else (train, _nearest(found.checksum, len(train), train))


def nearest_trained(run: Run) -> tuple[Split, Nearest]:
    """The images that the run learned, and what finds the most alike in them; raises DataError."""
    found = dataset(run)
    return found.train, _nearest(found.checksum, len(found.train), found.train)


@st.cache_resource(max_entries=2, show_spinner=False)
def _nearest(checksum: str, images: int, _split: Split) -> Nearest:
    # With it comes SciPy, a fifth of what a server imports; its first page needs none.
    from digitcore.analysis.attribution import Nearest

    return Nearest(_split.images)


def dataset(run: Run | None = None) -> Dataset:
    """The run's dataset as it is on this machine, split as its recipe says; never downloads."""
    if run is None:
        return load_dataset(download=False)
    return load_dataset(
        run.recipe.dataset,
        validation_split=run.recipe.validation_split,
        training_images=run.recipe.training_images,
        download=False,
    )


def events(run: Run, *, anew: bool = False) -> EventLog:
    """The run's events that count, each byte of the file read once for all sessions.

    Unless asked `anew`, they may be a moment old.
    """
    return run.log(0.0 if anew else _SHARED_SECONDS)


def learning_curves(log: EventLog, quantity: Quantity, classes: int) -> go.Figure:
    """`figures.curves.learning_curves`, drawn once for all who hold that log; not to be changed."""
    with _drawing:
        drawn = _figures.setdefault(log, {})
        if quantity not in drawn:
            figure = curves.learning_curves(log, quantity, classes)
            # Streamlit asks for this each time, and it takes longer than all else it does.
            sent = figure.to_dict()
            figure.to_dict = lambda: sent
            drawn[quantity] = figure
        return drawn[quantity]


def changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
