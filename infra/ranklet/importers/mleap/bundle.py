"""The files of a bundle, in a zip or a folder: read by name, and only below it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ranklet.errors import ImportRefused
from ranklet.importers import archives

MARK = "bundle.json"
MAX_BYTES = 1 << 30
MAX_FILE = 1 << 28


class Files(Protocol):
    """Of one bundle."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        ...

    def read(self, name: str, limit: int = MAX_FILE) -> bytes:
        """Its bytes. Raises ImportRefused when it is absent or too large."""
        ...


class _Zip:
    def __init__(self, archive: archives.Archive) -> None:
        self.archive = archive

    def has(self, name: str) -> bool:
        return name in self.archive.members

    def read(self, name: str, limit: int = MAX_FILE) -> bytes:
        return self.archive.read(name, limit=limit)


class _Folder:
    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def has(self, name: str) -> bool:
        return self._inside(name).is_file()

    def read(self, name: str, limit: int = MAX_FILE) -> bytes:
        path = self._inside(name)
        if not path.is_file():
            raise ImportRefused(f"the bundle holds no {name}; export the model again")
        if (size := path.stat().st_size) > limit:
            raise ImportRefused(f"{name} has {size} bytes, at most {limit} are read")
        return path.read_bytes()

    def _inside(self, name: str) -> Path:
        path = (self.path / name).resolve()
        if not path.is_relative_to(self.path):
            raise ImportRefused(f"{name[:80]!r} leads outside the bundle; it is no exporter's")
        return path


@contextmanager
def opened(path: Path) -> Iterator[Files]:
    """Raises ImportRefused for a zip that is damaged or dangerous."""
    if path.is_dir():
        yield _Folder(path)
        return
    with archives.open_zip(path, limit=MAX_BYTES) as archive:
        yield _Zip(archive)


def document(content: bytes, name: str) -> Mapping[str, Any]:
    """A file that is one object of JSON. Raises ImportRefused for another one."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ImportRefused(f"{name} is no JSON: {str(error)[:100]}; export the model again") from error
    if not isinstance(found, dict):
        raise ImportRefused(f"{name} is no object of JSON; export the model again")
    return found
