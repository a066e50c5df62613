"""Snapshots by name: what the build, the stacks, the push and the function call them.

A resident table that is too large for its package is fetched from S3 when an environment starts: its files are objects
of a bucket of the shared stack, `tables/<physical>/<file>`. Artefacts (graphs, weights) that are too large are fetched
as well, from `artefacts/<physical>/<file>`. Both are staged in `.build/tables/<physical>/`, as all that a function gets
from elsewhere than its package.
"""

from __future__ import annotations

from ranklet_features.spec import Table
from ranklet_runtime.manifest import Artefacts

BUCKET_PARAMETER = "/ranklet/snapshots/bucket"
"""The SSM parameter in which the shared stack tells its bucket."""

BUCKET_VARIABLE = "RANKLET_SNAPSHOTS"
"""The function's environment variable with the bucket's name."""

VECTORS = "vectors.npy"
KEYS = ("keys.npy", "keys.json")
"""Of int keys and of text."""

ARTEFACTS = "artefacts.json"
"""The file that makes a staged folder one of artefacts: name → SHA-256, written last."""


def key(physical: str, file: str) -> str:
    """The object's key of one file of a table version."""
    return f"tables/{physical}/{file}"


def artefact_key(physical: str, file: str) -> str:
    """The object's key of one file of artefacts."""
    return f"artefacts/{physical}/{file}"


def artefact_keys(artefacts: Artefacts | None) -> tuple[str, ...]:
    """The objects of artefacts that are fetched; none where all are in the package."""
    return tuple(artefact_key(artefacts.physical, file) for file in sorted(artefacts.files)) if artefacts else ()


def keys(table: Table) -> tuple[str, ...]:
    """The objects of a table that is fetched; none of another one."""
    return tuple(key(table.physical, file) for file in sorted(table.snapshot or ()))
