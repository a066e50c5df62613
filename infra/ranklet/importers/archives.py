"""Zip files of models, looked at as a whole before a byte of them is unpacked.

A member's declared size is what `read` and `extract` hold it to: a stream that goes on beyond it ends there.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ranklet.errors import ImportRefused

MAX_MEMBERS = 10_000
MAX_BYTES = 2**31
MAX_RATIO = 1_000
"""Of unpacked to packed bytes; deflate itself ends at 1 032."""
SMALL = 1 << 20
"""Below it a ratio says nothing: zeros pack well."""
_CHUNK = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class Archive:
    """members: name → its record, folders left out. All names lead inside, no two are equal."""

    def __init__(self, name: str, file: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> None:
        self.name, self._file, self.members = name, file, members

    def read(self, member: str, *, limit: int = MAX_BYTES) -> bytes:
        """A member's bytes. Raises ImportRefused when it is absent, damaged, or has more than `limit` bytes."""
        if member not in self.members:
            raise ImportRefused(f"{self.name} holds no {member}; export the model again")
        if (size := self.members[member].file_size) > limit:
            raise ImportRefused(f"{self.name}: {member} has {size} bytes, at most {limit} are read")
        return b"".join(self._stream(member))

    def extract(self, folder: Path) -> None:
        """Write all members below `folder`, as plain files. Raises ImportRefused for a damaged one."""
        for member in self.members:
            path = folder / member
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as out:
                out.writelines(self._stream(member))

    def _stream(self, member: str) -> Iterator[bytes]:
        left = self.members[member].file_size
        try:
            with self._file.open(self.members[member]) as stream:
                while chunk := stream.read(_CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise ImportRefused(f"{self.name}: {member} is longer than it says; export the model again")
                    yield chunk
        except _DAMAGED as error:
            raise ImportRefused(f"{self.name}: {member} is damaged: {error}; export the model again") from error


@contextmanager
def open_zip(path: Path, *, limit: int = MAX_BYTES) -> Iterator[Archive]:
    """The archive in a file, checked.

    limit: of all members' unpacked bytes together.
    Raises ImportRefused for what is no zip, or holds names that lead outside (absolute, `..`, a drive), links, two
    members of one name, encrypted members, more than MAX_MEMBERS, or more bytes than `limit` or a ratio of MAX_RATIO.
    """
    try:
        file = zipfile.ZipFile(path)
    except _DAMAGED as error:
        raise ImportRefused(
            f"{path.name} is no zip archive that can be read: {error}; export the model again"
        ) from error
    with file:
        yield Archive(path.name, file, _members(path.name, file, limit))


def _members(archive: str, file: zipfile.ZipFile, limit: int) -> dict[str, zipfile.ZipInfo]:
    records = [record for record in file.infolist() if not record.is_dir()]
    if len(records) > MAX_MEMBERS:
        raise ImportRefused(f"{archive} has {len(records)} members, at most {MAX_MEMBERS} are read")
    total, found = 0, dict[str, zipfile.ZipInfo]()
    for record in records:
        if fault := _fault(record):
            raise ImportRefused(f"{archive}: {record.filename[:80]!r} {fault}; it is no exporter's archive")
        if record.filename in found:
            raise ImportRefused(f"{archive} holds {record.filename[:80]!r} twice; it is no exporter's archive")
        found[record.filename] = record
        total += record.file_size
    if total > limit:
        raise ImportRefused(f"{archive} unpacks to {total} bytes, at most {limit} are read")
    return found


def _fault(record: zipfile.ZipInfo) -> str | None:
    """Why a member is not read."""
    name = PurePosixPath(record.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in record.filename or ":" in record.filename.split("/")[0]:
        return "leads outside the archive"
    mode = record.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "is a link or a device"
    if record.flag_bits & 1:
        return "is encrypted"
    if record.compress_type not in _METHODS:
        return f"is packed by method {record.compress_type}, which is neither stored nor deflated"
    if record.file_size > SMALL and record.file_size > MAX_RATIO * record.compress_size:
        return f"unpacks {record.compress_size} bytes to {record.file_size}"
    return None
