"""Putting a finished folder in its place in one move, with nothing in it that tells when it was made."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ranklet.errors import PackagingError

EPOCH = 315_532_800
"""1980-01-01, the earliest time that a zip archive can hold, in seconds since 1970."""

_TRIES = 10


@contextmanager
def aside(place: Path) -> Iterator[Path]:
    """A fresh folder beside `place`, on the same file system; what is left of it is removed at the end."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=place.parent, ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch) / place.name
        folder.mkdir()
        yield folder


def publish(folder: Path, place: Path) -> None:
    """Rename the folder to `place`; what stood there moves away first and goes with the scratch folder.

    Another process may publish the same at the same time: the last one stands. Files that a running function has
    open stay readable.
    """
    normalise(folder)
    for attempt in range(_TRIES):
        with suppress(FileNotFoundError):
            place.rename(folder.with_name(f"replaced-{attempt}"))
        # Not empty: another process was faster between the two moves.
        with suppress(OSError):
            folder.rename(place)
            return
    raise PackagingError(f"{place} could not be replaced; is another build writing it all the time?")


def normalise(folder: Path) -> None:
    """One time and one mode for all files and all folders, so that only content makes a difference."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH, EPOCH))
    os.utime(folder, (EPOCH, EPOCH))
