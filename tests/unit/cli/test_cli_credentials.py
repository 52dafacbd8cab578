"""``apf check`` tells credentials near or past their end."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli_world import CONFIG, apf, write_config
from credential_makers import make_certificate

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")

WITHOUT_WMS = CONFIG.replace('plugin = "board"', 'plugin = "none"').replace('url = "http://127.0.0.1:9"', "")
WEB = '[web]\ntls_certificate = "host.pem"\ntls_key = "host.pem"\n'


@pytest.mark.parametrize(("left_h", "verb"), [(-1, "expired"), (2, "expires"), (240, "")])
def test_check_tells_what_ends_soon_and_fails_not_for_that(tmp_path: Path, left_h: float, verb: str) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=left_h)
    file = tmp_path / "host.pem"
    make_certificate(file, end)
    config = write_config(tmp_path, WITHOUT_WMS + WEB)
    told = apf("check", "--config", config)
    assert told.status == 0
    text = f"credential {file} {verb} at {end:%Y-%m-%d %H:%M} UTC and was not renewed"
    assert (text in told.out) == bool(verb)
    assert bool(verb) or "credential" not in told.out
    document = apf("check", "--json", "--config", config).document
    assert document["credentials"] == [{"name": str(file), "ends_at": end.isoformat()}]


def test_a_certificate_that_cannot_be_read_is_a_failure_of_the_web_alone(tmp_path: Path) -> None:
    ran = apf("check", "--json", "--config", write_config(tmp_path, WITHOUT_WMS + WEB))
    failed = [item["name"] for item in ran.document["endpoints"] if not item["ok"]]
    assert (ran.status, failed, ran.document["credentials"]) == (1, ["web"], [])
