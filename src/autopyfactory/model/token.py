"""The signed token by which a wrapper proves that it is one pilot of one factory.

``payload.signature``, both base64url without padding.  The payload is canonical JSON; the signature is its
HMAC-SHA256 under a key that only the factory knows.  Pure functions; time is an argument.
"""

import binascii
import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime

from autopyfactory.model.names import FactoryId, PilotId, QueueName

MAX_TOKEN_CHARACTERS = 2048
_VERSION = 1


class TokenInvalid(ValueError):
    """The token is none of this key's, or no token at all."""


class TokenExpired(TokenInvalid):
    """The token was good once."""


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token says, once its signature is found good."""

    factory: FactoryId
    pilot: PilotId
    queue: QueueName
    expires_at: datetime


def mint(key: bytes, factory: FactoryId, pilot: PilotId, queue: QueueName, expires_at: datetime) -> str:
    """Return the token of a pilot; ``expires_at`` counts in whole seconds."""
    claims = {
        "v": _VERSION,
        "factory": factory,
        "pilot": pilot,
        "queue": queue,
        "expires": int(expires_at.timestamp()),
    }
    payload = _encode(json.dumps(claims, sort_keys=True, separators=(",", ":")).encode())
    return f"{payload}.{_encode(_signature(key, payload))}"


def verify(key: bytes, token: str, now: datetime) -> TokenClaims:
    """Return what a token says; raises `TokenInvalid`, or `TokenExpired` from its end on."""
    if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
        raise TokenInvalid("not a pilot token")
    payload, _, signature = token.partition(".")
    # compared as text: there is one spelling of a signature, and no other is taken
    if not hmac.compare_digest(signature, _encode(_signature(key, payload))):
        raise TokenInvalid("the signature is not this factory's")
    claims = _claims(payload)
    if now >= claims.expires_at:
        raise TokenExpired(f"the token expired at {claims.expires_at.isoformat()}")
    return claims


def _claims(payload: str) -> TokenClaims:
    try:
        told = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if told["v"] != _VERSION:
            raise TokenInvalid(f"a token of version {told['v']}, expected {_VERSION}")
        return TokenClaims(
            FactoryId(told["factory"]),
            PilotId(told["pilot"]),
            QueueName(told["queue"]),
            datetime.fromtimestamp(told["expires"], UTC),
        )
    except (KeyError, TypeError, binascii.Error, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise TokenInvalid("the token's claims cannot be read") from error


def _signature(key: bytes, payload: str) -> bytes:
    return hmac.new(key, payload.encode(), hashlib.sha256).digest()


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
