"""The content of a folder as one number, so that two machines can tell whether they hold the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path


def digest(folder: Path, *, skip: frozenset[str] = frozenset()) -> str:
    """SHA-256, in hex, over the relative path, the length and the content of every file, by sorted path.

    skip: paths relative to the folder (with `/`) that do not count. Times and permissions never count.
    """
    total = hashlib.sha256()
    for name, path in files(folder):
        if name in skip:
            continue
        # The length stands between path and content, so that no two trees give the same bytes.
        total.update(f"{name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as source:
            total.update(hashlib.file_digest(source, "sha256").digest())
    return total.hexdigest()


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below the folder with its relative path, sorted by that path as text."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    yield from sorted(found.items())


def size(folder: Path) -> int:
    """Bytes of all files below the folder, as Lambda counts an unpacked package."""
    return sum(path.stat().st_size for _, path in files(folder))
