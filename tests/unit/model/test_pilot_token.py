"""Tokens of pilots: what was minted is read back, and nothing else is accepted."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model import FactoryId, PilotId, QueueName
from autopyfactory.model.token import TokenClaims, TokenExpired, TokenInvalid, mint, verify

KEY = b"0123456789abcdef"
NOW = datetime(2026, 11, 22, 17, 15, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
TEXTS = st.text(max_size=60)


def _minted() -> str:
    return mint(KEY, FactoryId("bnl"), PilotId("01J"), QueueName("Q"), LATER)


@given(
    key=st.binary(min_size=16, max_size=64),
    factory=TEXTS,
    pilot=TEXTS,
    queue=TEXTS,
    expires_at=st.integers(946684800, 10**11).map(lambda at: datetime.fromtimestamp(at, UTC)),
)
def test_what_was_minted_is_read_back(
    key: bytes, factory: str, pilot: str, queue: str, expires_at: datetime
) -> None:
    token = mint(key, FactoryId(factory), PilotId(pilot), QueueName(queue), expires_at)
    assert token.isascii()
    claims = verify(key, token, expires_at - timedelta(seconds=1))
    assert claims == TokenClaims(FactoryId(factory), PilotId(pilot), QueueName(queue), expires_at)


@given(st.data())
def test_a_changed_token_is_refused(data: st.DataObject) -> None:
    token = _minted()
    at = data.draw(st.integers(0, len(token) - 1))
    changed = token[:at] + data.draw(st.characters().filter(lambda c: c != token[at])) + token[at + 1 :]
    with pytest.raises(TokenInvalid):
        verify(KEY, changed, NOW)


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(TokenInvalid):
        verify(KEY, text, NOW)


@given(st.binary(min_size=16, max_size=32).filter(lambda key: key != KEY))
def test_another_key_is_refused(key: bytes) -> None:
    with pytest.raises(TokenInvalid, match="signature"):
        verify(key, _minted(), NOW)


@pytest.mark.parametrize(("late", "expired"), [(-1, False), (0, True), (1, True)])
def test_it_ends(late: int, expired: bool) -> None:
    now = LATER + timedelta(seconds=late)
    if expired:
        with pytest.raises(TokenExpired, match="2026-11-22T18:15"):
            verify(KEY, _minted(), now)
    else:
        assert verify(KEY, _minted(), now).pilot == "01J"


def _signed(claims: bytes) -> str:
    payload = _base64(claims)
    return f"{payload}.{_base64(hmac.new(KEY, payload.encode(), hashlib.sha256).digest())}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "claims",
    [
        [],
        {},
        {"v": 2, "factory": "f", "pilot": "p", "queue": "q", "expires": 9999999999},
        {"v": 1, "factory": "f", "pilot": "p", "queue": "q"},
        {"v": 1, "factory": "f", "pilot": "p", "queue": "q", "expires": "soon"},
    ],
)
def test_what_another_use_of_the_key_signed_is_refused(claims: object) -> None:
    with pytest.raises(TokenInvalid):
        verify(KEY, _signed(json.dumps(claims).encode()), NOW)


def test_no_json_is_refused_too() -> None:
    with pytest.raises(TokenInvalid):
        verify(KEY, _signed(b"\xff"), NOW)


def test_the_bytes_of_a_token_never_change() -> None:
    """Pilots that are out there carry them: a change of the format refuses all of them."""
    assert _minted() == _signed(b'{"expires":1795371300,"factory":"bnl","pilot":"01J","queue":"Q","v":1}')
