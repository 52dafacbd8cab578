"""The ``[web]`` section: what is served over HTTP, to whom."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from autopyfactory.api import Settings

Port = Annotated[int, Field(ge=0, le=65535)]
PerSecond = Annotated[float, Field(gt=0)]


class WebSettings(Settings):
    """The ``[web]`` section."""

    enabled: bool = False
    """Whether ``apf run`` serves it; ``apf web serve`` does in any case."""
    host: str = "127.0.0.1"
    """The address to listen on; the default is reached from this machine alone."""
    port: int = Field(default=25880, ge=0, le=65535)
    """0: any free one."""
    url: str = Field(default="", pattern=r"^(https?://[^\s?#]+)?$")
    """Where it is reached from outside, as pilots are told; left out: they report nothing."""
    tls_certificate: Path | None = None
    """PEM file of the certificate with its chain; left out: plain HTTP."""
    tls_key: Path | None = None
    """PEM file of the certificate's key."""
    reads: Literal["open", "closed"] = "open"
    """Who may read: everyone, or tokens with the scope ``read`` and ``networks`` only."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Addresses that may read without a token where ``reads`` is closed."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Web servers in front that are believed whom they were called by (``X-Forwarded-For``)."""
    requests_per_s: PerSecond = 50
    """For each token, or for each address that sends none; more are answered with 429."""
    burst: int = Field(default=200, ge=1)
    """Requests that may come at once before ``requests_per_s`` holds."""
    logs: bool = True
    """Whether pilots' logs are served under ``/logs/``."""
    log_index: bool = False
    """Whether directories of logs are listed."""
    metrics_queues: int = Field(default=1000, ge=0, le=20_000)
    """Queues that have labels of their own in ``/metrics``; all others share the label ``other``."""

    monitor_networks: tuple[IPv4Network | IPv6Network, ...] = (
        ip_network("127.0.0.0/8"),
        ip_network("::1/128"),
    )
    """Addresses that may write by the monitors' protocol (wrappers, Harvester, APF 2): it has no tokens."""
    monitor_udp_port: Port | None = None
    """Where ATLAS wrappers' datagrams are taken, on ``host``; 0: any free port; left out: nowhere."""

    @model_validator(mode="after")
    def _both_files_or_none(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together: give both, or none")
        return self
