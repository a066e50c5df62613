"""Where a user's vector came from: a table, or the tower that ran for this very request.

An answer does not say it, so the demo asks again with nothing of the user but the key: who is stored is scored the same
to the bit, and whoever is computed is not. What the built tables hold says which of both it must be.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson

from ranklet.pipeline import Built
from ranklet_features.spec import Table
from ranklet_runtime.manifest import Manifest

Way = Literal["stored", "online"]


def way(built: Built, user: Mapping[str, Any], tables: Path) -> Way | None:
    """What the tables say of a user; None for a model that stores no users. tables: the folder of staged tables."""
    manifest = built.manifest
    read = [manifest.spec.features[name] for name in sorted(manifest.stored)]
    if not read:
        return None
    held = (user[one.of[0]] in _keys(manifest.spec.tables[one.options["table"]], built.folder, tables) for one in read)
    return "stored" if all(held) else "online"


def bare(manifest: Manifest, request: Mapping[str, Any]) -> dict[str, Any]:
    """The request with nothing of the user but the keys of stored rows."""
    keys = {manifest.spec.features[name].of[0] for name in manifest.stored}
    return {**request, "user": {name: value for name, value in request["user"].items() if name in keys}}


def _keys(table: Table, bundle: Path, tables: Path) -> set[Any]:
    ending = "npy" if table.key == "int" else "json"
    path = tables / table.physical / f"keys.{ending}"
    if table.placement == "resident" and not table.snapshot:
        path = bundle / "tables" / f"{table.name}.keys.{ending}"
    return set(np.load(path).tolist() if table.key == "int" else orjson.loads(path.read_bytes()))
