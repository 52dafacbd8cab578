"""The ``pilot`` table made into what is submitted."""

from pathlib import Path

import pytest
from config_folder import BASE, Folder

from autopyfactory.bundle import wrapper_path
from autopyfactory.model import QueueName


def test_the_built_in_wrapper_is_told_where_its_work_is_and_what_it_may_use(folder: Folder) -> None:
    spec = folder.queue('wms_queue = "site"\npilot = {cores = 8, memory_mb = 16000}').spec
    assert spec.executable == wrapper_path(folder.path / "state")
    assert not spec.executable.exists(), "reading a configuration changes nothing"
    assert spec.arguments == (
        "--wrapperserverurl",
        "http://wms",
        "--wrapperwmsqueue",
        "site",
        "--wrapperbatchqueue",
        "Q",
        "--cores",
        "8",
        "--memory-mb",
        "16000",
        "--disk-mb",
        "1000",
    )


MONITORS = """
[monitor.central]
plugin = "apf"
url = "http://central/api/"
[monitor.quiet]
plugin = "apf"
url = "http://quiet/api"
pilots = false
"""


@pytest.mark.parametrize(
    ("queue", "told"),
    [
        ("", "http://central/api"),
        ('monitors = ["quiet", "central"]', "http://central/api"),
        ('monitors = ["quiet"]', None),
        ("monitors = []", None),
        ('pilot = {environment = {APFMON = "http://own/{factory}"}}', "http://own/test"),
    ],
)
def test_pilots_are_told_of_their_queues_monitor(folder: Folder, queue: str, told: str | None) -> None:
    config = folder.load(f'{MONITORS}[queues.Q]\nextends = "base"\n{queue}')
    assert config.queues[QueueName("Q")].spec.environment.get("APFMON") == told


def test_a_monitor_that_is_not_there(folder: Folder) -> None:
    problem = folder.problem(f'{MONITORS}[queues.Q]\nextends = "base"\nmonitors = ["quiet", "centrl"]')
    assert problem == '[queues.Q.monitors[1]]: there is no [monitor.centrl]; did you mean "central"?'


def test_what_is_asked_for_can_be_filled_in_anywhere(folder: Folder) -> None:
    pilot = """
        arguments = "-j {cores} -m {memory_mb} -d {disk_mb} -g {gpus}"
        environment = {ENDS_AFTER = "{walltime_s}"}
        cores = 4
        gpus = 1
        walltime_s = 3600"""
    spec = folder.queue(f"[queues.Q.pilot]{pilot}").spec
    assert spec.arguments == ("-j", "4", "-m", "2000", "-d", "1000", "-g", "1")
    assert spec.environment == {"ENDS_AFTER": "3600"}


def test_no_arguments_are_made_up_where_they_would_be_wrong(folder: Folder) -> None:
    folder.write("run.sh", "#!/bin/sh\n")
    assert folder.queue('pilot = {executable = "run.sh"}').spec.arguments == ()
    no_url = folder.load('[queues.Q]\nextends = "base"', base=BASE.replace('url = "http://wms"', ""))
    assert [queue.spec.arguments for queue in no_url.queues.values()] == [()]
    assert folder.queue('pilot = {arguments = ""}').spec.arguments == ()


