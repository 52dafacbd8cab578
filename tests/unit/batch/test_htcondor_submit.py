"""The submit description: a golden file, and what must survive its quoting."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.api import SubmitRejected
from autopyfactory.batch.htcondor_submit import (
    Submitter,
    is_false,
    items,
    submit_description,
    submit_file,
)
from autopyfactory.model import FactoryId, PilotId, PilotSpec, QueueName

GOLDEN = Path(__file__).parents[2] / "golden" / "htcondor" / "submit.jdl"
SUBMITTER = Submitter(FactoryId("bnl-gridui11"), "gridui11.example.org", "apf")
SPEC = PilotSpec(
    queue=QueueName("AGLT2_MCORE"),
    executable=Path("/opt/apf/wrapper.py"),
    arguments=("--wmsqueue", "AGLT2", "--note", "it's $HOME and $(date)"),
    environment={"APFMON": "https://apfmon.example.org", "GREETING": 'say "hi" & go'},
    inputs=(Path("/etc/apf/a.json"), Path("/etc/apf/b.json")),
    cores=8,
    memory_mb=16000,
    disk_mb=20000,
    gpus=1,
    walltime_s=172800,
    attributes={"+MaxMemory": "16000", "accounting_group": "atlas.prod"},
    log_dir=Path("/var/log/apf/2026-11-22/AGLT2_MCORE"),
    log_url="https://factory.example.org/logs/2026-11-22/AGLT2_MCORE",
)
PILOTS = [PilotId("01JD0000000000000000000000"), PilotId("01JD0000000000000000000001")]


def describe(spec: PilotSpec = SPEC, job_log: bool = True, **attributes: str) -> dict[str, str]:
    return submit_description(spec, SUBMITTER, attributes, job_log=job_log)


def test_golden_description() -> None:
    assert submit_file(describe(), PILOTS) == GOLDEN.read_text()


def test_each_pilot_fills_in_its_own_id() -> None:
    assert items(PILOTS) == [{"apf_pilot": PILOTS[0]}, {"apf_pilot": PILOTS[1]}]


def test_what_is_not_asked_for_is_left_out() -> None:
    bare = PilotSpec(queue=QueueName("Q"), executable=Path("/bin/sh"), log_dir=Path("/logs"))
    commands = describe(bare, job_log=False)
    assert not {"log", "transfer_input_files", "request_gpus", "periodic_remove"} & commands.keys()
    assert not {"My.APF_LOGURL", "My.APF_OUTURL", "My.APF_ERRURL"} & commands.keys()
    assert "GTAG" not in commands["environment"]


def test_a_queues_attributes_win_over_the_endpoints_and_over_ours() -> None:
    spec = replace(SPEC, attributes={"Periodic_Remove": "false", "+Tier": "2", "MY.Name": "3"})
    commands = submit_description(
        spec, SUBMITTER, {"+tier": "1", "+name": "1", "notification": "error"}, job_log=True
    )
    assert "periodic_remove" not in commands
    assert commands["Periodic_Remove"] == "false"
    assert (commands["My.Tier"], commands["MY.Name"]) == ("2", "3")
    assert not {"My.tier", "My.name"} & commands.keys()
    assert commands["notification"] == "error"


@pytest.mark.parametrize("name", ["+APF_PILOT", "MY.apf_queue", "my.APF_Factory"])
def test_tags_cannot_be_replaced(name: str) -> None:
    with pytest.raises(SubmitRejected, match="how the factory finds its pilots"):
        describe(replace(SPEC, attributes={name: '"x"'}))


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (replace(SPEC, arguments=("a\nqueue 1000",)), "line break"),
        (replace(SPEC, environment={"A": "b\rc"}), "line break"),
        (replace(SPEC, attributes={"+A": "1\n+B = 2"}), "line break"),
        (replace(SPEC, attributes={"+A": '"x\\'}), "backslash"),
        (replace(SPEC, attributes={"+A = 1\nqueue": "2"}), "expected a submit command"),
        (replace(SPEC, arguments=("$$(Memory)",)), r"HTCondor would replace \$\$\("),
        (replace(SPEC, inputs=(Path("/a,b"),)), "comma"),
    ],
)
def test_what_cannot_be_said_is_rejected(spec: PilotSpec, problem: str) -> None:
    with pytest.raises(SubmitRejected, match=problem):
        describe(spec)


@pytest.mark.parametrize(
    ("value", "told"), [("False", True), (" no ", True), ("0", True), ("True", False), ("", False)]
)
def test_false_in_any_spelling(value: str, told: bool) -> None:
    assert is_false({"Transfer_Executable": value}, "transfer_executable") is told
    assert is_false({}, "transfer_executable") is False


printable = st.text(st.characters(min_codepoint=32, max_codepoint=126))


@given(st.lists(printable.filter(lambda text: "$$" not in text), max_size=5))
def test_arguments_survive_their_quoting(arguments: list[str]) -> None:
    commands = describe(replace(SPEC, arguments=tuple(arguments)))
    assert parse_new_syntax(expand(commands["arguments"])) == arguments


def expand(text: str) -> str:
    """Do what HTCondor does with macros: it must find none but the one for a dollar sign."""
    literal = text.replace("$(DOLLAR)", "\0")
    assert not re.search(r"\$\w*\(", literal)
    return literal.replace("\0", "$")


def parse_new_syntax(text: str) -> list[str]:
    """Parse HTCondor's new quoting: words in single quotes, all of it in double quotes, quotes doubled."""
    assert text[0] == text[-1] == '"'
    inner = text[1:-1].replace('""', '"')
    words = re.findall(r"'((?:[^']|'')*)'(?: |$)", inner)
    return [word.replace("''", "'") for word in words]
