"""Style sheet, script, icon and the chart library, each at a URL with its hash: browsers keep them."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, Request, Response

from autopyfactory.web.problems import Problem

_FOLDER = Path(__file__).parent / "static"
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    hash: str
    media_type: str
    content: Callable[[], bytes]


def _own(name: str, media_type: str) -> Asset:
    content = (_FOLDER / name).read_bytes()
    return Asset(hashlib.sha256(content).hexdigest()[:16], media_type, lambda: content)


def _vega() -> Asset:
    # making the bundle takes a while: it is made when it is first asked for, and its version tells of it
    made_by = version("vl-convert-python")
    return Asset(hashlib.sha256(made_by.encode()).hexdigest()[:16], "text/javascript", _bundle)


@cache
def _bundle() -> bytes:
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle.encode()


@cache
def assets() -> dict[str, Asset]:
    """Return all files by name."""
    return {
        "page.css": _own("page.css", "text/css"),
        "page.js": _own("page.js", "text/javascript"),
        "icon.svg": _own("icon.svg", "image/svg+xml"),
        "vega.js": _vega(),
    }


def url_of(name: str) -> str:
    """Return where a file is served."""
    return f"/static/{assets()[name].hash}/{name}"


def routes() -> APIRouter:
    """Return the route; it is open to all, as the sign-in page needs it."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{hash_}/{name}")
    async def static(request: Request, hash_: str, name: str) -> Response:
        """Send a file that pages refer to."""
        asset = assets().get(name)
        if asset is None or asset.hash != hash_:
            raise Problem(404, "there is nothing here")
        tag = f'"{asset.hash}"'
        headers = {"cache-control": _FOREVER, "etag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(await asyncio.to_thread(asset.content), 200, headers, asset.media_type)

    return router
