import base64
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from credential_makers import make_certificate
from hypothesis import example, given
from hypothesis import strategies as st

from autopyfactory.expiry import certificate_end

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")

SOON = datetime(2026, 12, 1, 5, 6, 7, tzinfo=UTC)


@cache
def pem(end: datetime, version: int = 3) -> bytes:
    with TemporaryDirectory() as folder:
        make_certificate(Path(folder, "made.pem"), end, version=version)
        return Path(folder, "made.pem").read_bytes()


@pytest.mark.parametrize("version", [1, 3])
@pytest.mark.parametrize(
    "end",
    [
        datetime(1999, 1, 1, tzinfo=UTC),
        SOON,
        datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),  # UTCTime ends here, GeneralizedTime begins
        datetime(2050, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
)
def test_the_end_is_what_openssl_was_told(end: datetime, version: int) -> None:
    assert certificate_end(pem(end, version)) == end


def test_of_a_chain_the_first_certificate_counts() -> None:
    later = datetime(2030, 1, 1, tzinfo=UTC)
    assert certificate_end(pem(SOON) + pem(later)) == SOON
    assert certificate_end(pem(later) + pem(SOON)) == later


def test_what_comes_before_it_does_not_matter() -> None:
    assert certificate_end(b"Certificate:\n    Data: \xff\r\n" + pem(SOON).replace(b"\n", b"\r\n")) == SOON


@pytest.mark.parametrize("file", [b"", b"-----BEGIN CERTIFICATE-----", b"token", b"\x30\x82"])
def test_no_certificate(file: bytes) -> None:
    with pytest.raises(ValueError, match="no certificate in PEM form"):
        certificate_end(file)


def framed(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(der) + b"\n-----END CERTIFICATE-----\n"


@given(st.binary(min_size=1))
@example(b"\x30\x80\x00\x00")
@example(b"\x30\xff")
@example(b"\x30\x00")
@example(bytes([0x30, 10, 0x30, 8, 2, 0, 2, 0, 2, 0, 2, 0]))
def test_nonsense_is_told_apart_from_certificates(der: bytes) -> None:
    with pytest.raises(ValueError):
        certificate_end(framed(der))


@given(st.data())
def test_a_damaged_certificate_has_another_end_or_is_refused(data: st.DataObject) -> None:
    der = bytearray(base64.b64decode(pem(SOON).split(b"-----")[2]))
    der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        assert certificate_end(framed(bytes(der))).tzinfo is UTC
