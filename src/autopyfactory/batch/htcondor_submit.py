"""The submit description of pilots, in HTCondor's submit language.

A description is a mapping of submit commands; what differs from pilot to pilot is a macro in it.  Universes
other than vanilla replace the first entries; all that identifies a pilot stays the same.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autopyfactory.api import SubmitRejected
from autopyfactory.batch.environment import pilot_environment, reports
from autopyfactory.model import BatchId, FactoryId, PilotId, PilotSpec
from autopyfactory.schedd.jobs import quoted

FACTORY, PILOT, QUEUE = "APF_FACTORY", "APF_PILOT", "APF_QUEUE"
"""The tags: job attributes by which a pilot is found again."""
ITEM = "apf_pilot"
"""The macro that holds the id of a pilot."""
TOKEN_ITEM = "apf_token"  # noqa: S105 (a name)
"""The macro that holds what a pilot proves itself by; it stands in no file."""

# stand for what HTCondor fills in, while texts around them are made literal
_PILOT_MACRO, _JOB_MACRO, _TOKEN_MACRO = "\ue000", "\ue001", "\ue002"
_MACROS = {
    _PILOT_MACRO: f"$({ITEM})",
    _JOB_MACRO: "$(Cluster).$(Process)",
    _TOKEN_MACRO: f"$({TOKEN_ITEM})",
}
_MACRO = re.compile(r"\$(\w*\()")
_MATCH_MACRO = re.compile(r"\$\$\w*\(")
_COMMAND = re.compile(r"(\+|my\.)?[A-Za-z_][A-Za-z0-9_.]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who submits, as pilots carry it."""

    factory: FactoryId
    host: str
    user: str


def submit_description(
    spec: PilotSpec, submitter: Submitter, attributes: Mapping[str, str], *, job_log: bool
) -> dict[str, str]:
    """Return the submit commands for pilots of this specification.

    ``attributes`` are further commands and job attributes (``+Name``) for all queues; the specification's
    own win over them, and both over everything but the tags.  Raises `SubmitRejected` where something cannot
    be said in the submit language.
    """
    job_id = BatchId(_JOB_MACRO)
    environment = pilot_environment(
        spec,
        factory=submitter.factory,
        pilot=PilotId(_PILOT_MACRO),
        batch_id=job_id,
        submit_host=submitter.host,
        user=submitter.user,
        own_token=_TOKEN_MACRO if reports(spec) else "",
    )
    files = _literal(str(spec.log_dir / job_id))
    commands = {
        "universe": "vanilla",
        "executable": _literal(str(spec.executable)),
        "arguments": _literal(_words(spec.arguments)),
        "environment": _literal(_words([f"{name}={value}" for name, value in environment.items()])),
        "initialdir": _literal(str(spec.log_dir)),
        "output": f"{files}.out",
        "error": f"{files}.err",
        "log": f"{files}.log",
        "should_transfer_files": "YES",
        "when_to_transfer_output": "ON_EXIT",
        # only stdout and stderr come back, not what a pilot leaves in its directory
        "transfer_output_files": '""',
        "transfer_input_files": _literal(_file_list([str(path) for path in spec.inputs])),
        "notification": "never",
        **_requests(spec),
        **_tags(spec, submitter, job_id),
    }
    if not job_log:
        del commands["log"]
    if not spec.inputs:
        del commands["transfer_input_files"]
    for name, value in {**attributes, **spec.attributes}.items():
        _set(commands, name, value)
    for name, value in commands.items():
        if "\n" in value or "\r" in value or value.endswith("\\"):
            raise SubmitRejected(f"{spec.queue}: {name} holds a line break or ends in a backslash: {value!r}")
    return commands


def items(pilots: Sequence[PilotId], tokens: Sequence[str] = ()) -> list[Mapping[str, str]]:
    """Return what fills in the description for each pilot; ``tokens``, one for each, where they report."""
    if not tokens:
        return [{ITEM: pilot} for pilot in pilots]
    return [{ITEM: pilot, TOKEN_ITEM: own} for pilot, own in zip(pilots, tokens, strict=True)]


