"""Whether a bundle is made of what lies in its model's folder now.

The mark lies beside the bundle, not in it: changed capacity in model.toml is to be deployed, and is no new version.
"""

from __future__ import annotations

from pathlib import Path

from ranklet import tree

NOT_BUILT_FROM = frozenset({".py", ".pyc", ".md"})
"""Endings of files in a model's folder that no build reads: the trainer's code and the author's words."""


def digest(folder: Path) -> str:
    """SHA-256, in hex, over the files of a model's folder that a build may read."""
    skip = {name for name, path in tree.files(folder) if path.suffix in NOT_BUILT_FROM}
    return tree.digest(folder, skip=frozenset(skip))


def mark(bundle: Path, source: str) -> None:
    """Note that the bundle was built from files with this digest."""
    _mark(bundle).write_text(source, encoding="ascii")


def is_fresh(bundle: Path, folder: Path) -> bool:
    """Whether the bundle is there and was built from the folder's files as they are."""
    return has_mark(bundle, digest(folder))


def has_mark(bundle: Path, source: str) -> bool:
    """Whether the bundle is there and was built from files with this digest."""
    path = _mark(bundle)
    return bundle.is_dir() and path.is_file() and path.read_text(encoding="ascii") == source


def _mark(bundle: Path) -> Path:
    return bundle.with_name(f"{bundle.name}.source")
