"""Whose address counts for a request that came through a web server in front."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from autopyfactory.web.access import within

Networks = Iterable[IPv4Network | IPv6Network]

_THIS_MACHINE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def origin_of(peer: str, forwarded_for: str, proxies: Sequence[IPv4Network | IPv6Network]) -> str:
    """Return the address of the caller, or a text that is none: nothing is granted by address then.

    ``peer``: the address at the other end of the connection.  ``forwarded_for``: the header
    ``X-Forwarded-For``, to which each web server on the way adds whom it was called by, at the end.
    ``proxies``: those that are believed.  What somebody else says is passed over.
    """
    if not forwarded_for:
        return peer
    if not within(peer, proxies):
        # the callers of a web server on this machine are not this machine, whose address grants much
        return f"unnamed proxy at {peer}" if within(peer, _THIS_MACHINE) else peer
    address = peer
    for text in reversed(forwarded_for.split(",")):
        try:
            address = str(ip_address(text.strip()))
        except ValueError:
            return f"unknown caller of {address}"
        if not within(address, proxies):
            break
    return address
