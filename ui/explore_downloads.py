"""What Explore gives to take away: the predictions as a table, and its figures as files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from digitcore.analysis import classification
from digitcore.datasets import Split
from digitcore.runs import Run
from ui import text
from ui.report_download import report_button

IN_FILE = 40  # images in the figure of those that are shown


def downloads(
    run: Run, name: str, probabilities: np.ndarray, split: Split, shown: np.ndarray
) -> None:
    names = run.recipe.info.classes
    predicted = probabilities.argmax(axis=1)
    some = shown[:IN_FILE]
    # Read here, because a file is made in another thread, which has no session.
    normalised = st.session_state.get("cells") not in (None, "counts")

    def predictions() -> bytes:
        rows = classification.table(probabilities, split.labels)
        return pd.DataFrame(rows).to_csv(index=False).encode()

    def confusion() -> bytes:
        from digitcore.figures import static

        matrix = classification.confusion(split.labels, predicted, len(names))
        return static.to_bytes(static.confusion_file(matrix, normalised, title, names), "png")

    def images() -> bytes:
        from digitcore.figures import static

        figure = static.images_file(
            split.images[some], split.labels[some], predicted[some], title, names
        )
        return static.to_bytes(figure, "png")

    title = f"{text.named(run)}, {name}"
    with st.container(horizontal=True):
        report_button([run])
        for label, data, ending in (
            ("Predictions, CSV", predictions, "predictions.csv"),
            ("Confusion, PNG", confusion, "confusion.png"),
            (f"First {len(some)} shown, PNG", images, "images.png"),
        ):
            st.download_button(
                label,
                data,
                file_name=f"{run.id}-{name}-{ending}",
                on_click="ignore",
                icon=":material/download:",
                disabled=ending == "images.png" and not len(some),
            )
