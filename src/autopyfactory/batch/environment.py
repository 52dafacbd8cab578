"""What every pilot finds in its environment, whatever the batch system: APF 2's variables and its own id."""

from datetime import timedelta

from autopyfactory.model import BatchId, FactoryId, PilotId, PilotSpec, planned_at, token

PILOT = "APF_PILOT"
"""The variable that carries the pilot's id: the tag by which the factory knows it."""
REPORT_URL, PILOT_TOKEN = "APF_REPORT_URL", "APF_PILOT_TOKEN"
"""Where the wrapper reports to, and by what it proves whose wrapper it is."""

_WAITS_AT_MOST = timedelta(days=7)
_RUNS_AT_MOST = timedelta(days=4)


def reports(spec: PilotSpec) -> bool:
    """Whether the wrappers of these pilots report to the factory."""
    return spec.report_key is not None and bool(spec.report_url)


def pilot_token(spec: PilotSpec, factory: FactoryId, pilot: PilotId) -> str:
    """Return the token with which a pilot reports; empty where it does not.

    It is the same whenever it is asked for: its end counts from the time at which the pilot was planned.
    """
    if spec.report_key is None or not reports(spec):
        return ""
    runs = _RUNS_AT_MOST if spec.walltime_s is None else timedelta(seconds=spec.walltime_s)
    return token.mint(spec.report_key, factory, pilot, spec.queue, planned_at(pilot) + _WAITS_AT_MOST + runs)


def pilot_environment(
    spec: PilotSpec,
    *,
    factory: FactoryId,
    pilot: PilotId,
    batch_id: BatchId,
    submit_host: str,
    user: str,
    own_token: str = "",
) -> dict[str, str]:
    """Return the environment of one pilot: the specification's own, and over it what identifies the pilot.

    ``batch_id`` and ``pilot`` may be macros that the batch system fills in (``$(Cluster).$(Process)``).
    ``own_token`` is the pilot's `pilot_token`, or a macro for it.
    ``APFMON``, the monitor's URL, is part of the specification where there is a monitor.
    """
    identity = {
        PILOT: pilot,
        "PANDA_JSID": factory,
        "APFFID": factory,
        "APFCID": batch_id,
        "FACTORY_JOBID": f"{submit_host}#{batch_id}",
        "FACTORYQUEUE": spec.queue,
        "FACTORYUSER": user,
    }
    if spec.log_url:
        identity["GTAG"] = f"{spec.log_url.rstrip('/')}/{batch_id}.out"
    if own_token:
        identity |= {REPORT_URL: spec.report_url, PILOT_TOKEN: own_token}
    return {**spec.environment, **identity}
