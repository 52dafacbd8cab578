"""What was acknowledged is kept: the web is killed with -9 while wrappers report, and then asked again."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from autopyfactory.cli.common.webs import report_key
from autopyfactory.config import load
from autopyfactory.model import (
    CycleRecord,
    Decision,
    PilotId,
    QueueName,
    QueueState,
    token,
)
from autopyfactory.store import open_store
from autopyfactory.testkit.store import pilot_ids

APF = (sys.executable, "-c", "from autopyfactory.cli import main; main()")
QUEUE = QueueName("main")
WRAPPERS = 16
KILL_AFTER = 400
"""Acknowledged reports."""
CONFIG = """
[factory]
id = "killed"

[web]
port = 0

[wms.none]
plugin = "none"

[batch.local]
plugin = "local"

[queues.main]
wms = "none"
batch = "local"
sched = ["ready"]
"""


@asynccontextmanager
async def web(config: Path) -> AsyncIterator[tuple[str, "subprocess.Popen[str]"]]:
    """Serve the web meanwhile; gives its URL and its process."""
    argv = [*APF, "web", "serve", "--config", str(config), "--log-level", "error"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield (await asyncio.to_thread(process.stdout.readline)).strip(), process
        finally:
            process.kill()


async def test_what_was_acknowledged_outlives_kill_9(tmp_path: Path) -> None:
    file = tmp_path / "apf.toml"
    file.write_text(CONFIG)
    config = load([file], {})
    key, now = report_key(config.factory.state_dir), datetime.now(UTC)
    pilots = pilot_ids(WRAPPERS, now)
    store = await open_store(config.factory.store.get_secret_value(), config.factory_id)
    await store.plan(CycleRecord(QueueState(QUEUE, now), (), Decision()), pilots, "local")
    acknowledged: set[tuple[PilotId, int]] = set()
    enough = asyncio.Event()

    async def report(session: aiohttp.ClientSession, url: str, pilot: PilotId) -> None:
        own = token.mint(key, config.factory_id, pilot, QUEUE, now + timedelta(hours=1))
        for seq in range(90):  # within a pilot's burst
            body = {"reports": [{"seq": seq, "at": now.isoformat(), "state": "heartbeat"}]}
            call = session.post(
                f"{url}/api/v1/pilots/{pilot}/reports",
                data=json.dumps(body),
                headers={"Authorization": f"Bearer {own}"},
            )
            async with call as answer:
                assert answer.status == 202, await answer.text()
            acknowledged.add((pilot, seq))
            if len(acknowledged) >= KILL_AFTER:
                enough.set()

    async with web(file) as (url, process), aiohttp.ClientSession() as session:
        wrappers = [asyncio.create_task(report(session, url, pilot)) for pilot in pilots]
        await asyncio.wait_for(enough.wait(), 60)
        process.kill()
        ended = await asyncio.gather(*wrappers, return_exceptions=True)
    # every one of them was in the middle of its reports, and learnt that the web is gone
    assert all(isinstance(error, aiohttp.ClientError) for error in ended), ended
    kept = {(pilot, each.seq) for pilot in pilots for each in await store.reports(pilot)}
    await store.close()
    assert acknowledged <= kept
    assert len(kept - acknowledged) <= WRAPPERS, "one call of each may have been kept without an answer"
