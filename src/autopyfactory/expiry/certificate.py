"""When X.509 certificates end.  The standard library tells it of no file, only of connections.

Nothing is verified: whoever is shown the certificate does that.
"""

import base64
import re
from datetime import UTC, datetime

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME = 0xA0, 0x17
_FORMS = {_UTC_TIME: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
"""Of UTCTime and GeneralizedTime, as RFC 5280 has them: with seconds, in UTC."""


def certificate_end(pem: bytes) -> datetime:
    """Return the end of the first certificate of a PEM file; raises `ValueError`.

    It is the one that the file is about: a proxy, or a server's; those that it builds upon follow.
    """
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("no certificate in PEM form")
    # Certificate ::= SEQUENCE { tbsCertificate ::= SEQUENCE { [0] version OPTIONAL, serialNumber, signature,
    # issuer, validity ::= SEQUENCE { notBefore, notAfter }, ... }, ... }
    (_, certificate), *_ = _elements(base64.b64decode(found[1]))
    (_, signed), *_ = _elements(certificate)
    fields = [content for tag, content in _elements(signed) if tag != _VERSION]
    if len(fields) < 4:
        raise ValueError("the certificate is cut short")
    _, (tag, end) = _elements(fields[3])
    if tag not in _FORMS:
        raise ValueError("the certificate's end is no time")
    return datetime.strptime(end.decode("ascii"), _FORMS[tag]).replace(tzinfo=UTC)


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """Return tag and content of each DER element in a row."""
    found = []
    at = 0
    while at < len(der):
        tag, size = der[at], int.from_bytes(der[at + 1 : at + 2])
        at += 2
        if size & 0x80:
            octets = size & 0x7F
            size = int.from_bytes(der[at : at + octets])
            at += octets
        if at + size > len(der):
            raise ValueError("the certificate is cut short")
        found.append((tag, der[at : at + size]))
        at += size
    return found
