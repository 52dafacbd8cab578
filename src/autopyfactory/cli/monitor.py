"""``apf monitor``: one monitor for many factories."""

import asyncio
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from autopyfactory.api import SystemClock
from autopyfactory.cli.common.failure import UsageProblem
from autopyfactory.cli.common.logging_setup import LogFormat, LogLevel, set_up_logging
from autopyfactory.cli.common.stopping import orderly_stop
from autopyfactory.cli.common.webs import tls_of
from autopyfactory.config import Config, FactorySettings, WebSettings
from autopyfactory.model import FactoryId

ABOUT = "A monitor for many factories."
SERVE_EXAMPLES = (
    "apf monitor serve",
    "apf monitor serve --host 0.0.0.0 --port 25881 --network 192.0.2.0/24 --network 2001:db8::/32",
    "APF_MONITOR_STORE=postgresql://monitor@db.example.org/monitor apf monitor serve --udp-port 28527",
)
STORE_OF = FactoryId("monitor")
"""Whose a monitor's store is: no factory's, so that none takes it for its own."""


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 25881,
    store: Annotated[
        str,
        typer.Option(
            envvar="APF_MONITOR_STORE",
            metavar="URL",
            help="Where it keeps what it is told: sqlite:///FILE or postgresql://USER@HOST/NAME.",
        ),
    ] = "sqlite:///monitor.db",
    network: Annotated[
        list[str] | None,
        typer.Option(
            "--network",
            metavar="CIDR",
            help="Addresses that may write; may be given several times; left out: this machine alone.",
        ),
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--trusted-proxy",
            metavar="CIDR",
            help="Web servers in front that are believed whom they were called by; repeatable.",
            show_default=False,
        ),
    ] = None,
    udp_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Where ATLAS wrappers' datagrams are taken.", show_default=False),
    ] = None,
    keep_days: Annotated[
        float, typer.Option(min=0.01, metavar="DAYS", help="How long pilots that ended are kept.")
    ] = 30.0,
    tls_certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PEM file of the certificate with its chain.", show_default=False),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="PEM file of its key.", show_default=False)
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="What is logged.")] = LogLevel.INFO,
    log_format: Annotated[LogFormat, typer.Option(help="How log lines look, on stderr.")] = LogFormat.TEXT,
) -> None:
    """Serve a monitor until SIGTERM or Ctrl-C, for factories that report to it.

    It speaks the monitors' protocol of APF 2, Harvester and wrappers, whose writes it takes from the networks
    that are named; everyone may read.  What it has confirmed survives kill -9.  Its URL is printed on stdout
    once it answers; factories are given it with /api behind it, as "[monitor.NAME] url".
    """
    if (tls_certificate is None) != (tls_key is None):
        raise UsageProblem("--tls-certificate and --tls-key belong together: give both, or none")
    named = {} if network is None else {"monitor_networks": _networks("--network", network)}
    web = WebSettings(
        host=host,
        port=port,
        monitor_udp_port=udp_port,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        trusted_proxies=_networks("--trusted-proxy", trusted_proxy or ()),
        **named,
    )
    settings = FactorySettings(id=STORE_OF, store=SecretStr(store), keep_pilots_days=keep_days)
    set_up_logging(log_level, log_format)
    asyncio.run(_serve(Config(settings, wms={}, batch={}, queues={}, web=web)))


async def _serve(config: Config) -> None:
    # here, since they cost half a second that "apf --help" need not wait for
    from autopyfactory.serving import serve as serve_app
    from autopyfactory.store import open_store
    from autopyfactory.web import WebContext, create_monitor_app

    web, url = config.web, config.factory.store.get_secret_value()
    writing = await open_store(url, STORE_OF)
    try:
        reading = await open_store(url, None, create=False)
        try:
            context = WebContext(lambda: config, reading, writing, SystemClock(), report_key=b"")
            stop = asyncio.Event()
            with orderly_stop(stop.set):
                app = create_monitor_app(context)
                await serve_app(app, web.host, web.port, typer.echo, stop, name="monitor", tls=tls_of(web))
        finally:
            await reading.close()
    finally:
        await writing.close()


def _networks(option: str, texts: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise UsageProblem(f"{option}: {error}; expected something like 192.0.2.0/24") from error
