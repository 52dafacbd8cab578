"""The configuration as it came out, for operators to look at."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from autopyfactory.api import ChainStep
from autopyfactory.config.secrets import mask
from autopyfactory.config.tree import Config, Endpoint, MonitorTarget, NotifyTarget, QueueConfig
from autopyfactory.model import PilotSpec

Dump = Callable[[BaseModel], dict[str, Any]]


def show(config: Config) -> dict[str, Any]:
    """Return the effective configuration as values that JSON can hold.

    Defaults, inherited settings and placeholders are filled in.  Secrets are masked, and so is every string
    that came from the environment or from a file, wherever it occurs.
    """
    return {key: _masked(value, config.referenced) for key, value in tree(config, as_json).items()}


def tree(config: Config, dump: Dump) -> dict[str, Any]:
    """Return all settings, each model's as ``dump`` gives them; what came from elsewhere is not masked."""
    return {
        "files": [str(file) for file in config.files],
        "factory": dump(config.factory),
        "web": dump(config.web),
        "wms": {name: _endpoint(endpoint, dump) for name, endpoint in config.wms.items()},
        "batch": {name: _endpoint(endpoint, dump) for name, endpoint in config.batch.items()},
        "monitor": {name: _endpoint(target, dump) for name, target in config.monitors.items()},
        "notices": dump(config.notices),
        "notify": {name: _endpoint(target, dump) for name, target in config.notify.items()},
        "queues": {name: _queue(queue, dump) for name, queue in config.queues.items()},
    }


def as_json(model: BaseModel) -> dict[str, Any]:
    """Return settings as JSON holds them, secret ones masked."""
    return model.model_dump(mode="json", fallback=str)


def _endpoint(endpoint: Endpoint | MonitorTarget | NotifyTarget, dump: Dump) -> dict[str, Any]:
    # a key that both have is the plugin's: it is the nearer one
    return {**dump(endpoint.common), **dump(endpoint.settings)}


def _queue(queue: QueueConfig, dump: Dump) -> dict[str, Any]:
    settings = {name: value for name, value in dump(queue.settings).items() if name != "pilot"}
    pilot = {**_spec(queue.spec), "empty_exit_codes": list(queue.settings.pilot.empty_exit_codes)}
    sched = [_step(step, dump) for step in queue.chain]
    return {**settings, "wms_queue": queue.wms_queue, "sched": sched, "pilot": pilot}


def _step(step: ChainStep, dump: Dump) -> dict[str, Any]:
    return {step.name: dump(step.rule)}


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
