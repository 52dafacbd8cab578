"""Who calls, and what they may do."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from autopyfactory.api import Clock, DeskStore
from autopyfactory.config import WebSettings
from autopyfactory.model import ApiToken, Scope
from autopyfactory.web.problems import Problem, unauthorized

PREFIX = "apf_"
"""What tokens of the API begin with: not pilots' tokens, and found by scanners where they leak."""
_TOKEN_BYTES = 32

bearer = HTTPBearer(auto_error=False, description="A token made by `apf token create`.")
"""Only describes the header: `gate` looks at it before any route is reached."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request."""

    origin: str
    """Address; behind a web server that is not named, or says something else, a text that tells so."""
    name: str = ""
    """Of the token; empty: none was sent."""
    scopes: frozenset[Scope] = frozenset()


def new_token() -> str:
    """Return a new secret; it is shown once, and kept as its `digest` alone."""
    return PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)


def digest(token: str) -> str:
    """Return what is kept of a token.

    Plain SHA-256 will do, with neither salt nor stretching: they slow down the guessing of what people
    choose, and nobody guesses 256 random bits.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


async def known_token(store: DeskStore, clock: Clock, token: str) -> ApiToken:
    """Return a token that is good now; raises `Problem` 401."""
    # the search is by digest, so its time tells nothing of the tokens that exist
    found = await store.token(digest(token))
    refusal = "the token is not known" if found is None else found.refusal(clock.now())
    if found is None or refusal:
        raise unauthorized(refusal)
    return found


def may_read(caller: Caller, settings: WebSettings) -> bool:
    """Whether this caller may read."""
    if settings.reads == "open" or caller.scopes & {Scope.READ, Scope.OPERATE}:
        return True
    return within(caller.origin, settings.networks)


def within(origin: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is in one of these networks."""
    try:
        address = ip_address(origin)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def caller_of(request: Request) -> Caller:
    """Return who sent a request, as `gate` found out."""
    caller: Caller = request.state.caller
    return caller


CallerHere = Annotated[Caller, Depends(caller_of)]


def reader(settings: WebSettings) -> object:
    """Return the dependency of routes that read."""

    def check(caller: CallerHere) -> None:
        if may_read(caller, settings):
            return
        if caller.name:
            raise Problem(403, "this token may not read: it needs the scope read")
        raise unauthorized("reading needs a token with the scope read")

    return Depends(check)


def monitor_reader(settings: WebSettings) -> object:
    """Return the dependency of the monitors' protocol: those who may write to it may read as well."""

    def check(caller: CallerHere) -> None:
        if not (may_read(caller, settings) or within(caller.origin, settings.monitor_networks)):
            raise unauthorized("reading needs a token with the scope read")

    return Depends(check)


def operator(caller: CallerHere) -> Caller:
    """Return the caller who may operate; raises `Problem` 401 or 403."""
    if not caller.name:
        raise unauthorized("this needs a token with the scope operate")
    if Scope.OPERATE not in caller.scopes:
        raise Problem(403, "this token may not operate: it needs the scope operate")
    return caller


Operator = Annotated[Caller, Depends(operator)]
