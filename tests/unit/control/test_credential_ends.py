"""What ends soon is told while the factory runs, whatever plugins answer."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from credential_makers import jwt, make_certificate
from notice_scene import HOUR_S, START, Scene, on_scene

from autopyfactory.api import BatchUnavailable
from autopyfactory.config import WebSettings
from autopyfactory.control.credential_ends import CredentialEnds
from autopyfactory.expiry import CredentialFiles
from autopyfactory.model import Severity
from autopyfactory.sim.loop import run_virtual

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 12, 1, tzinfo=UTC)
ANCIENT = datetime.min.replace(tzinfo=UTC)


class Keeper:
    """A plugin that tells of credentials, or does what a test wants."""

    def __init__(self, **ends: datetime) -> None:
        self.answer: Mapping[Any, Any] = ends
        self.error: Exception | None = None
        self.asked = 0

    async def credential_ends(self) -> Mapping[str, datetime]:
        self.asked += 1
        if self.error is HANGS:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return self.answer


def watch(**systems: object) -> CredentialEnds:
    return CredentialEnds(WebSettings, lambda: systems)


async def test_all_that_plugins_tell_is_known_and_others_are_not_asked() -> None:
    ends = watch(a=Keeper(one=NOW, two=NOW), b=Keeper(two=NOW, three=NOW), c=object())
    assert await ends.known() == {"one": NOW, "two": NOW, "three": NOW}


async def test_ends_are_in_utc() -> None:
    end = NOW.astimezone(timezone(timedelta(hours=2)))
    assert (await watch(a=Keeper(one=end)).known())["one"].tzinfo is UTC


HANGS = TimeoutError()


@pytest.mark.parametrize("error", [RuntimeError("a bug"), BatchUnavailable("away"), HANGS, OSError("I/O")])
def test_what_a_plugin_cannot_tell_is_as_it_was_and_logged_once(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        keeper, other = Keeper(one=NOW), Keeper(two=NOW)
        systems = {"batch.a": keeper, "batch.b": other}
        ends = CredentialEnds(WebSettings, lambda: systems)
        assert (await ends.known()).keys() == {"one", "two"}
        keeper.error = error
        other.answer = {}
        for _ in range(3):
            assert (await ends.known()).keys() == {"one"}
        warned = [record for record in caplog.records if record.levelname == "WARNING"]
        assert len(warned) == 1
        assert warned[0].endpoint == "batch.a"  # type: ignore[attr-defined]
        keeper.error = None
        keeper.answer = {}
        assert await ends.known() == {}
        keeper.error = error
        assert await ends.known() == {}
        del systems["batch.a"]
        assert await ends.known() == {}

    run_virtual(play(), NOW)


@pytest.mark.parametrize(
    "answer", [{"one": "soon"}, {"one": NOW.replace(tzinfo=None)}, {"one": ANCIENT}, {"one": None}, None]
)
async def test_an_answer_that_is_none_tells_nothing(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    keeper = Keeper()
    keeper.answer = answer
    assert await watch(a=keeper, b=Keeper(two=NOW)).known() == {"two": NOW}
    assert "when credentials end is not known: a: " in caplog.text


def test_a_token_is_told_once_and_its_renewal_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    name = f"credential {token}"
    token.write_text(jwt(START + DAY + HOUR))

    async def play(scene: Scene) -> None:
        credentials = CredentialFiles(tokens=[token])
        monkeypatch.setattr(scene.world.wms, "credential_ends", credentials.credential_ends, raising=False)
        running = scene.world.start(factory := scene.factory())
        await scene.later(0.9)
        assert scene.pigeon.told == []
        await scene.later(2)
        assert len(scene.pigeon.told) == 1
        assert scene.pigeon.told[0].startswith(f"sim: {name} ")
        (notice,) = (await scene.store.notice_look()).notices
        assert notice.text == f"{name} expires at 2026-11-23 13:00 UTC and was not renewed"
        assert (notice.scope, notice.severity) == (f"credentials.{token}", Severity.WARNING)
        assert notice.since == START + HOUR
        token.write_text(jwt(START + 30 * DAY))
        await scene.later(2)
        assert len(scene.pigeon.told) == 2
        assert scene.pigeon.told[1].startswith(f"sim: resolved: {name} ")
        assert (await scene.store.notice_look()).notices == ()
        await scene.later(24)
        assert len(scene.pigeon.told) == 2
        factory.stop()
        await running

    on_scene(tmp_path, play)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
def test_the_certificate_of_the_web_is_watched_as_the_configuration_has_it(tmp_path: Path) -> None:
    files = tmp_path / "old.pem", tmp_path / "new.pem"
    for file, end in zip(files, (START + HOUR, START + 90 * DAY), strict=True):
        make_certificate(file, end)

    def web(file: Path) -> WebSettings:
        return WebSettings(tls_certificate=file, tls_key=file)

    async def play(scene: Scene) -> None:
        scene.config = replace(scene.config, web=web(files[0]))
        running = scene.world.start(factory := scene.factory())
        await scene.later(2)
        (notice,) = (await scene.store.notice_look()).notices
        assert notice.text == f"credential {files[0]} expired at 2026-11-22 13:00 UTC and was not renewed"
        assert notice.severity is Severity.CRITICAL
        assert await factory.reconfigure(replace(scene.config, web=web(files[1])), {}, {})
        await scene.later(0.1)
        assert (await scene.store.notice_look()).notices == ()
        factory.stop()
        await running

    on_scene(tmp_path, play)


def test_a_plugin_that_hangs_holds_up_no_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper(one=START)

    async def play(scene: Scene) -> None:
        monkeypatch.setattr(scene.world.wms, "credential_ends", keeper.credential_ends, raising=False)
        running = scene.world.start(factory := scene.factory())
        await scene.later(0.5)
        keeper.error = HANGS
        scene.world.wms.faults.fails = 1
        await scene.later(1)
        kinds = sorted(notice.kind for notice in (await scene.store.notice_look()).notices)
        assert kinds == ["credential_expires", "endpoint_down"]
        assert keeper.asked <= 1.5 * HOUR_S / 60 + 1, "no more often than it is looked"
        factory.stop()
        await running

    on_scene(tmp_path, play)
