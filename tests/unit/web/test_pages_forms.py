"""Signing in, and operating by forms: who may, who cannot be tricked into it, and the trail of it."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from web_world import AGLT2, NOW, Answer, Web, serving_web

from autopyfactory.api import StoreUnavailable
from autopyfactory.model import OverrideKind, PilotState, Scope, Transition
from autopyfactory.testkit.desk_store import AUDIT

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
DRAIN = {"queue": "AGLT2", "action": "drain", "why": "disk"}


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with serving_web(tmp_path) as web:
        yield web


async def send(web: Web, path: str, cookie: str = "", **fields: str) -> Answer:
    headers = {**FORM, **({"Cookie": cookie} if cookie else {})}
    return await web.call("POST", path, headers=headers, data=urlencode(fields), allow_redirects=False)


async def shown(web: Web, path: str, cookie: str = "") -> Answer:
    headers = {"Accept": "text/html", **({"Cookie": cookie} if cookie else {})}
    return await web.get(path, headers=headers, allow_redirects=False)


async def signed_in(web: Web, *scopes: Scope) -> str:
    """Return the cookie of a browser that signed in."""
    answer = await send(web, "/login", token=await web.token(*scopes), next="/hosts")
    assert (answer.status, answer.headers["location"]) == (303, "/hosts")
    return answer.headers["set-cookie"].partition(";")[0]


async def csrf_of(web: Web, cookie: str) -> str:
    found = re.search(rb'name="csrf" value="([0-9a-f]+)"', (await shown(web, "/", cookie)).body)
    assert found is not None
    return found[1].decode()


async def test_a_form_does_what_the_api_does_and_leaves_the_same_trail(web: Web) -> None:
    cookie = await signed_in(web, Scope.OPERATE)
    csrf = await csrf_of(web, cookie)
    answer = await send(web, "/operate", cookie, csrf=csrf, **DRAIN)
    assert (answer.status, answer.headers["location"]) == (303, "/queues/AGLT2")
    assert (await web.store.overrides())[AGLT2].holds_back(NOW) == "drained by ann: disk"
    assert (await send(web, "/operate", cookie, csrf=csrf, queue="AGLT2", action="resume")).status == 303
    assert await web.store.overrides() == {}
    trail = [(entry.who, entry.action, entry.target, entry.origin) for entry in await web.store.audit()]
    assert trail[:2] == [
        ("ann", "resume", "AGLT2", "127.0.0.1"),
        ("ann", "drain", "AGLT2", "127.0.0.1"),
    ]


async def test_pilots_are_removed_by_a_form(web: Web) -> None:
    await web.store.record([Transition(pilot, NOW, PilotState.PENDING) for pilot in web.pilots])
    cookie = await signed_in(web, Scope.OPERATE)
    fields = {"csrf": await csrf_of(web, cookie), "queue": "AGLT2", "action": "retire"}
    for wrong in ({}, {"pilots": "many"}, {"pilots": "0"}, {"pilots": "1", "why": "x" * 501}):
        assert (await send(web, "/operate", cookie, **wrong, **fields)).status == 422
    assert (await send(web, "/operate", cookie, pilots="2", why="old image", **fields)).status == 303
    assert set(await web.store.retirements()) == set(sorted(web.pilots)[-2:])
    assert (await web.store.audit())[0].action == "retire"


async def test_a_downtime_ends_at_the_time_of_the_form_in_utc(web: Web) -> None:
    cookie = await signed_in(web, Scope.OPERATE)
    fields = {"csrf": await csrf_of(web, cookie), "queue": "AGLT2", "action": "downtime"}
    assert (await send(web, "/operate", cookie, until="2026-03-01T13:30", **fields)).status == 303
    override = (await web.store.overrides())[AGLT2]
    assert (override.kind, override.until) == (OverrideKind.DOWNTIME, NOW + timedelta(minutes=90))
    for wrong in ("", "tomorrow", "2026-03-01T11:00", "9999-12-31T23:59"):
        assert (await send(web, "/operate", cookie, until=wrong, **fields)).status == 422
    assert (await web.store.overrides())[AGLT2] == override


async def test_a_form_of_another_site_changes_nothing(web: Web) -> None:
    cookie = await signed_in(web, Scope.OPERATE)
    other = await csrf_of(web, await signed_in(web, Scope.OPERATE))
    for csrf in ("", "0" * 64, "é", other):
        assert (await send(web, "/operate", cookie, csrf=csrf, **DRAIN)).status == 403
        assert (await send(web, "/logout", cookie, csrf=csrf)).status == 403
    assert (await send(web, "/operate", csrf=other, **DRAIN)).status == 403
    assert await web.store.overrides() == {}


async def test_the_cookie_opens_pages_and_never_the_api(web: Web) -> None:
    cookie = await signed_in(web, Scope.OPERATE)
    headers = {"Cookie": cookie}
    refused = await web.call("PUT", "/api/v1/overrides/AGLT2", headers=headers, json={"kind": "drained"})
    assert refused.status == 401
    assert await web.store.overrides() == {}


async def test_who_may_only_read_sees_no_forms_and_cannot_send_them(web: Web) -> None:
    cookie = await signed_in(web, Scope.READ)
    assert b'action="/operate"' not in (await shown(web, "/queues/AGLT2", cookie)).body
    assert (await send(web, "/operate", cookie, csrf=await csrf_of(web, cookie), **DRAIN)).status == 403
    operating = await signed_in(web, Scope.OPERATE)
    assert b'action="/operate"' in (await shown(web, "/queues/AGLT2", operating)).body


async def test_a_session_lets_read_where_reads_are_closed_logs_too(tmp_path: Path) -> None:
    async with serving_web(tmp_path, reads="closed") as web:
        cookie = await signed_in(web, Scope.READ)
        assert (await shown(web, "/", cookie)).status == 200
        assert (await shown(web, "/logs/2026-03-01/AGLT2/1.0.out", cookie)).status == 404
        assert (await shown(web, "/logs/2026-03-01/AGLT2/1.0.out")).status == 303
        assert (await web.get("/api/v1/queues", headers={"Cookie": cookie})).status == 401


async def test_a_session_ends_with_its_time_and_with_its_token(web: Web) -> None:
    cookie = await signed_in(web, Scope.OPERATE)
    csrf = await csrf_of(web, cookie)
    (token,) = await web.store.tokens()
    web.clock.at += timedelta(hours=12, seconds=1)
    assert b"Sign in</a>" in (await shown(web, "/", cookie)).body
    assert (await send(web, "/operate", cookie, csrf=csrf, **DRAIN)).status == 401
    web.clock.at = NOW
    assert b"Sign out" in (await shown(web, "/", cookie)).body
    await web.store.revoke_token(token.id, NOW, AUDIT)
    assert (await send(web, "/operate", cookie, csrf=csrf, **DRAIN)).status == 401
    assert await web.store.overrides() == {}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value[:-1] + ("0" if value[-1] != "0" else "1"),
        lambda value: value.replace(".", "", 1),
        lambda _: "",
        lambda _: "a.b.c",
        lambda _: "\xe9.9999999999.\xe9",
    ],
)
async def test_a_forged_cookie_signs_nobody_in(web: Web, spoil: object) -> None:
    assert callable(spoil)
    name, _, value = (await signed_in(web, Scope.OPERATE)).partition("=")
    answer = await shown(web, "/", f"{name}={spoil(value)}")
    assert answer.status == 200
    assert b"Sign out" not in answer.body


async def test_the_cookie_is_out_of_reach_and_holds_no_token(web: Web) -> None:
    secret = await web.token(Scope.OPERATE)
    answer = await send(web, "/login", token=secret)
    attributes = answer.headers["set-cookie"].lower()
    assert "httponly" in attributes
    assert "samesite=strict" in attributes
    assert secret.lower() not in attributes
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("next_page", ["//evil.example", "https://evil.example", "/\\evil.example", "x"])
async def test_after_signing_in_a_browser_stays_on_this_web(web: Web, next_page: str) -> None:
    answer = await send(web, "/login", token=await web.token(Scope.READ), next=next_page)
    assert answer.headers["location"] == "/"


async def test_who_is_not_known_is_told_so(web: Web) -> None:
    for token, status in (("", 401), ("apf_wrong", 401), (await web.token(Scope.REPORT), 403)):
        answer = await send(web, "/login", token=token)
        assert (answer.status, "set-cookie" in answer.headers) == (status, False)
        assert b'role="alert"' in answer.body


async def test_a_store_that_is_away_is_told_as_such_to_those_who_are_signed_in(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: str) -> None:
        raise StoreUnavailable("the disk is gone")

    cookie = await signed_in(web, Scope.OPERATE)
    monkeypatch.setattr(web.context.reading, "token", away)
    answer = await shown(web, "/", cookie)
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    assert b"try again" in answer.body
    assert b"disk" not in answer.body


async def test_what_is_no_form_is_refused(web: Web) -> None:
    cookie = await signed_in(web, Scope.OPERATE)
    fields = {"csrf": await csrf_of(web, cookie), "queue": "AGLT2"}
    assert (await send(web, "/operate", cookie, action="explode", **fields)).status == 422
    assert (await send(web, "/operate", cookie, action="drain", why="x" * 501, **fields)).status == 422
    assert (await send(web, "/operate", cookie, **{**fields, **DRAIN, "queue": "NOWHERE"})).status == 404
    many = urlencode([("a", "b")] * 30)
    for body in (b"\xff\xfe", many.encode()):
        headers = {**FORM, "Cookie": cookie}
        assert (await web.call("POST", "/operate", headers=headers, data=body)).status == 400
