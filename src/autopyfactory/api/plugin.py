"""What every plugin has in common: a settings model, and the context that it is built in."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from autopyfactory.api.clock import Clock
from autopyfactory.model import FactoryId


class Settings(BaseModel):
    """Base of all settings models: frozen, and no key is accepted that it does not declare."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True, slots=True)
class Context:
    """What a WMS, batch or notify plugin is given beside its settings.

    A plugin class has a class attribute ``Settings`` (its settings model) and is built as
    ``PluginClass(settings, context)``.
    """

    factory: FactoryId
    instance: str
    """NAME of ``[wms.NAME]``, ``[batch.NAME]`` or ``[notify.NAME]``."""
    state_dir: Path
    """Where the plugin may keep files of its own; outlives the factory's process.  Made on first use."""
    clock: Clock
