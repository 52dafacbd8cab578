"""One schedd through HTCondor's bindings.  Used in the worker process alone: they hold the GIL all along."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from autopyfactory.api import Deadline
from autopyfactory.schedd.changes import Changes, Row, Summary, plain
from autopyfactory.schedd.errors import ScheddRefused, ScheddSilent, ScheddTooLate, ScheddUnreachable

T = TypeVar("T")

_MISSING = "HTCondor's Python bindings are not installed: pip install 'autopyfactory[htcondor]'"
_NOT_CONNECTED = "Failed to connect to schedd"
_NOT_COMMITTED = "Unable to commit"
_LIMITS = {"-2": "MAX_JOBS_SUBMITTED", "-3": "MAX_JOBS_PER_OWNER", "-4": "MAX_JOBS_PER_SUBMISSION"}
"""The schedd's answers to a request for one more job (NEWJOB_ERR_… in its sources)."""


class Bindings:
    """The methods that a request may call.

    ``schedd``: its name; empty: that of this machine.  ``collector``: HOST:PORT of its pool; empty: as
    HTCondor's configuration says.  Errors are those of `autopyfactory.schedd.errors`.
    """

    def __init__(self, schedd: str, collector: str) -> None:
        try:
            import classad2
            import htcondor2
        except ImportError as error:
            raise ScheddUnreachable(f"{_MISSING} ({error})") from error
        self._htcondor = htcondor2
        self._troubles = (
            htcondor2.HTCondorException,
            classad2.ClassAdException,
            OSError,
            ValueError,
            RuntimeError,
        )
        self._name = schedd
        self._collector = collector
        self._schedd: Any = None
        self._listings: dict[tuple[str, ...], Changes] = {}

    def submit(
        self,
        description: Mapping[str, str],
        items: Sequence[Mapping[str, str]],
        deadline: Deadline | None = None,
    ) -> tuple[int, int, int]:
        """Submit one job for each item, in one transaction: (cluster, first proc, number of jobs).

        ``items`` fill in macros of the description.  Raises `ScheddTooLate` where the deadline has passed
        when all is ready: this process may have been stopped for long together with its factory.
        """
        try:
            submit = self._htcondor.Submit(dict(description))
        except self._troubles as error:
            raise ScheddRefused(f"the submit description is not valid: {_said(error)}") from error
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # the bindings warn of success with remarks; it must stay a success
            result = self._connected(lambda schedd: self._submit(schedd, submit, items, deadline))
        return result.cluster(), result.first_proc(), result.num_procs()

    def listing(
        self, constraint: str, key: str, details: Sequence[str], basis: int
    ) -> Iterator[list[Row] | Summary]:
        """Tell which jobs fulfil the constraint, by what changed since ``basis`` (see `Changes`)."""
        changes = self._listings.setdefault((constraint, key, *details), Changes(key, details))
        ads = self._asked(lambda schedd: schedd.query(constraint, changes.projection))
        return changes.tell(ads, basis)

    def rows(self, constraint: str, attributes: Sequence[str]) -> list[Row]:
        """Return these attributes of the jobs that fulfil the constraint; None where undefined."""
        ads = self._asked(lambda schedd: schedd.query(constraint, list(attributes)))
        return [tuple([plain(ad.get(name)) for name in attributes]) for ad in ads]

    def history(
        self, constraint: str, attributes: Sequence[str], since: str, limit: int, wanted: frozenset[str]
    ) -> list[Row]:
        """Return these attributes of ended jobs, newest first, back to the first that fulfils ``since``.

        Only jobs whose first attribute is ``wanted``.
        """
        ads = self._asked(lambda schedd: schedd.history(constraint, list(attributes), limit, since))
        return [
            tuple([plain(ad.get(name)) for name in attributes])
            for ad in ads
            if ad.get(attributes[0]) in wanted
        ]

    def tally(self, constraint: str, attribute: str) -> dict[tuple[str, int], int]:
        """Count the jobs that fulfil the constraint by (text of the attribute, job status).

        Jobs without the attribute count under the empty text; so do all where ``attribute`` is empty.
        """
        projection = ["JobStatus", attribute] if attribute else ["JobStatus"]
        ads = self._asked(lambda schedd: schedd.query(constraint, projection))
        if not attribute:
            return dict(Counter(("", ad["JobStatus"]) for ad in ads))
        return dict(Counter((str(plain(ad.get(attribute)) or ""), ad["JobStatus"]) for ad in ads))

    def act(self, action: str, jobs: Sequence[str] | str, reason: str, code: int) -> None:
        """``Remove`` or ``Release`` jobs, by their ids or those that fulfil a constraint.

        Jobs that are gone, or already what they should become, are passed over.
        """
        chosen = jobs if isinstance(jobs, str) else list(jobs)
        job_action = getattr(self._htcondor.JobAction, action)
        # the bindings lose a reason that comes without a code
        totals = self._asked(lambda schedd: schedd.act(job_action, chosen, (reason, code)))
        failed = totals["TotalPermissionDenied"] + totals["TotalError"]
        if failed:
            raise ScheddRefused(f"{action} failed for {failed} jobs: not ours, or not authorised")

    def _submit(
        self, schedd: Any, submit: Any, items: Sequence[Mapping[str, str]], deadline: Deadline | None
    ) -> Any:
        if deadline is not None and deadline.passed:
            raise ScheddTooLate("it was too late to submit when the schedd was to be told")
        try:
            return schedd.submit(submit, itemdata=iter(items))
        except self._troubles as error:
            said = str(error).strip()
            if said.startswith(_NOT_CONNECTED):
                raise ScheddUnreachable(_said(error)) from error
            if said.startswith(_NOT_COMMITTED) and said.endswith((":", ",")):
                # without a word of the schedd's: the connection broke while it was asked to commit
                raise ScheddSilent(f"the connection broke at the commit ({said})") from error
            raise ScheddRefused(_said(error)) from error

    def _connected(self, call: Callable[[Any], T]) -> T:
        """Call, and where nobody is at the known address any more, once again at the present one."""
        if self._schedd is not None:
            try:
                return call(self._schedd)
            except ScheddUnreachable:
                self._schedd = None
        self._schedd = self._locate()
        try:
            return call(self._schedd)
        except ScheddUnreachable:
            self._schedd = None
            raise

    def _asked(self, call: Callable[[Any], T]) -> T:
        """Make a call that may be made twice."""

        def ask(schedd: Any) -> T:
            try:
                return call(schedd)
            except self._troubles as error:
                raise ScheddUnreachable(f"the schedd did not answer: {_said(error)}") from error

        return self._connected(ask)

    def _locate(self) -> Any:
        try:
            collector = (
                self._htcondor.Collector(self._collector) if self._collector else self._htcondor.Collector()
            )
            kind = self._htcondor.DaemonType.Schedd
            ad = collector.locate(kind, self._name) if self._name else collector.locate(kind)
        except self._troubles as error:
            raise ScheddUnreachable(f"cannot ask {self._where()} for the schedd: {_said(error)}") from error
        if ad is None:
            raise ScheddUnreachable(f"{self._where()} knows no schedd {self._name!r}: is it running?")
        return self._htcondor.Schedd(ad)

    def _where(self) -> str:
        return (
            f"the collector {self._collector or self._htcondor.param.get('COLLECTOR_HOST') or '(none set)'}"
        )


def _said(error: Exception) -> str:
    words = " ".join(str(error).replace(", errmsg=", ": ").replace("errmsg=", " ").split()).rstrip(",: ")
    limit = _LIMITS.get(words.rpartition("Schedd says ")[2])
    return f"{words} ({limit} is reached)" if limit else words or type(error).__name__
