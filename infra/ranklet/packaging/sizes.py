"""Lambda's limit on an unpacked package: function and layers together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ranklet import tree
from ranklet.errors import PackagingError

LIMIT = 250 * 1024 * 1024
"""Bytes, unpacked (Lambda quotas, "deployment package size")."""


def check(parts: Mapping[str, Path]) -> int:
    """The bytes of a function's bundle and layers together, by what each is called.

    Raises PackagingError above the limit, with every part's size and the largest file of the largest part.
    """
    sizes = {name: tree.size(folder) for name, folder in parts.items()}
    total = sum(sizes.values())
    if total <= LIMIT:
        return total
    largest = max(sizes, key=lambda name: sizes[name])
    culprit, heaviest = max(
        ((name, path.stat().st_size) for name, path in tree.files(parts[largest])), key=lambda f: f[1]
    )
    listed = ", ".join(f"{name} {_mb(sizes[name])}" for name in sorted(sizes, key=lambda name: -sizes[name]))
    raise PackagingError(
        f"unpacked, function and layers take {_mb(total)}; Lambda allows {_mb(LIMIT)} ({listed}). The largest file is "
        f"{culprit} in {largest} with {_mb(heaviest)}; a resident table that large belongs into DynamoDB "
        '(placement = "dynamodb")'
    )


def _mb(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB"
