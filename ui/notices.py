"""What a page says about a dataset that is not here yet, or of which other images are here."""

import streamlit as st

from digitcore import datasets
from digitcore.datasets import DatasetInfo, registry
from digitcore.runs import Run, RunError
from ui import reach, text


def chosen_dataset() -> str:
    """The dataset that is chosen on Train, from there or from the address; else the first one."""
    asked = st.session_state.get("dataset") or st.query_params.get("dataset")
    names = registry.names()
    return next((name for name in names if asked in (name, text.title(name))), names[0])


def data_notice(name: str | None = None) -> None:
    """One line while the dataset's images are not on this machine, or are others.

    Args:
        name: of the dataset; the chosen one unless given.
    """
    info = registry.get(name or chosen_dataset())
    try:
        if datasets.available(info.name) is None:
            _offer_download(info)
            return
        notice = datasets.load_dataset(info.name, download=False).notice
    except datasets.DataError as error:
        st.error(text.plain(str(error)), icon=":material/folder_off:")
        return
    if notice:
        st.caption(f":material/info: {text.plain(notice)}")


def _offer_download(info: DatasetInfo) -> None:
    network = reach.can_be_downloaded(info.name)
    offline = "" if network else _without_network(info)
    if not info.sources:
        said = (
            f"{info.title} is not on this machine. Put it into a folder `{info.name}` of the one "
            f"that `{datasets.VARIABLE}` names.{offline}"
        )
        if datasets.substitute(info.name):
            st.caption(f":material/info: {said}")
        else:
            st.error(said, icon=":material/folder_off:")
        return
    size = sum(file.size for file in info.sources[0]) / 1e6
    how = (
        f" yet. The first training downloads it ({size:.0f} MB)."
        if network
        else f", and no server that has it ({size:.0f} MB) can be reached.{offline}"
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f":material/cloud_download: {info.title} is not on this machine{how}", width="content"
        )
        wanted = st.button("Download it now", type="tertiary", icon=":material/download:")
    if not wanted:
        return
    bar = st.progress(0.0, f"Downloading {info.title}")

    def progress(done: int, total: int) -> None:
        words = f"Downloading {info.title}: {done / 1e6:.1f} of {total / 1e6:.1f} MB"
        bar.progress(min(1.0, done / total), words)

    try:
        datasets.fetch(progress, info.name)
    except OSError as error:
        bar.empty()
        st.error(
            f"{info.title} could not be downloaded ({text.plain(str(error))}). Try again where "
            f"there is a network, or set `{datasets.VARIABLE}` to a folder that has it."
        )
    else:
        st.rerun()


def _without_network(info: DatasetInfo) -> str:
    """What can be trained all the same, and how well."""
    if instead := datasets.substitute(info.name):
        return (
            f" Start works all the same: it trains on {instead.title}, {instead.train_images:,} small "
            f"images, and predicts {instead.expected} of their {instead.test_images:,} test images."
        )
    other = next(one for one in map(registry.get, registry.names()) if one.embedded)
    return (
        f" Choose the dataset {other.title}, which needs no network: Start predicts {other.expected} "
        f"of its {other.test_images:,} test images."
    )


def run_notice(run: Run) -> None:
    """One line when the run was trained on other images than its dataset's."""
    try:
        notice = run.metrics and run.metrics.data_notice
    except RunError:
        return  # the page says so where it needs the numbers
    if notice:
        st.caption(f":material/info: This run: {text.plain(notice)}")
