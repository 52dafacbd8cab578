"""What every pilot finds in its environment, whatever the batch system: APF 2's variables and its own id."""

from autopyfactory.model import BatchId, FactoryId, PilotId, PilotSpec

PILOT = "APF_PILOT"
"""The variable that carries the pilot's id: the tag by which the factory knows it."""


def pilot_environment(
    spec: PilotSpec, *, factory: FactoryId, pilot: PilotId, batch_id: BatchId, submit_host: str, user: str
) -> dict[str, str]:
    """Return the environment of one pilot: the specification's own, and over it what identifies the pilot.

    ``batch_id`` and ``pilot`` may be macros that the batch system fills in (``$(Cluster).$(Process)``).
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
    return {**spec.environment, **identity}
