"""Where a schedd is, and how to be let in: settings that batch and WMS plugins share."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from autopyfactory.api import Settings
from autopyfactory.schedd.client import ScheddClient


class ScheddSettings(Settings):
    """One schedd."""

    schedd: str = ""
    """Name of the schedd, as ``condor_status -schedd`` shows it; left out: that of this machine."""
    collector: str = ""
    """HOST:PORT of the collector that knows it; left out: as HTCondor's configuration says."""
    condor_config: Path | None = None
    """HTCondor's configuration file; left out: the environment's, or /etc/condor/condor_config."""
    token_dir: Path | None = None
    """Directory of IDTOKENS or SciTokens to authenticate with; left out: as the configuration says."""
    environment: Mapping[str, str] = Field(default_factory=dict)
    """Further variables for HTCondor's client, for example ``_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS``."""
    answer_within_s: float = Field(default=120, gt=0)
    """A request that takes longer is given up, and a submission among them counts as unknown."""

    def client(self) -> ScheddClient:
        """Return a client; it connects when first asked."""
        environment = dict(self.environment)
        if self.condor_config is not None:
            environment["CONDOR_CONFIG"] = str(self.condor_config)
        if self.token_dir is not None:
            environment["_CONDOR_SEC_TOKEN_DIRECTORY"] = str(self.token_dir)
        return ScheddClient(
            self.schedd, self.collector, environment=environment, timeout_s=self.answer_within_s
        )
