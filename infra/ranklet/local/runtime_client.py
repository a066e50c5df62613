"""A folder that holds the stock Lambda runtime client (awslambdaric), what it requires, and nothing else.

Copied from the distributions that are installed beside ranklet: offline, and exactly the files their RECORD names,
C extension included. A function sees this folder instead of our site-packages, so that what it imports by accident
here would be missing here too.
"""

from __future__ import annotations

import compileall
import contextlib
import importlib.metadata
import importlib.util
import py_compile
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from ranklet.errors import LocalError

CLIENT: Final = "awslambdaric"
REQUIREMENT: Final = re.compile(r"[A-Za-z0-9._-]+")
MAX_DISTRIBUTIONS: Final = 32


def runtime_folder(cache: Path) -> Path:
    """The folder below `cache`, made on first use; its name says client, versions and interpreter.

    Raises LocalError when the client is not installed.
    """
    found = _closure()
    versions = "-".join(f"{dist.name}-{dist.version}" for dist in found)
    target = cache / f"{versions}-{sys.implementation.cache_tag}"
    if not target.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            folder = Path(scratch) / "runtime"
            for dist in found:
                _copy(dist, folder)
            # The child runs with -B, for Lambda's disk is read-only too: what is not compiled here never will be.
            compileall.compile_dir(folder, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
            _publish(folder, target)
    return target


def base_python() -> str:
    """The interpreter below a virtual environment: the child must not find our packages through its prefix."""
    return getattr(sys, "_base_executable", None) or sys.executable


def _closure() -> list[importlib.metadata.Distribution]:
    """The client and everything it requires, each once."""
    found: dict[str, importlib.metadata.Distribution] = {}
    wanted = [CLIENT]
    while wanted and len(found) < MAX_DISTRIBUTIONS:
        name = wanted.pop()
        if _canonical(name) in found:
            continue
        dist = found[_canonical(name)] = _installed(name)
        for requirement in dist.requires or ():
            text, _, marker = requirement.partition(";")
            # A requirement with a marker is another platform's, or an extra's, when it is not here.
            if (match := REQUIREMENT.match(text)) and (not marker or _present(match[0])):
                wanted.append(match[0])
    return [found[name] for name in sorted(found)]


def _installed(name: str) -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise LocalError(f"{name} is not installed beside ranklet; run `pip install {CLIENT}`") from error


def _present(name: str) -> bool:
    return importlib.util.find_spec(name.replace("-", "_")) is not None


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _copy(dist: importlib.metadata.Distribution, target: Path) -> None:
    files = [file for file in dist.files or () if ".." not in file.parts and "__pycache__" not in file.parts]
    if not files:
        raise LocalError(f"{dist.name} was installed without a list of its files; install it again with pip")
    for file in files:
        destination = target / file
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(dist.locate_file(file)), destination)


def _publish(folder: Path, target: Path) -> None:
    """Move a finished folder into place; whoever was quicker wins, both made the same."""
    with contextlib.suppress(OSError):
        folder.replace(target)
    if not target.is_dir():
        raise LocalError(f"could not write {target}; is the folder writable?")
