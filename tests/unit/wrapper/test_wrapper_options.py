"""The command line of the wrapper."""

from pathlib import Path

import pytest
from pilot_process import run_wrapper

from autopyfactory.wrapper import exits
from autopyfactory.wrapper.choice import complete, limits_of, source_of
from autopyfactory.wrapper.ending import Ending
from autopyfactory.wrapper.errors import UsageError
from autopyfactory.wrapper.options import read_options, refuse_others
from autopyfactory.wrapper.sources.command import CommandSource
from autopyfactory.wrapper.sources.panda import PandaSource
from autopyfactory.wrapper.sources.pilot import PilotSource

NEEDED = ["--wrapperserverurl", "http://127.0.0.1:1", "--wrapperwmsqueue", "Q"]
APF2 = [
    "--wrappervo=ATLAS", "--wrapperwmsqueue=ANALY_BNL", "--wrapperbatchqueue=BNL_ANALY", "--wrappergrid=OSG",
    "--wrapperpurpose=production", "--wrappertarballurl=http://dev.example.org/wrapper",
    "--wrapperpilotcodeurl=http://dev.example.org/pilot", "--wrapperserverurl=https://panda.example.org:25443",
    "--wrapperspecialcmd=true", "--wrapperplugin=panda", "--wrapperpilotcode=pilotcode-rc",
    "--wrapperloglevel=DEBUG", "--wrappermode=dryrun", "--wrappervlimit=4000000",
]  # fmt: skip


def source(*arguments: str) -> object:
    options, others = read_options(list(arguments))
    complete(options)
    return source_of(options, others, Ending())


def problem(*arguments: str) -> str:
    with pytest.raises(UsageError) as caught:
        source(*arguments)
    return str(caught.value)


def test_every_option_of_apf_2_is_understood() -> None:
    options, others = read_options(APF2)
    assert others == []
    assert (options.wrappervo, options.wrappergrid, options.wrapperpurpose) == ("ATLAS", "OSG", "production")
    assert (options.wrappervlimit, options.wrappermode, options.wrapperloglevel) == (
        4000000,
        "dryrun",
        "debug",
    )
    assert isinstance(source(*APF2), PandaSource)


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--wrapperfoo", "ATLAS", "--wrapperbar=OSG", "--wrapperlast"],
        ["--lifetime", "60", "--wrapperfoo", "production", "--cores", "8"],
    ],
)
def test_options_of_other_wrappers_are_passed_over(more: list[str]) -> None:
    assert isinstance(source(*NEEDED, *more), PandaSource)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the source panda needs --wrapperserverurl, --wrapperwmsqueue"),
        (NEEDED[:2], "needs --wrapperwmsqueue"),
        (["--wrapperserverurl", "board:25080", *NEEDED[2:]], "invalid server_url"),
        ([*NEEDED, "--lifetme", "3"], "unknown option --lifetme"),
        ([*NEEDED, "--life", "3"], "unknown option --life"),
        ([*NEEDED, "stray"], "unexpected word 'stray'"),
        ([*NEEDED, "--wrapperfoo", "ATLAS", "stray"], "unexpected word 'stray'"),
        ([*NEEDED, "--wrapperfoo=ATLAS", "stray"], "unexpected word 'stray'"),
        ([*NEEDED, "--lifetime", "-1"], "--lifetime"),
        ([*NEEDED, "--lifetime", "nan"], "--lifetime"),
        ([*NEEDED, "--poll", "0"], "--poll"),
        ([*NEEDED, "--cores", "0"], "--cores"),
        ([*NEEDED, "--require", "dsk"], "no validation step is called 'dsk'; known: cgroup, clock"),
        ([*NEEDED, "--wrapperplugin", "trivial"], "--wrapperplugin"),
        ([*NEEDED, "--wrappermode", "fast"], "only dryrun is known"),
        ([*NEEDED, "--wrapperspecialcmd", "exit 3"], "--wrapperspecialcmd failed with exit code 3"),
        (["--wrapperplugin", "command"], "needs --command"),
        (["--wrapperplugin", "command", "--command", "'open"], "--command: No closing quotation"),
        (["--wrapperplugin", "pilot"], "needs --wrapperpilotcodeurl"),
    ],
)
def test_wrong_usage(arguments: list[str], complaint: str) -> None:
    assert complaint in problem(*arguments)


def test_wrong_usage_has_its_own_exit_code(tmp_path: Path) -> None:
    code, output = run_wrapper(tmp_path, "--lifetme", "3")
    assert code == exits.EXIT_ENVIRONMENT == 83
    assert "unknown option --lifetme" in output


def test_help_tells_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        read_options(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    codes = [
        value for name, value in vars(exits).items() if name.startswith("EXIT_") and isinstance(value, int)
    ]
    assert len(codes) == 7
    for code in codes:
        assert f"\n {code:3}  " in text


@pytest.mark.parametrize(
    ("words", "others"),
    [
        (["--command", "echo 'a b'", "-h", "queue"], ["echo", "a b", "-h", "queue"]),
        (["--", "echo", "--lifetime", "3"], ["echo", "--lifetime", "3"]),
        (["--command", "echo", "-s", "S", "--", "--cores"], ["echo", "-s", "S", "--cores"]),
    ],
)
def test_other_words_go_through_to_what_is_run(words: list[str], others: list[str], tmp_path: Path) -> None:
    found = source("--wrapperplugin", "command", *words)
    assert isinstance(found, CommandSource)
    work = found.next()
    assert work is not None
    assert work.prepare(str(tmp_path)).words == [word.encode() for word in others]


def test_a_pilot_is_run_once_and_has_time_to_end() -> None:
    url = f"http://h/pilot.tgz#sha256={'0' * 64}"
    options, others = read_options(["--wrapperplugin", "pilot", "--wrapperpilotcodeurl", url])
    complete(options)
    assert isinstance(source_of(options, others, Ending()), PilotSource)
    assert (options.max_payloads, limits_of(options).grace_s) == (1, 60)


def test_words_that_nobody_takes_are_refused() -> None:
    refuse_others(["--wrapperx", "value"])
    with pytest.raises(UsageError):
        refuse_others(["value"])
