"""Every read of an importer goes through here: inside the model's folder, a regular file, of bounded size."""

from __future__ import annotations

from pathlib import Path

from ranklet.errors import ImportRefused

MAX_BYTES = 2**31 - 1
"""A protobuf's own limit, and far above what a function's 250 MB package holds."""


def resolve(folder: Path, name: str, *, limit: int = MAX_BYTES) -> Path:
    """The regular file `name` below `folder`, links followed.

    Raises ImportRefused when it is absent, lies outside (`..`, an absolute path, a link that leads
    out), is not a regular file, or has more than `limit` bytes.
    """
    root = folder.resolve()
    try:
        path = (root / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ImportRefused(f"{name!r} is not a path: {error}; name a file below {folder.name}/") from error
    if Path(name).is_absolute() or not path.is_relative_to(root):
        raise ImportRefused(f"{name} leads outside {folder.name}/; put the file below it and name it from there")
    if not path.exists():
        raise ImportRefused(f"no {name} below {folder.name}/; export the model there or correct steps.source")
    if not path.is_file():
        raise ImportRefused(f"{name} is not a regular file; name the exported file itself")
    if (size := path.stat().st_size) > limit:
        raise ImportRefused(f"{name} has {size} bytes, at most {limit} can be read; move large embeddings to [tables]")
    return path


def read(folder: Path, name: str, *, limit: int = MAX_BYTES) -> bytes:
    """The bytes of a file that `resolve` accepts."""
    return resolve(folder, name, limit=limit).read_bytes()
