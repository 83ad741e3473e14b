"""What the pages must show of a run, whatever its dataset; for tests."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from test_draw_number import sketch

from digitcore.datasets import DatasetInfo
from ui.sketches import sheet_of

ROOT = Path(__file__).parents[1]
# What Explore, Draw and Runs keep in the address beside the run.
KEPT = (
    *("true", "predicted", "sort", "confidence", "errors", "split", "cells", "page", "image"),
    *("filter", "status", "selected", "view", "cost", "ranking", "input", "sketch"),
    *("compare_on", "against", "compare_with", "compare_images", "compare_image", "compare_page"),
    *("ensemble", "ensemble_images", "ensemble_image", "ensemble_page"),
    *("explore_view", "rejected"),
    *("map_colour", "area", "writer", "images", "other", "beside"),
    *("labels_of", "suspect"),
    *("corruption", "severity", "robust_with"),
)


def visit(page: str, /, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    if page != "train":
        app.switch_page(f"pages/{page}.py").run()
    return app


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.error, app.subheader, app.header)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def bars(app: AppTest) -> list[str]:
    return [bar.proto.text for bar in app.get("progress")]


def live_answer(app: AppTest) -> dict[str, Any]:
    """What the server tells the page of the drawing on Draw."""
    components = [element.proto for element in app.get("bidi_component")]
    return dict(
        json.loads(next(one.json for one in components if one.component_name == "live_answer"))
    )


def drawn_on(run: str, info: DatasetInfo) -> None:
    """Draw reads a drawing as one of the dataset's classes, or says that none can be made like these."""
    like = info.drawing
    for stroke in ([], [(60, 60), (240, 60), (150, 60), (150, 260)]):
        sheet_of("other-canvas").update(sketch(stroke) if stroke else {"objects": []})
        app = visit("draw", run=run, sketch="other")
        assert not app.exception
        if like is None:
            assert f"No drawing can be made like the images of {info.title}" in said(app)
            assert not app.get("segmented_control")
            return
        shown = "".join(element.proto.body for element in app.get("html"))
        told = live_answer(app)
        size = f"{like.shape[1]}×{like.shape[0]} pixels"
        assert told["caption"] == f"{size}, as in {info.title}"
        assert told["names"] == list(info.classes)
        if stroke:
            assert len(told["probabilities"]) == info.class_count
            assert sum(told["probabilities"]) == pytest.approx(1, abs=1e-4)
            assert "Nearest training characters" in shown
        else:
            assert told["probabilities"] is None
            assert (
                f"Draw one of the {info.class_count} characters of {info.title}" in told["message"]
            )
    (ways,) = app.get("segmented_control")
    assert ways.options == ["Character", "Photo", "My handwriting"]
    ways.set_value("My handwriting").run()
    assert not app.exception
    assert f"the {info.class_count} classes of {info.title}: choose a run of MNIST" in said(app)
    app.get("segmented_control")[0].set_value("Photo").run()
    assert "A photo of a character: ink on paper" in said(app)
    picture = io.BytesIO()
    Image.fromarray(np.pad(np.zeros((60, 12), np.uint8), 40, constant_values=255)).save(
        picture, "PNG"
    )
    app.file_uploader[0].set_value(("photo.png", picture.getvalue(), "image/png")).run()
    assert not app.exception
    assert "Found one character" in said(app)
    shown = "".join(element.proto.body for element in app.get("html"))
    assert re.findall(r'<span class="class[^>]*>([^<]+)<', shown)[0] in info.classes


def explored(run: str, info: DatasetInfo) -> None:
    """Explore shows the run with the dataset's classes, and of many the most confused ones."""
    app = visit("explore", run=run)
    assert not app.exception
    assert "All errors" in said(app)
    tables = {tuple(table.value.columns): table.value for table in app.dataframe}
    scores = next(table for columns, table in tables.items() if "precision" in columns)
    assert list(scores["label"]) == list(info.classes)
    assert ("Most frequent confusions" in said(app)) == (info.class_count > 16)
    app.selectbox(key="true").select(info.class_count - 1).run()
    assert not app.exception
    last = info.classes[-1]
    assert f"{last} predicted wrong" in said(app) or "No image is selected" in said(app)
    app = visit("explore", run=run, explore_view="Probabilities")
    assert not app.exception
    assert "on average and is right in" in said(app)
    # Of many classes, and whatever the image shows, the dial has one to turn.
    turned = visit("explore", run=run, explore_view="Robustness")
    assert not turned.exception
    assert "Predicted as " in said(turned)
    assert ("synthetic drawings" in str([box.label for box in app.expander])) == (
        info.class_count == 10 and info.drawing is not None
    )
