"""What the server gives to the engine in a page: its JavaScript, and the network of a run."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from digitcore import runs
from digitcore.runs import RunError
from ui import caching

_FOLDER = Path(__file__).parent / "engine"
SCRIPTS = tuple(sorted(path.name for path in _FOLDER.glob("*.js")))


def script(request: Request) -> Response:
    """One file of `ui/engine`; 404 for any other name."""
    name = request.path_params["name"]
    if name not in SCRIPTS:
        return Response(status_code=404)
    return FileResponse(
        _FOLDER / name, media_type="text/javascript", headers={"Cache-Control": "no-cache"}
    )


def network(request: Request) -> Response:
    """The network of `?run=…`, as `digitcore.runs.folded` packs it; 404 where there is none for a page."""
    try:
        content = caching.packed_network(runs.load(request.query_params.get("run", "")))
    except (RunError, ValueError):
        return Response(status_code=404)
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"Cache-Control": "private, max-age=3600"},
    )
