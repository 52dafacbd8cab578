"""Signing in and out, and what operators ask for by forms; each is the same operation as that of the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from autopyfactory.model import OverrideKind, Scope
from autopyfactory.web.access import CallerHere, known_token, operator
from autopyfactory.web.api.operations import RetireWish, Wish, hold_back, resume, retire
from autopyfactory.web.pages.render import Pages
from autopyfactory.web.pages.words import queue_url
from autopyfactory.web.problems import Problem, faults

_FIELDS = 20
_SEE_OTHER = 303
NextPage = Annotated[str, Query(alias="next", max_length=2000, description="Where to go on afterwards.")]


def routes(pages: Pages) -> APIRouter:
    """Return the routes; those who may not read may sign in."""
    router = APIRouter()
    context, sessions = pages.context, pages.sessions

    @router.get("/login")
    async def ask(request: Request, next_: NextPage = "/") -> Response:
        """Ask for a token."""
        return pages.page(request, "login.html", next_page=_local(next_), refusal="")

    @router.post("/login")
    async def sign_in(request: Request) -> Response:
        """Sign a browser in with a token."""
        form = await form_of(request)
        next_page = _local(form.get("next", "/"))
        try:
            token = await known_token(context.reading, context.clock, form.get("token", "").strip())
            if not token.scopes & {Scope.READ, Scope.OPERATE}:
                raise Problem(403, "the token may neither read nor operate")
        except Problem as problem:
            return pages.page(
                request, "login.html", status=problem.status, next_page=next_page, refusal=problem.detail
            )
        answer = RedirectResponse(next_page, _SEE_OTHER)
        sessions.begin(request, answer, token.digest, context.clock.now())
        return answer

    @router.post("/logout")
    async def sign_out(request: Request) -> Response:
        """Sign a browser out."""
        await _own_form(pages, request)
        answer = RedirectResponse("/", _SEE_OTHER)
        sessions.end(request, answer)
        return answer

    @router.post("/operate")
    async def operate(request: Request, caller: CallerHere) -> Response:
        """Drain, resume or declare a downtime of a queue, or have pilots of it removed."""
        form = await _own_form(pages, request)
        operator(caller)
        queue, action = form.get("queue", ""), form.get("action", "")
        if action == "resume":
            await resume(context, caller, queue)
        elif action in ("drain", "downtime"):
            await hold_back(context, caller, queue, _wish(action, form))
        elif action == "retire":
            await retire(context, caller, queue, _retire_wish(form))
        else:
            raise Problem(422, "the form asks for nothing that is known")
        return RedirectResponse(queue_url(queue), _SEE_OTHER)

    return router


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form; raises `Problem` for what is none."""
    try:
        text = (await request.body()).decode()
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError as error:
        raise Problem(400, "the body is no form") from error


async def _own_form(pages: Pages, request: Request) -> dict[str, str]:
    """Return the fields of a form of this session's pages; raises `Problem` 403 for any other."""
    form = await form_of(request)
    if not pages.sessions.is_own_form(request, form.get("csrf", "")):
        raise Problem(403, "this form is of another session: sign in again, and send it anew")
    return form


def _wish(action: str, form: dict[str, str]) -> Wish:
    kind = OverrideKind.DRAINED if action == "drain" else OverrideKind.DOWNTIME
    with _usable():
        until = _moment(form.get("until", "")) if action == "downtime" else None
        return Wish(kind=kind, why=_why(form), until=until)


def _retire_wish(form: dict[str, str]) -> RetireWish:
    with _usable():
        fields = {"pilots": form.get("pilots", ""), "running": "running" in form, "why": _why(form)}
        return RetireWish.model_validate(fields)


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise Problem(422, "the form cannot be used as it is", errors=faults(error.errors())) from error


def _why(form: dict[str, str]) -> str:
    return form.get("why", "").strip()


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise Problem(422, "a downtime needs its end: a date and a time, in UTC") from error


def _local(url: str) -> str:
    """Return the URL if it stays on this web, else that of the first page."""
    stays = url.startswith("/") and not url.startswith(("//", "/\\"))
    return url if stays else "/"