def test_everything_else_is_handed_on(folder: Folder) -> None:
    folder.write("data/a", "")
    base = BASE.replace('id = "test"', 'id = "test"\nlog_dir = "/var/log/apf"\nlog_url = "https://f/logs"')
    text = """
        [queues.Q]
        extends = "base"
        [queues.Q.pilot]
        inputs = ["data/a"]
        cores = 8
        memory_mb = 16000
        disk_mb = 5
        gpus = 1
        walltime_s = 3600
        environment = {APFMON = "{log_url}/{factory}", RETRIES = "{wms.retries}", JSON = "{{}}"}
        attributes = {"+Queue" = '"{queue}"'}
        """
    (queue,) = folder.load(text, base=base).queues.values()
    spec = queue.spec
    assert spec.inputs == (folder.path / "data/a",)
    assert (spec.cores, spec.memory_mb, spec.disk_mb, spec.gpus, spec.walltime_s) == (8, 16000, 5, 1, 3600)
    assert spec.environment == {"APFMON": "https://f/logs/test", "RETRIES": "3", "JSON": "{}"}
    assert spec.attributes == {"+Queue": '"Q"'}
    assert (spec.queue, spec.log_dir, spec.log_url) == ("Q", Path("/var/log/apf"), "https://f/logs")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("'-a \"{queue} x\" b'", ("-a", "Q x", "b")),
        ('["-a", "{queue} x"]', ("-a", "Q x")),
        ("'{{queue}} }}{{'", ("{queue}", "}{")),
        ("'{wms_queue}'", ("Q",)),
    ],
)
def test_a_command_line_is_split_before_it_is_filled_in(
    folder: Folder, arguments: str, words: tuple[str, ...]
) -> None:
    assert folder.queue(f"pilot = {{arguments = {arguments}}}").spec.arguments == words


@pytest.mark.parametrize(
    ("pilot", "expected"),
    [
        ('arguments = "{quue}"', '.arguments]: unknown placeholder {quue}; did you mean "queue"?'),
        (
            'arguments = ["a", "{wms.ulr}"]',
            '.arguments[1]]: unknown placeholder {wms.ulr}; did you mean "wms.url"?',
        ),
        (
            'environment = {A = "{}"}',
            ".environment.A]: unknown placeholder {}; known here: cores, disk_mb, factory, gpus, log_url,",
        ),
        ('environment = {A = "{"}', '.environment.A]: a single "{"; write "{{" for a brace'),
        ('environment = {"A=B" = ""}', '.environment."A=B"]: this cannot be the name of a variable'),
        ('attributes = {"+A" = "a}"}', '.attributes."+A"]: a single "}"; write "}}" for a brace'),
        (
            'arguments = "{wms.token}"',
            ".arguments]: {wms.token} cannot be filled in: it is a secret, which others could read",
        ),
        ('arguments = "{walltime_s}"', ".arguments]: {walltime_s} cannot be filled in: it is not set"),
        ('arguments = "{wms.ca_file}"', ".arguments]: {wms.ca_file} cannot be filled in: it is not set"),
        (
            'arguments = "{wms.status_map}"',
            ".arguments]: {wms.status_map} cannot be filled in: it is not a single value",
        ),
        (
            'arguments = "it\'s"',
            ".arguments]: not a command line: no closing quotation; a list of words needs no quotes",
        ),
        (
            'executable = "builtin:wraper"',
            '.executable]: nothing built in is called "wraper"; did you mean "builtin:wrapper"?',
        ),
        ('executable = "run.sh"', ".executable]: cannot read {base}/run.sh: No such file or directory"),
        ('inputs = ["apf.toml", "."]', ".inputs[1]]: {base} is not a file"),
    ],
)
def test_what_can_be_wrong_with_a_pilot(folder: Folder, pilot: str, expected: str) -> None:
    base = BASE.replace("[wms.w]", '[wms.w]\ntoken = "x"')
    problem = folder.problem(f'[queues.Q]\nextends = "base"\npilot = {{{pilot}}}', base=base)
    assert problem.startswith("[queues.Q.pilot" + expected.replace("{base}", str(folder.path)))


def test_a_file_that_may_not_be_read_is_told(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write("run.sh", "")
    # the user who runs the tests may be root, who may read everything
    monkeypatch.setattr("os.access", lambda path, mode: False)
    problem = folder.problem('[queues.Q]\nextends = "base"\npilot = {executable = "run.sh"}')
    assert problem == f"[queues.Q.pilot.executable]: this user may not read {folder.path}/run.sh"


def test_a_wms_that_is_wrong_makes_no_placeholder_unknown(folder: Folder) -> None:
    text = '[wms.v]\nplugin = "remote"\nretries = -1\n[queues.Q]\nextends = "base"\nwms = "v"\n'
    assert folder.problems(text + "pilot = {arguments = '{wms.anything}'}") == [
        "[wms.v.retries]: expected at least 0, got -1"
    ]
