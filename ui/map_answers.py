"""What the server tells a map in a browser: where its points are, and the images that it wants to show.

Sixty thousand images are not put into a page: the browser asks for those under the pointer, and for those
that are in sight once there are few.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from digitcore import runs
from digitcore.datasets import DataError
from digitcore.runs import Run, RunError
from ui import caching

MOST_IMAGES = 400
COLUMNS = 20  # of the picture that has several images
_KEPT = {"Cache-Control": "private, max-age=3600"}
_SPLITS = ("test", "validation")


def points(request: Request) -> Response:
    """Of each image of `?run=…&split=…&by=…`: float32 x and y, then uint8 true, predicted and confidence of 255.

    Each of the four is a run of N values: N × 8 bytes, then N, N and N. 404 where there is no such map.
    """
    try:
        run, split = _run_and_split(request)
        known = caching.map_points(run, _made_by(request))
        labels = getattr(caching.dataset(run), split).labels
        table = caching.tables(run)[split]
    except (RunError, DataError, ValueError):
        return Response(status_code=404)
    if known is None or len(known[split]) != len(labels) or len(table) != len(labels):
        return Response(status_code=404)
    columns = (
        known[split].astype("<f4"),
        labels.astype(np.uint8),
        table.argmax(axis=1).astype(np.uint8),
        np.round(255 * table.max(axis=1)).astype(np.uint8),
    )
    content = b"".join(column.tobytes() for column in columns)
    return Response(content, media_type="application/octet-stream", headers=_KEPT)


def images(request: Request) -> Response:
    """The images `?run=…&split=…&images=3,17,…` as one PNG, `COLUMNS` beside each other; 404 if one is not there."""
    try:
        run, split = _run_and_split(request)
        pixels = getattr(caching.dataset(run), split).images
        asked = request.query_params.get("images", "").split(",")[:MOST_IMAGES]
        if not all(one.isdecimal() and len(one) < 10 for one in asked):
            return Response(status_code=404)
        tiles = pixels[np.array(asked).astype(np.int64)]
    except (RunError, DataError, ValueError, IndexError):
        return Response(status_code=404)
    columns = min(COLUMNS, len(tiles))
    blank = np.zeros((-len(tiles) % columns, *tiles.shape[1:]), np.uint8)
    rows = np.concatenate([tiles, blank]).reshape(-1, columns, *tiles.shape[1:])
    height, width = tiles.shape[1:]
    picture = rows.transpose(0, 2, 1, 3).reshape(len(rows) * height, columns * width)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
    return Response(buffer.getvalue(), media_type="image/png", headers=_KEPT)


def _made_by(request: Request) -> caching.MadeBy:
    by = request.query_params.get("by", "PCA")
    for known in caching.MADE_BY:
        if by == known:
            return known
    raise ValueError(f"by is one of {', '.join(caching.MADE_BY)}. Received: {by!r:.100}")


def _run_and_split(request: Request) -> tuple[Run, str]:
    split = request.query_params.get("split", "")
    if split not in _SPLITS:
        raise ValueError(f"split is one of {', '.join(_SPLITS)}. Received: {split!r:.100}")
    return runs.load(request.query_params.get("run", "")), split
