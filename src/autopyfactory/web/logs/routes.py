"""``/logs/DAY/QUEUE/FILE``: out, err and batch log of pilots."""

import html
import os
import zlib
from collections.abc import Iterator
from email.utils import formatdate
from itertools import islice
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, StreamingResponse

from autopyfactory.web.access import reader
from autopyfactory.web.context import WebContext
from autopyfactory.web.logs.beneath import NotThere, open_directory, open_file, steps
from autopyfactory.web.logs.following import FIRST_BYTES, Followers
from autopyfactory.web.logs.ranges import Span, Unsatisfiable, asked_for, tail
from autopyfactory.web.problems import Problem, responses

SERVED = (".out", ".err", ".log")
"""What pilots write; the folders hold what is submitted, too, which is nobody's business."""
_PIECE = 256 * 1024
_WORTH_ZIPPING = 4096
_MOST_BYTES = 2**40
_MAX_ENTRIES = 10_000
_CSP = "default-src 'none'; frame-ancestors 'none'; sandbox"


def routes(context: WebContext) -> APIRouter:
    """Return the routes; none but ``robots.txt`` where logs are not served."""
    router = APIRouter(include_in_schema=False)

    @router.get("/robots.txt")
    def robots() -> PlainTextResponse:
        """Keep search engines away."""
        return PlainTextResponse("User-agent: *\nDisallow: /\n")

    if context.config.web.logs:
        router.include_router(_log_routes(context))
    return router


def _log_routes(context: WebContext) -> APIRouter:
    root = context.config.factory.log_dir
    with_index = context.config.web.log_index
    access = reader(context.config.web)
    followers = Followers(context.clock)
    router = APIRouter(dependencies=[access])  # type: ignore[list-item]

    # plain functions: they run in threads, since log directories may lie on file servers
    @router.get("/logs/{path:path}", responses=responses(401, 403, 404, 416, 429, 503))
    def log(
        path: str,
        tail_bytes: Annotated[int | None, Query(alias="tail", ge=1, le=_MOST_BYTES)] = None,
        offset: Annotated[int | None, Query(ge=0, le=_MOST_BYTES)] = None,
        follow: Annotated[bool, Query()] = False,
        range_header: Annotated[str, Header(alias="range")] = "",
        accept_encoding: Annotated[str, Header()] = "",
    ) -> Response:
        """Send a file, a range or the last bytes of it, as it is now, or (``follow``) as it grows."""
        try:
            names = steps(path)
            if not path or path.endswith("/"):
                return _index(open_directory(root, names), path, allowed=with_index)
            if not path.endswith(SERVED):
                raise NotThere
            descriptor = open_file(root, names)
        except NotThere as error:
            raise Problem(404, "there is no such log") from error
        if follow:
            return _followed(descriptor, tail_bytes, offset, followers)
        return _file(descriptor, tail_bytes, range_header, zipped="gzip" in accept_encoding)

    return router


def _file(descriptor: int, tail_bytes: int | None, range_header: str, *, zipped: bool) -> Response:
    try:
        found = os.fstat(descriptor)
        size = found.st_size
        headers = {
            "accept-ranges": "bytes",
            "last-modified": formatdate(found.st_mtime, usegmt=True),
            "etag": f'"{found.st_mtime_ns:x}-{size:x}"',
            "cache-control": "no-cache",
            "content-security-policy": _CSP,
            "vary": "accept-encoding",
        }
        span = tail(tail_bytes, size) if tail_bytes is not None else asked_for(range_header, size)
    except Unsatisfiable as error:
        os.close(descriptor)
        raise _shorter(size) from error
    partial = span is not None and tail_bytes is None
    chosen = span or Span(0, size)
    pieces = _pieces(descriptor, chosen)
    if partial:
        headers["content-range"] = f"bytes {chosen.start}-{chosen.end - 1}/{size}"
    if zipped and not partial and chosen.size >= _WORTH_ZIPPING:
        headers["content-encoding"] = "gzip"
        pieces = _zipped(pieces)
    else:
        headers["content-length"] = str(chosen.size)
    return StreamingResponse(pieces, 206 if partial else 200, headers, "text/plain; charset=utf-8")


def _followed(descriptor: int, tail_bytes: int | None, offset: int | None, followers: Followers) -> Response:
    try:
        size = os.fstat(descriptor).st_size
        start = tail(tail_bytes or FIRST_BYTES, size).start if offset is None else offset
        if start > size:
            raise _shorter(size)
        followers.check_room()
    except Problem:
        os.close(descriptor)
        raise
    headers = {
        "cache-control": "no-store",
        "content-security-policy": _CSP,
        "x-accel-buffering": "no",  # a web server in front passes on what there is
        "x-log-offset": str(start),
    }
    return StreamingResponse(followers.follow(descriptor, start), 200, headers, "text/plain; charset=utf-8")


def _shorter(size: int) -> Problem:
    return Problem(416, "the log is shorter", headers={"content-range": f"bytes */{size}"})


def _pieces(descriptor: int, span: Span) -> Iterator[bytes]:
    # a generator that is thrown away unused never runs: whoever makes it has to use it
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        file.seek(span.start)
        left = span.size
        while left:
            piece = file.read(min(_PIECE, left))
            if not piece:  # cut short meanwhile; the length was promised
                piece = bytes(min(_PIECE, left))
            left -= len(piece)
            yield piece


def _zipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    zipper = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for piece in pieces:
        if some := zipper.compress(piece):
            yield some
    yield zipper.flush()


def _index(descriptor: int, path: str, *, allowed: bool) -> Response:
    try:
        if not allowed:
            raise NotThere
        with os.scandir(descriptor) as entries:
            found = sorted(_shown(entry) for entry in islice(entries, _MAX_ENTRIES))
    finally:
        os.close(descriptor)
    title = html.escape(f"/logs/{path}")
    lines = [f'<li><a href="{quote(name)}">{html.escape(name)}</a></li>' for name in found if name]
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
        f"<h1>{title}</h1><ul>{''.join(lines)}</ul></html>"
    )
    return HTMLResponse(page, headers={"content-security-policy": _CSP})


def _shown(entry: "os.DirEntry[str]") -> str:
    """Return how an entry is listed, or an empty text."""
    if entry.name.startswith("."):
        return ""
    if entry.is_dir(follow_symlinks=False):
        return f"{entry.name}/"
    return entry.name if entry.is_file(follow_symlinks=False) and entry.name.endswith(SERVED) else ""