def submit_file(description: Mapping[str, str], pilots: Sequence[PilotId]) -> str:
    """Return the description as a file for ``condor_submit``, for operators to look at."""
    commands = "".join([f"{name} = {value}\n" for name, value in description.items()])
    return f"{commands}queue {ITEM} from (\n" + "".join([f"{pilot}\n" for pilot in pilots]) + ")\n"


def is_false(description: Mapping[str, str], command: str) -> bool:
    """Whether a command is set, in any spelling, to a value that HTCondor takes for false."""
    values = [value for name, value in description.items() if name.lower() == command]
    return bool(values) and values[0].strip().lower() in {"false", "f", "no", "n", "0"}


def _requests(spec: PilotSpec) -> dict[str, str]:
    requests = {
        "request_cpus": str(spec.cores),
        "request_memory": str(spec.memory_mb),  # MiB
        "request_disk": str(spec.disk_mb * 1024),  # KiB
    }
    if spec.gpus:
        requests["request_gpus"] = str(spec.gpus)
    if spec.walltime_s is not None:
        # the schedd ends it; counted anew where a pilot is evicted and starts again
        requests["periodic_remove"] = (
            f"(JobStatus == 2) && (time() - EnteredCurrentStatus > {spec.walltime_s})"
        )
    return requests


def _tags(spec: PilotSpec, submitter: Submitter, job_id: BatchId) -> dict[str, str]:
    tags = {
        FACTORY: submitter.factory,
        PILOT: _PILOT_MACRO,
        QUEUE: spec.queue,
        "MATCH_APF_QUEUE": spec.queue,
        "FACTORY_JOBID": f"{submitter.host}#{job_id}",
    }
    if spec.log_url:
        files = f"{spec.log_url.rstrip('/')}/{job_id}"
        tags |= {"APF_LOGURL": f"{files}.log", "APF_OUTURL": f"{files}.out", "APF_ERRURL": f"{files}.err"}
    return {f"My.{name}": _literal(quoted(value)) for name, value in tags.items()}


def _set(commands: dict[str, str], name: str, value: str) -> None:
    """Set one of the operator's own commands, over one that differs in case only."""
    if not _COMMAND.fullmatch(name):
        raise SubmitRejected(f'attributes: expected a submit command or "+Name", got {name!r}')
    written = f"My.{name.removeprefix('+')}" if name.startswith("+") else name
    if written.lower() in {f"my.{tag}".lower() for tag in (FACTORY, PILOT, QUEUE)}:
        raise SubmitRejected(f"attributes: {name} is how the factory finds its pilots; leave it out")
    for known in [known for known in commands if known.lower() == written.lower()]:
        del commands[known]
    commands[written] = value


def _literal(text: str) -> str:
    """Return a text that the submit language takes as it is, with the macros of a pilot filled in.

    A dollar sign is only special in front of a parenthesis, and two of them cannot be made plain.
    """
    if unspeakable := _MATCH_MACRO.search(text):
        raise SubmitRejected(f"HTCondor would replace {unspeakable[0]}…) in {text!r}; write it differently")
    literal = _MACRO.sub(r"$(DOLLAR)\1", text)
    for stand_in, macro in _MACROS.items():
        literal = literal.replace(stand_in, macro)
    return literal


def _words(words: Sequence[str]) -> str:
    """Return words in the quoting that HTCondor calls the new syntax."""
    quoted_words = ["'" + word.replace("'", "''") + "'" for word in words]
    return '"' + " ".join(quoted_words).replace('"', '""') + '"'


def _file_list(paths: Sequence[str]) -> str:
    for path in paths:
        if "," in path:
            raise SubmitRejected(f"inputs: HTCondor cannot send a file with a comma in its name: {path}")
    return ",".join(paths)
