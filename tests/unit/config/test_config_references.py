"""Strings that are kept elsewhere, and secrets that are shown nowhere."""

import json

import pytest
from config_folder import BASE, Folder, RemoteSettings

from autopyfactory.config import show
from autopyfactory.config.secrets import mask

SECRET = "s3cr3t-{value}"


def remote(folder: Folder, lines: str, environ: dict[str, str]) -> RemoteSettings:
    settings = folder.load(f'[wms.v]\nplugin = "remote"\n{lines}', environ).wms["v"].settings
    assert isinstance(settings, RemoteSettings)
    return settings


@pytest.mark.parametrize("content", [SECRET, f"{SECRET}\n", f"{SECRET}\r\n"])
def test_strings_come_from_the_environment_and_from_files(folder: Folder, content: str) -> None:
    folder.write("keys/token", content)
    settings = remote(folder, 'url = {env = "URL"}\ntoken = {file = "keys/token"}', {"URL": "http://v"})
    assert settings.url == "http://v"
    assert settings.token is not None
    assert settings.token.get_secret_value() == SECRET


def test_only_one_newline_is_taken_from_a_file(folder: Folder) -> None:
    folder.write("url", " http://v\n\n")
    assert remote(folder, 'url = {file = "url"}', {}).url == " http://v\n"


def test_a_table_of_strings_is_no_reference(folder: Folder) -> None:
    settings = remote(folder, 'status_map = {env = "ready"}', {})
    assert settings.status_map == {"env": "ready"}
    spec = folder.queue('pilot = {environment = {env = "prod", T = {env = "T"}}}', {"T": "t"}).spec
    assert spec.environment == {"env": "prod", "T": "t"}


def test_references_override_and_are_overridden(folder: Folder) -> None:
    text = """
        [profiles.p]
        extends = "base"
        wms_queue = {env = "A"}
        [queues.Q]
        extends = "p"
        wms_queue = {env = "B"}
        [queues.R]
        extends = "p"
        wms_queue = "plain"
        """
    queues = folder.load(text, {"A": "a", "B": "b"}).queues.values()
    assert [queue.wms_queue for queue in queues] == ["b", "plain"]


def test_nothing_is_filled_into_what_is_kept_elsewhere(folder: Folder) -> None:
    spec = folder.queue(
        'pilot = {environment = {T = {env = "T"}}, arguments = ["{queue}", {env = "T"}]}', {"T": SECRET}
    ).spec
    assert (spec.environment["T"], spec.arguments) == (SECRET, ("Q", SECRET))


def test_missing_ones_are_told_once_and_with_everything_else(folder: Folder) -> None:
    (folder.path / "bytes").write_bytes(b"\xff")
    folder.write("nul", "a\0b")
    text = """
        [profiles.p]
        extends = "base"
        interval_s = 0
        wms_queue = {env = "NOT_SET"}
        pilot = {executable = {file = "nowhere"}, arguments = [{file = "bytes"}, {file = "nul"}]}
        [queues.Q]
        extends = "p"
        [queues.R]
        extends = "p"
        """
    assert folder.problems(text) == [
        '[profiles.p.wms_queue.env]: the environment variable "NOT_SET" is not set',
        f"[profiles.p.pilot.executable.file]: cannot read {folder.path}/nowhere: No such file or directory",
        f"[profiles.p.pilot.arguments[0].file]: cannot read {folder.path}/bytes: it is not text in UTF-8",
        f"[profiles.p.pilot.arguments[1].file]: cannot read {folder.path}/nul: it holds NUL characters",
        "[profiles.p.interval_s]: expected more than 0, got 0",
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            'url = {env = "URL", default = "x"}',
            '[wms.v.url]: expected a string, got a table; a reference is {env = "NAME"} or {file = "PATH"}',
        ),
        (
            "url = {env = 3}",
            '[wms.v.url]: expected a string, got a table; a reference is {env = "NAME"} or {file = "PATH"}',
        ),
        ('retries = {env = "N"}', "[wms.v.retries]: expected an integer, got the value that is referred to"),
        ("token = 12345", "[wms.v.token]: expected a string, got an integer"),
        ('token = ["s3cr3t"]', "[wms.v.token]: expected a string, got a list"),
        ('token = "s3cr3t blank"', "[wms.v.token]: the token ********** holds a blank"),
        ('token = {env = "BLANK"}', "[wms.v.token]: the token ********** holds a blank"),
    ],
)
def test_errors_never_show_a_secret(folder: Folder, lines: str, expected: str) -> None:
    environ = {"N": "s3cr3t", "BLANK": "s3cr3t blank"}
    problem = folder.problem(f'[wms.v]\nplugin = "remote"\n{lines}', environ)
    assert problem == expected
    assert "s3cr3t" not in problem
    assert "12345" not in problem


def test_what_is_kept_elsewhere_is_told_nowhere(folder: Folder) -> None:
    text = '[queues.Q]\nextends = "base"\nwms = {env = "W"}\npilot = {executable = {env = "X"}}'
    assert folder.problems(text, {"W": "s3cr3t-wms", "X": "s3cr3t-file"}) == [
        "[queues.Q.wms]: there is no [wms.**********]; add [wms.**********]",
        f"[queues.Q.pilot.executable]: cannot read {folder.path}/**********: No such file or directory",
    ]


def test_the_plugin_itself_may_be_named_elsewhere(folder: Folder) -> None:
    assert list(folder.load('[wms.v]\nplugin = {env = "P"}', {"P": "remote"}).wms) == ["w", "v"]


def test_neither_dumps_nor_representations_show_a_secret(folder: Folder) -> None:
    base = BASE.replace('id = "test"', 'id = "test"\nstore = "postgresql://apf:s3cr3t-password@db/apf"')
    base = base.replace("[wms.w]", '[wms.w]\ntoken = "s3cr3t-token"')
    text = """
        [queues.Q]
        extends = "base"
        [queues.Q.pilot]
        environment = {T = {env = "T"}, U = {env = "U"}, V = "visible"}
        arguments = ["--key", {env = "T"}, "{wms.url}"]
        """
    config = folder.load(text, {"T": "s3cr3t-value", "U": "1"}, base=base)
    tree = show(config)
    assert "s3cr3t" not in json.dumps(tree)
    assert "s3cr3t" not in repr(config.wms) + repr(config.factory)
    assert "referenced" not in repr(config)
    pilot = tree["queues"]["Q"]["pilot"]
    assert pilot["environment"] == {"T": "**********", "U": "**********", "V": "visible"}
    assert pilot["arguments"] == ["--key", "**********", "http://wms"]
    assert pilot["cores"] == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("1", "**********"),
        ("101", "101"),
        ("a=long-secret;", "a=**********;"),
        ("long-secret-2", "**********"),
    ],
)
def test_short_secrets_are_masked_only_where_they_are_everything(text: str, shown: str) -> None:
    assert mask(text, {"", "1", "long-secret", "long-secret-2"}) == shown
