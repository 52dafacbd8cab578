import asyncio
import logging
import os
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from credential_makers import jwt, make_certificate

from autopyfactory.api import Context, Perishable, SystemClock
from autopyfactory.batch.htcondor import HTCondorBatch, HTCondorSettings
from autopyfactory.expiry import CredentialFiles, files
from autopyfactory.model import FactoryId
from autopyfactory.wms.htcondor import HTCondorStatus, HTCondorStatusSettings

SOON = datetime(2026, 12, 1, 5, 6, 7, tzinfo=UTC)
LATER = SOON + timedelta(days=30)


@pytest.fixture
def token_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "tokens.d"
    folder.mkdir()
    (folder / "atlas").write_text(jwt(SOON, iss="pool"))
    (folder / "cms").write_text(jwt(LATER, iss="pool"))
    (folder / "forever").write_text(jwt(iss="pool"))
    for name in (".hidden", "backup~", "#edited#", "atlas.rpmsave", "atlas.dpkg-old"):
        (folder / name).write_text(jwt(SOON))
    (folder / "sub").mkdir()
    os.mkfifo(folder / "fifo")
    return folder


async def test_each_file_of_a_token_directory_has_its_end(token_dir: Path) -> None:
    ends = await CredentialFiles(token_dirs=[token_dir]).credential_ends()
    assert ends == {str(token_dir / "atlas"): SOON, str(token_dir / "cms"): LATER}


async def test_a_renewed_file_is_read_anew(token_dir: Path) -> None:
    credentials = CredentialFiles(token_dirs=[token_dir])
    await credentials.credential_ends()
    (token_dir / "atlas").write_text(jwt(LATER))
    (token_dir / "cms").unlink()
    assert await credentials.credential_ends() == {str(token_dir / "atlas"): LATER}


async def test_what_cannot_be_read_is_logged_once_and_spoils_nothing_else(
    token_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (token_dir / "bad").write_text("a.b.c")
    (token_dir / "binary").write_bytes(bytes(range(256)))
    credentials = CredentialFiles(
        certificates=[tmp_path / "proxy"],
        tokens=[tmp_path / "absent"],
        token_dirs=[tmp_path / "gone", token_dir],
    )
    for _ in range(3):
        assert len(await credentials.credential_ends()) == 2
    told = sorted(record.getMessage().split(" ends ")[0].split("/")[-1] for record in caplog.records)
    assert told == ["absent", "bad", "gone", "proxy"]
    (tmp_path / "proxy").write_text("no certificate")
    caplog.clear()
    await credentials.credential_ends()
    assert [record.getMessage() for record in caplog.records] == [
        f"when the credential {tmp_path}/proxy ends cannot be told: no certificate in PEM form"
    ]


async def test_a_file_system_that_hangs_takes_one_thread(
    token_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang, begun, read = threading.Event(), 0, files._beginning

    def slow(file: Path) -> bytes:
        nonlocal begun
        begun += 1
        hang.wait(30)
        return read(file)

    monkeypatch.setattr(files, "_beginning", slow)
    credentials = CredentialFiles(tokens=[token_dir / "atlas"])
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await credentials.credential_ends()
    hang.set()
    assert await credentials.credential_ends() == {str(token_dir / "atlas"): SOON}
    assert begun == 1


def settings(token_dir: Path, bearer: Path) -> dict[str, object]:
    proxy = token_dir.parent / "proxy.pem"
    make_certificate(proxy, LATER)
    return {
        "token_dir": token_dir,
        "environment": {"X509_USER_PROXY": str(proxy), "BEARER_TOKEN_FILE": str(bearer)},
    }


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the proxy")
async def test_htcondor_plugins_tell_what_their_settings_name(token_dir: Path, tmp_path: Path) -> None:
    bearer = tmp_path / "bt"
    bearer.write_text(jwt(SOON))
    given = settings(token_dir, bearer)
    context = Context(FactoryId("f"), "schedd", tmp_path, SystemClock())
    plugins: list[HTCondorBatch | HTCondorStatus] = [
        HTCondorBatch(HTCondorSettings.model_validate(given), context),
        HTCondorStatus(HTCondorStatusSettings.model_validate({"queue": "Q", **given}), context),
    ]
    assert all(isinstance(plugin, Perishable) for plugin in plugins)
    for plugin in plugins:
        assert await plugin.credential_ends() == {
            str(token_dir / "atlas"): SOON,
            str(token_dir / "cms"): LATER,
            str(tmp_path / "proxy.pem"): LATER,
            str(bearer): SOON,
        }
        assert plugin.schedd.worker_pid is None, "it needs no schedd"
        await plugin.close()


async def test_the_token_directory_may_be_named_as_htcondor_does(token_dir: Path) -> None:
    named = {"_CONDOR_SEC_TOKEN_DIRECTORY": str(token_dir)}
    credentials = HTCondorSettings(environment=named).credentials()
    assert len(await credentials.credential_ends()) == 2


async def test_settings_that_name_nothing_tell_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "autopyfactory"):
        assert await HTCondorSettings().credentials().credential_ends() == {}
    assert not caplog.records
