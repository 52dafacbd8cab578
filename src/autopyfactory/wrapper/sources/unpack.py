"""Unpacks a tarball into a directory, and nowhere else."""

import os
import shutil
import tarfile

from autopyfactory.wrapper.errors import BadPayload

MAX_BYTES = 4 << 30


def unpack(tarball: str, directory: str) -> None:
    """Unpack files, directories and links; raises `BadPayload` for what would lie or point outside."""
    top = os.path.realpath(directory)
    left = MAX_BYTES
    try:
        with tarfile.open(tarball) as archive:
            for member in archive:
                path = _inside(top, os.path.join(top, member.name), member.name)
                left -= member.size
                if left < 0:
                    raise BadPayload("%s unpacks to more than %d bytes" % (tarball, MAX_BYTES))
                _write(archive, member, path, top)
    except (tarfile.TarError, EOFError, KeyError, ValueError) as error:
        raise BadPayload("%s cannot be unpacked: %s" % (tarball, error)) from error


def _inside(top: str, path: str, name: str) -> str:
    # links that were unpacked before are followed: none may lead out
    parent = os.path.realpath(os.path.dirname(os.path.normpath(path)))
    whole = os.path.join(parent, os.path.basename(os.path.normpath(path)))
    if whole != top and not whole.startswith(top + os.sep):
        raise BadPayload("%r in the tarball leads outside of it" % name)
    return whole


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, top: str) -> None:
    if member.isdir():
        os.makedirs(path, exist_ok=True)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if member.issym():
        target = os.path.realpath(os.path.join(os.path.dirname(path), member.linkname))
        if target != top and not target.startswith(top + os.sep):
            raise BadPayload("the link %r in the tarball leads outside of it" % member.name)
        os.symlink(member.linkname, path)
        return
    if not (member.isreg() or member.islnk()):
        raise BadPayload("%r in the tarball is neither file, directory nor link" % member.name)
    if os.path.islink(path):
        os.remove(path)
    content = archive.extractfile(member)
    if content is None:
        raise BadPayload("%r in the tarball has no content" % member.name)
    with content, open(path, "wb") as file:
        shutil.copyfileobj(content, file)
    os.chmod(path, 0o755 if member.mode & 0o111 else 0o644)
