"""Makes credentials that end when a test wants it."""

import base64
import json
import subprocess
from datetime import datetime
from pathlib import Path


def jwt(end: datetime | None = None, **claims: object) -> str:
    """Return a token with a signature that nobody looks at."""
    if end is not None:
        claims["exp"] = int(end.timestamp())
    parts = [{"alg": "HS256"}, claims]
    return ".".join([*(_base64url(json.dumps(part)) for part in parts), _base64url("signature")])


def _base64url(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def make_certificate(file: Path, end: datetime, *, version: int = 3) -> None:
    """Have openssl write a certificate of that end, with its key behind it."""
    key, pem = file.with_suffix(".key"), file.with_suffix(".crt")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc",
            "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(file.with_suffix(".csr")))  # fmt: skip
    folder = file.parent / f"{file.name}.ca"
    folder.mkdir(exist_ok=True)
    (folder / "index").write_text("")
    extensions = "x509_extensions=extensions\n" if version == 3 else ""
    (folder / "ca.conf").write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index\nnew_certs_dir={folder}\nrand_serial=yes\n"
        f"default_md=sha256\npolicy=any\n{extensions}[any]\ncommonName=supplied\n"
        "[extensions]\nbasicConstraints=CA:FALSE\n"
    )
    openssl("ca", "-batch", "-config", str(folder / "ca.conf"), "-selfsign", "-keyfile", str(key),
            "-in", str(file.with_suffix(".csr")), "-out", str(pem), "-notext",
            "-startdate", "19960101000000Z", "-enddate", f"{end:%Y%m%d%H%M%S}Z")  # fmt: skip
    file.write_bytes(pem.read_bytes() + key.read_bytes())


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)
