"""When X.509 certificates end, read without a TLS library: the standard one cannot tell it of a file."""

import base64
import calendar
import re
import time
from typing import List, Tuple

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


def end_of_chain(pem: bytes) -> float:
    """Return the time at which the first certificate of a PEM file ends; raises `ValueError`."""
    ends = [_not_after(base64.b64decode(block)) for block in _BLOCK.findall(pem)]
    if not ends:
        raise ValueError("no certificate in it")
    return min(ends)


def _not_after(der: bytes) -> float:
    # Certificate ::= SEQUENCE { tbsCertificate ::= SEQUENCE { [0] version, serialNumber, signature,
    # issuer, validity ::= SEQUENCE { notBefore, notAfter }, ... }, ... }, RFC 5280
    certificate = _parts(der)[0][1]
    fields = _parts(_parts(certificate)[0][1])
    if fields and fields[0][0] == 0xA0:
        fields = fields[1:]
    if len(fields) < 4:
        raise ValueError("not a certificate")
    times = _parts(fields[3][1])
    if len(times) != 2:
        raise ValueError("not a certificate")
    kind, text = times[1]
    form = "%y%m%d%H%M%SZ" if kind == 0x17 else "%Y%m%d%H%M%SZ"
    return float(calendar.timegm(time.strptime(text.decode("ascii"), form)))


def _parts(data: bytes) -> List[Tuple[int, bytes]]:
    """Return the tag and content of each element of a DER sequence's content."""
    parts = []
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("not a certificate")
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            octets = size & 0x7F
            size = int.from_bytes(data[at : at + octets], "big")
            at += octets
        if at + size > len(data):
            raise ValueError("not a certificate")
        parts.append((tag, data[at : at + size]))
        at += size
    if not parts:
        raise ValueError("not a certificate")
    return parts
