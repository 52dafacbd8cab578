from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from credential_makers import jwt
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.expiry import tokens_end

SOON = datetime(2026, 12, 1, 5, 6, 7, tzinfo=UTC)
LATER = SOON + timedelta(days=30)


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        ([], None),
        ([jwt(SOON)], SOON),
        ([jwt(iss="pool")], None),
        ([jwt(exp=None)], None),
        ([jwt(exp=0)], datetime(1970, 1, 1, tzinfo=UTC)),
        (["# a remark. or. two", "", jwt(SOON), ""], SOON),
        ([f"# {jwt(SOON)}"], None),
        ([f"  {jwt(SOON)}\r"], SOON),
        (["opaque", jwt(SOON)], SOON),
        ([jwt(SOON), jwt(LATER)], SOON),
        ([jwt(LATER), jwt(SOON)], SOON),
        ([jwt(), jwt(SOON)], SOON),
    ],
)
def test_the_end_of_a_file(lines: list[str], end: datetime | None) -> None:
    assert tokens_end("\n".join(lines)) == end


@pytest.mark.parametrize("exp", ["soon", [1], -1, 1e300, float("nan"), 253_402_300_800])
def test_an_end_that_is_no_time(exp: object) -> None:
    with pytest.raises(ValueError, match="the token's end is no time"):
        tokens_end(jwt(exp=exp))


@pytest.mark.parametrize("payload", ["WzFd", "IjEi", "e30x", "A", "/w", ""])
def test_a_token_that_cannot_be_read(payload: str) -> None:
    with pytest.raises(ValueError):
        tokens_end(f"e30.{payload}.x")


@given(st.text())
def test_any_text_has_an_end_or_none_or_is_refused(text: str) -> None:
    for file in (text, f"e30.{text}.x", f"{text}\n{jwt(SOON)}"):
        with suppress(ValueError):
            end = tokens_end(file)
            assert end is None or end.tzinfo is UTC
