"""The files of one version, in a folder of /tmp: those that are there and right, and those that have to come.

A version is a table's, or that of artefacts (graphs, weights) that are too large for a package.

Several processes may share the folder (environments of a local cloud): one fetches, the others wait and check what it
left. The lock is the kernel's, so that of a process which was killed is free.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from ranklet_features.errors import StoreError, StoreUnavailable, TableMismatch
from ranklet_features.spec import Table
from ranklet_features.stores.snapshots.bucket import Bucket
from ranklet_features.stores.snapshots.download import Download
from ranklet_features.stores.snapshots.progress import Progress

FOLDER_VARIABLE, SECONDS_VARIABLE = "RANKLET_SNAPSHOT_FOLDER", "RANKLET_SNAPSHOT_SECONDS"
"""Where to, instead of a folder of the system's temporary one; and how long all files of a table may take."""

SECONDS, PATIENT_SECONDS = 60.0, 120.0
"""Where a request waits for INIT, and where none does (provisioned concurrency, SnapStart): Lambda gives it 130 s then,
as functions have timeouts below. Lambda ends a longer INIT by itself, and the next goes on where it was cut off."""

VECTORS, KEYS = "vectors.npy", {"int": "keys.npy", "string": "keys.json"}
PHYSICAL = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,255}")
FILE = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,200}(/(?!\.)[A-Za-z0-9_.-]{1,200})?")
WAIT_S = 0.05


def fetched(table: Table, environ: Mapping[str, str]) -> tuple[Path, Path]:
    """The vectors and the keys of a table with a snapshot, as files whose SHA-256 are the pinned ones.

    Raises StoreError for other bytes and where there is no room, TableMismatch for files that are not there,
    StoreUnavailable where S3 refuses or does not answer in time.
    """
    snapshot = table.snapshot or {}
    names = (VECTORS, KEYS[table.key])
    if not set(names) <= set(snapshot):
        raise TableMismatch(f"table {table.name}: its snapshot is {sorted(snapshot)}, needed are {sorted(names)}")
    folder = fetch("tables", table.physical, {name: snapshot[name] for name in names}, environ=environ)
    return folder / names[0], folder / names[1]


def fetch(root: str, physical: str, files: Mapping[str, str], *, environ: Mapping[str, str]) -> Path:
    """The folder that holds a version's files, each with the SHA-256 that is pinned for it.

    Their objects are `<root>/<physical>/<file>`. files: name, with one folder before it at most, → SHA-256 in hex.
    Raises as `fetched` does.
    """
    deadline = time.monotonic() + _seconds(environ)
    if odd := [name for name in (physical, *files) if not (PHYSICAL if name is physical else FILE).fullmatch(name)]:
        raise TableMismatch(f"{root}: {odd[0]!r} is no name of a version, or of a file of one")
    folder = _folder(environ, physical)
    with _alone(folder, deadline):
        missing = [name for name, digest in files.items() if not _is_right(folder / name, digest)]
        if missing:
            with closing(Bucket.open(environ)) as bucket:
                for name in missing:
                    key = f"{root}/{physical}/{name}"
                    (folder / name).parent.mkdir(mode=0o700, exist_ok=True)
                    Download(bucket, key, folder / name, files[name], deadline, progress=Progress(key).at).run()
    return folder


def _seconds(environ: Mapping[str, str]) -> float:
    given = environ.get(SECONDS_VARIABLE)
    if given is None:
        waited = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand") == "on-demand"
        return SECONDS if waited else PATIENT_SECONDS
    if not re.fullmatch(r"\d{1,5}(\.\d{1,3})?", given):
        raise StoreUnavailable(f"{SECONDS_VARIABLE} is {given!r}; it is a number of seconds")
    return float(given)


def _folder(environ: Mapping[str, str], physical: str) -> Path:
    """The version's folder, ours alone: in a temporary folder that others may write, a file could be swapped."""
    given = environ.get(FOLDER_VARIABLE)
    root = Path(given) if given else Path(tempfile.gettempdir()) / f"ranklet-snapshots-{os.getuid()}"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if root.stat().st_uid != os.getuid():
            raise StoreError(f"{root} is another user's; set {FOLDER_VARIABLE}")
        folder = root / physical
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{physical}: its files have no place, {error}; set {FOLDER_VARIABLE}") from error
    return folder


@contextmanager
def _alone(folder: Path, deadline: float) -> Iterator[None]:
    """Hold the folder's lock. Raises StoreUnavailable when another process holds it until the deadline."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise StoreUnavailable(f"{folder}: another process did not fetch it in time") from error
                time.sleep(WAIT_S)
        yield
    finally:
        os.close(lock)


def _is_right(path: Path, digest: str) -> bool:
    """Whether a file is there with these bytes; another one is removed, so that it does not take the new one's room."""
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == digest:
                return True
    except FileNotFoundError:
        return False
    path.unlink()
    return False
