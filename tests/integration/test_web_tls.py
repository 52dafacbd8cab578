"""TLS by files: https with a certificate of openssl, no http on that port, and clear words at the start."""

import http.client
import json
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from factory_process import APF

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")

CONFIG = """
[factory]
id = "tls"

[web]
port = 0
tls_certificate = "host.pem"
tls_key = "{key}"

[wms.none]
plugin = "none"

[batch.local]
plugin = "local"

[queues.Q]
wms = "none"
batch = "local"
sched = ["null"]
"""


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)


def certificate(folder: Path, name: str, *options: str) -> None:
    """Make NAME.pem and NAME.key for this machine."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", f"{name}.key"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    openssl(folder, "req", "-x509", *(options or ("-noenc",)), *key, *subject, "-out", f"{name}.pem")


@dataclass(frozen=True, slots=True)
class Home:
    """A factory's folder with a certificate."""

    folder: Path

    def configure(self, key: str = "host.key") -> list[str]:
        (self.folder / "apf.toml").write_text(CONFIG.format(key=key))
        return ["--config", str(self.folder / "apf.toml")]

    def apf(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*APF, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve the web, and give its URL."""
        argv = [*APF, "web", "serve", *self.configure()]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().strip()
            finally:
                process.terminate()
                assert process.wait(timeout=30) == 0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("tls"))
    certificate(home.folder, "host")
    made = home.apf("run", "--dry-run", *home.configure())
    assert made.returncode == 0, made.stderr
    return home


def test_https_answers_and_http_does_not(home: Home) -> None:
    trusting = ssl.create_default_context(cafile=home.folder / "host.pem")
    with home.serving() as url:
        assert url.startswith("https://127.0.0.1:")
        with urllib.request.urlopen(f"{url}/api/v1/queues", timeout=20, context=trusting) as reply:
            assert [queue["name"] for queue in json.load(reply)["items"]] == ["Q"]
            assert reply.headers["Strict-Transport-Security"] == "max-age=31536000"
        with pytest.raises(OSError, match="certificate verify failed"):
            urllib.request.urlopen(f"{url}/api/v1/queues", timeout=20)
        with pytest.raises((OSError, http.client.HTTPException)):
            urllib.request.urlopen(f"{url.replace('https', 'http')}/api/v1/queues", timeout=20)


def no_file(folder: Path) -> str:
    return "absent.key"


def no_permission(folder: Path) -> str:
    # a directory: who runs the tests as root may read every file
    (folder / "dir.key").mkdir(exist_ok=True)
    return "dir.key"


def no_pem(folder: Path) -> str:
    (folder / "bad.key").write_text("this is no key")
    return "bad.key"


def of_another_certificate(folder: Path) -> str:
    certificate(folder, "other")
    return "other.key"


def encrypted(folder: Path) -> str:
    certificate(folder, "locked", "-passout", "pass:secret")
    return "locked.key"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_file, "the key {folder}/absent.key cannot be read: No such file or directory"),
        (no_permission, "the key {folder}/dir.key cannot be read: Is a directory"),
        (no_pem, "cannot be used with the key {folder}/bad.key"),
        (of_another_certificate, "cannot be used with the key {folder}/other.key"),
        (encrypted, "the key is encrypted, and nobody is there to give the password"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_at_the_start(
    spoil: Callable[[Path], str], said: str, home: Home
) -> None:
    done = home.apf("web", "serve", *home.configure(spoil(home.folder)))
    assert done.returncode == 1
    assert said.format(folder=home.folder) in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_factory_does_not_start_without_the_web_that_it_is_to_serve(home: Home) -> None:
    options = home.configure("absent.key")
    file = home.folder / "apf.toml"
    file.write_text(file.read_text().replace("[web]", "[web]\nenabled = true"))
    done = home.apf("run", *options)
    assert done.returncode == 1
    assert f"the key {home.folder}/absent.key cannot be read" in " ".join(done.stderr.split())


def test_apf_check_looks_at_the_certificate(home: Home) -> None:
    for key, ok in (("host.key", True), ("absent.key", False)):
        done = home.apf("check", "--json", *home.configure(key))
        (web,) = [tried for tried in json.loads(done.stdout)["endpoints"] if tried["name"] == "web"]
        assert web["ok"] is ok, web
