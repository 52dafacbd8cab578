from pathlib import Path

import pytest
from pydantic import ValidationError

from autopyfactory.api import Context, SystemClock
from autopyfactory.model import FactoryId
from autopyfactory.wms.none import NoStatus


@pytest.fixture
def plugin(tmp_path: Path) -> NoStatus:
    return NoStatus(NoStatus.Settings(), Context(FactoryId("f"), "nothing", tmp_path, SystemClock()))


async def test_mentions_no_queue_and_no_site(plugin: NoStatus) -> None:
    assert await plugin.counts() == {}
    assert await plugin.site_status() == {}
    await plugin.close()
    await plugin.close()


def test_takes_no_settings() -> None:
    with pytest.raises(ValidationError):
        NoStatus.Settings.model_validate({"url": "http://localhost"})
