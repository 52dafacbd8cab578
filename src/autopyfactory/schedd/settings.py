"""Where a schedd is, and how to be let in: settings that batch and WMS plugins share."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from autopyfactory.api import Settings
from autopyfactory.expiry import CredentialFiles
from autopyfactory.schedd.client import ScheddClient

_TOKEN_DIRECTORY = "_CONDOR_SEC_TOKEN_DIRECTORY"  # noqa: S105 - the name of a variable


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
        return ScheddClient(
            self.schedd,
            self.collector,
            environment=self._client_environment(),
            timeout_s=self.answer_within_s,
        )

    def credentials(self) -> CredentialFiles:
        """Return the credentials that these settings name; others HTCondor may find by itself."""

        def named(variable: str) -> list[Path]:
            return [Path(environment[variable])] if environment.get(variable) else []

        environment = self._client_environment()
        return CredentialFiles(
            certificates=named("X509_USER_PROXY"),
            tokens=named("BEARER_TOKEN_FILE"),
            token_dirs=named(_TOKEN_DIRECTORY),
        )

    def _client_environment(self) -> dict[str, str]:
        environment = dict(self.environment)
        if self.condor_config is not None:
            environment["CONDOR_CONFIG"] = str(self.condor_config)
        if self.token_dir is not None:
            environment[_TOKEN_DIRECTORY] = str(self.token_dir)
        return environment
