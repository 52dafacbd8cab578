"""The dashboard in a real browser: everyone can use it, on a phone, in the dark, by keyboard alone.

APF_TEST_PICTURES names a folder for pictures of the pages, as they are in the documentation.
"""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dashboard_stage import BREAKER, BUSY, DRAINED, HOLE, SITES, Stage, set_stage
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

CHROMIUM = os.environ.get("APF_TEST_CHROMIUM", "")
AXE = os.environ.get("APF_TEST_AXE", "")
PICTURES = os.environ.get("APF_TEST_PICTURES", "")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM,
        reason='APF_TEST_CHROMIUM is not set: testbed/chromium up; eval "$(testbed/chromium env)"',
    ),
]
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
PHONE = {"width": 390, "height": 844}
SCREEN = {"width": 1280, "height": 900}
WAIT_MS = 30_000


Launch = Callable[..., BrowserContext]


@dataclass
class Served:
    """A web that serves a stage."""

    url: str
    stage: Stage
    troubles: list[str] = field(default_factory=list)
    """What the browser complained of."""

    def paths(self) -> list[str]:
        return [
            "/", f"/queues/{BUSY}", f"/queues/{BREAKER}", "/pilots", f"/pilots/{self.stage.pilot}", "/hosts",
            "/failures", "/endpoints", "/login", "/nowhere",
        ]  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("dashboard")
    stage = asyncio.run(set_stage(folder, datetime.now(UTC)))
    command = [str(Path(sys.executable).with_name("apf")), "web", "serve", "--config", str(stage.config)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as web,
    ):
        try:
            assert web.stdout is not None
            yield Served(web.stdout.readline().strip(), stage)
        finally:
            web.terminate()


@pytest.fixture(scope="module")
def launch(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Starts browsers, each with a fresh profile.  Only once the stage is set: it has a loop of its own."""
    with sync_playwright() as playwright:

        def started(**options: Any) -> BrowserContext:
            profile = tmp_path_factory.mktemp("profile")
            context = playwright.chromium.launch_persistent_context(
                profile, executable_path=CHROMIUM, args=list(FLAGS), headless=True, **options
            )
            context.set_default_timeout(WAIT_MS)
            return context

        yield started


@pytest.fixture(scope="module")
def browser(launch: Launch) -> Iterator[BrowserContext]:
    with launch() as context:
        yield context


@pytest.fixture
def page(browser: BrowserContext, served: Served) -> Iterator[Page]:
    page = browser.new_page()
    page.set_viewport_size(SCREEN)  # type: ignore[arg-type]
    served.troubles = []
    page.on("console", lambda said: served.troubles.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: served.troubles.append(str(error)))
    yield page
    page.close()
    browser.clear_cookies()
    # a page that is not there is asked for on purpose
    assert [trouble for trouble in served.troubles if "404" not in trouble] == []


def drawn(page: Page) -> None:
    page.wait_for_selector("[data-drawn]", timeout=WAIT_MS)


def corner(page: Page) -> int:
    """Return how light the first corner of the chart is."""
    red: int = page.locator(".chart canvas").evaluate(
        "c => c.getContext('2d').getImageData(1, 1, 1, 1).data[0]"
    )
    return red


def sign_in(page: Page, served: Served, path: str) -> None:
    page.goto(f"{served.url}/login?next={path}")
    page.get_by_label("Token").fill(served.stage.token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{served.url}{path}")


def violations(page: Page) -> list[str]:
    # as a script of the debugger, which the page's own rules do not bind
    page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}" for v in found["violations"]]


@pytest.mark.parametrize(("scheme", "size"), [("light", SCREEN), ("dark", PHONE)], ids=["screen", "phone"])
def test_everyone_can_use_every_page(page: Page, served: Served, scheme: Any, size: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    for path in served.paths():
        page.goto(served.url + path)
        assert violations(page) == [], path
        # nothing is cut off at the side
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_the_chart_is_drawn_and_follows_the_colours(page: Page, served: Served) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{served.url}/queues/{BUSY}")
    drawn(page)
    assert corner(page) == 255
    page.emulate_media(color_scheme="dark")
    deadline = time.monotonic() + WAIT_MS / 1000
    while corner(page) > 60:  # not by a function that waits in the page: it allows no eval
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)
    page.get_by_role("link", name="7d", exact=True).click()
    page.wait_for_url("**window=7d")
    drawn(page)


def test_without_a_script_the_table_is_sorted_and_filtered(launch: Launch, served: Served) -> None:
    with launch(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(served.url)
        names = page.locator("tbody th a")
        assert names.all_inner_texts() == sorted(SITES)
        page.get_by_role("link", name="Failed").click()
        expect(names.first).to_have_text(BREAKER)
        page.get_by_label("State").select_option("drained")
        page.get_by_role("button", name="Show").click()
        assert names.all_inner_texts() == [DRAINED]


def test_the_keyboard_is_enough(page: Page, served: Served) -> None:
    page.goto(served.url)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to content")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    for _ in range(20):  # through the tiles, the filter and the head of the table, to the first queue
        if page.locator(":focus").inner_text() == min(SITES):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{served.url}/queues/{min(SITES)}")
    first = page.locator("details.decision").nth(1)
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.get_attribute("open") is not None


def test_what_changes_comes_without_a_reload(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/queues/{BUSY}")
    page.evaluate("window.stayed = true")
    second = page.locator("details.decision").nth(1)
    second.locator("summary").click()
    other = page.context.new_page()
    sign_in(other, served, f"/queues/{BUSY}")
    other.get_by_text("Drain, resume, downtime").click()
    other.get_by_label("Why").first.fill("<b>tape</b> robot")
    other.get_by_role("button", name="Drain", exact=True).click()
    expect(other.get_by_text("drained by ann: <b>tape</b> robot").first).to_be_visible()
    expect(page.get_by_text("drained by ann: <b>tape</b> robot")).to_be_visible(timeout=WAIT_MS)
    assert page.evaluate("window.stayed")
    assert second.get_attribute("open") is not None  # what was opened stays open
    other.get_by_text("Drain, resume, downtime").click()
    other.get_by_role("button", name="Resume").click()
    expect(other.get_by_text("drained by ann")).to_have_count(0)
    other.close()


def test_signing_in_and_out(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/login")
    page.get_by_label("Token").fill("apf_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("the token is not known")
    served.troubles.clear()  # the browser notes the 401 as an error
    sign_in(page, served, "/hosts")
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert served.stage.token not in cookie["value"]
    expect(page.get_by_text(HOLE)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert page.context.cookies() == []


def test_the_updates_can_be_paused(page: Page, served: Served) -> None:
    page.goto(served.url)
    expect(page.get_by_role("status")).to_have_text("live")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_have_text("paused")


@pytest.mark.skipif(not PICTURES, reason="APF_TEST_PICTURES names no folder")
def test_pictures(page: Page, served: Served) -> None:
    pictures = {"dashboard-overview": ("/", "light"), "dashboard-queue": (f"/queues/{BREAKER}", "light")}
    pictures["dashboard-pilot"] = (f"/pilots/{served.stage.pilot}", "dark")
    for name, (path, scheme) in pictures.items():
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(served.url + path)
        if re.match("/queues/", path):
            drawn(page)
        page.screenshot(path=Path(PICTURES) / f"{name}.png")
