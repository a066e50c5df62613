"""The bundle that runs is the one that was proven: its files held to its certificate, that to what the stack pinned.

The stack writes the hash of the proven bundle into the configuration of the function's version, which nobody changes
by changing files. The certificate lists every file with its size and SHA-256, and the hash is one over that list: so
the list is believed only when it gives the stack's hash, and the files only when they are those of the list. Lambda
keeps what it was given; this tells that it was given the right thing.

What it costs: 0.6 ms/MB of a whole core, on top of 4 ms for OpenSSL where no table has loaded it already. Up to
`AT_ONCE` bytes are hashed before the first request. Of larger bundles the rest is hashed by a thread behind the first
requests, since most of it are tables that are mapped and never read as a whole: until then their sizes speak for them.
Where nobody waits for INIT (provisioned concurrency, SnapStart) everything is hashed there.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

import orjson

from ranklet_features.lean import dataclass
from ranklet_runtime.errors import ManifestError

VARIABLE = "RANKLET_BUNDLE"
"""The environment variable with the hash of the proven bundle."""

CERTIFICATE = "certificate.json"
AT_ONCE = 32 << 20
FAILED = 1
"""How the process ends where a file turns out to be another one: Lambda starts another environment."""


@dataclass(frozen=True)
class Sealed:
    """A file of the list. sha256: in hex."""

    size: int
    sha256: str


def seal(files: Mapping[str, Sealed]) -> str:
    """SHA-256, in hex, over path, size and content's hash of every file, by sorted path."""
    total = hashlib.sha256()
    for name, file in sorted(files.items()):
        # The size stands between path and hash, so that no two lists give the same bytes.
        total.update(f"{name}\0{file.size}\0".encode())
        total.update(bytes.fromhex(file.sha256))
    return total.hexdigest()


def verify(folder: Path, pinned: str, *, whole: bool) -> None:
    """Hold the bundle in `folder` to the hash that the stack pinned; what is large goes on in a thread unless `whole`.

    Raises ManifestError naming the file that is missing, was added, or is another one.
    """
    files = _listed(folder, pinned)
    _compare_sizes(files, _sizes(folder))
    later: dict[str, Sealed] = {}
    left = AT_ONCE
    for name, file in sorted(files.items(), key=lambda item: item[1].size):
        left -= file.size
        if left >= 0 or whole:
            _compare(folder, name, file)
        else:
            later[name] = file
    if later:
        Thread(target=_rest, args=(folder, later), name="ranklet-integrity", daemon=True).start()


def _listed(folder: Path, pinned: str) -> dict[str, Sealed]:
    try:
        document = orjson.loads((folder / CERTIFICATE).read_bytes())
        files = {name: Sealed(int(one["size"]), str(one["sha256"])) for name, one in document["files"].items()}
        sealed = seal(files)
    except FileNotFoundError as error:
        raise _other(f"{CERTIFICATE} is missing") from error
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _other(f"{CERTIFICATE} cannot be read ({type(error).__name__}: {error})") from error
    if sealed != pinned:
        raise _other(f"{CERTIFICATE} lists files that hash to {sealed[:12]}…, the stack pinned {pinned[:12]}…")
    return files


def _sizes(folder: Path) -> dict[str, int]:
    """Every file of the bundle but its certificate. A list of the whole tree: what was added may lie anywhere."""
    found: dict[str, int] = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)  # noqa: PTH118 - pathlib takes ten times as long
            found[os.path.relpath(path, folder).replace(os.sep, "/")] = os.stat(path).st_size  # noqa: PTH116
    found.pop(CERTIFICATE, None)
    return found


def _compare_sizes(files: Mapping[str, Sealed], sizes: Mapping[str, int]) -> None:
    if missing := sorted(files.keys() - sizes.keys()):
        raise _other(f"{missing[0]} is missing")
    if added := sorted(sizes.keys() - files.keys()):
        raise _other(f"{added[0]} was added")
    for name, file in files.items():
        if sizes[name] != file.size:
            raise _other(f"{name} has {sizes[name]} bytes, {file.size} were proven")


def _compare(folder: Path, name: str, file: Sealed) -> None:
    with (folder / name).open("rb") as source:
        found = hashlib.file_digest(source, "sha256").hexdigest()
    if found != file.sha256:
        raise _other(f"{name} hashes to {found[:12]}…, {file.sha256[:12]}… was proven")


def _rest(folder: Path, files: Mapping[str, Sealed]) -> None:
    """Hash what INIT left; end the process at a difference, as nothing it answers can be trusted."""
    try:
        for name, file in files.items():
            _compare(folder, name, file)
    except (ManifestError, OSError) as error:
        print(f"ranklet: {error}", file=sys.stderr, flush=True)
        os._exit(FAILED)


def _other(what: str) -> ManifestError:
    return ManifestError(f"this is not the bundle that was proven: {what}; build and deploy the model again")
