"""The configuration as it came out, for operators to look at."""

from typing import Any

from autopyfactory.api import ChainStep
from autopyfactory.config.secrets import mask
from autopyfactory.config.tree import Config, Endpoint, QueueConfig
from autopyfactory.model import PilotSpec


def show(config: Config) -> dict[str, Any]:
    """Return the effective configuration as values that JSON can hold.

    Defaults, inherited settings and placeholders are filled in.  Secrets are masked, and so is every string
    that came from the environment or from a file, wherever it occurs.
    """
    tree = {
        "files": [str(file) for file in config.files],
        "factory": config.factory.model_dump(mode="json"),
        "web": config.web.model_dump(mode="json"),
        "wms": {name: _endpoint(endpoint) for name, endpoint in config.wms.items()},
        "batch": {name: _endpoint(endpoint) for name, endpoint in config.batch.items()},
        "queues": {name: _queue(queue) for name, queue in config.queues.items()},
    }
    return {key: _masked(value, config.referenced) for key, value in tree.items()}


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    # a key that both have is the plugin's: it is the nearer one
    own = endpoint.settings.model_dump(mode="json", fallback=str)
    return {**endpoint.common.model_dump(mode="json"), **own}


def _queue(queue: QueueConfig) -> dict[str, Any]:
    settings = queue.settings.model_dump(mode="json", exclude={"pilot"})
    pilot = {**_spec(queue.spec), "empty_exit_codes": list(queue.settings.pilot.empty_exit_codes)}
    sched = [_step(step) for step in queue.chain]
    return {**settings, "wms_queue": queue.wms_queue, "sched": sched, "pilot": pilot}


def _step(step: ChainStep) -> dict[str, Any]:
    return {step.name: step.rule.model_dump(mode="json", fallback=str)}


def _spec(spec: PilotSpec) -> dict[str, Any]:
    return {
        "executable": str(spec.executable),
        "arguments": list(spec.arguments),
        "environment": dict(spec.environment),
        "inputs": [str(path) for path in spec.inputs],
        "cores": spec.cores,
        "memory_mb": spec.memory_mb,
        "disk_mb": spec.disk_mb,
        "gpus": spec.gpus,
        "walltime_s": spec.walltime_s,
        "attributes": dict(spec.attributes),
    }


def _masked(value: Any, secrets: frozenset[str]) -> Any:
    match value:
        case str():
            return mask(value, secrets)
        case list():
            return [_masked(item, secrets) for item in value]
        case dict():
            return {key: _masked(item, secrets) for key, item in value.items()}
        case _:
            return value
