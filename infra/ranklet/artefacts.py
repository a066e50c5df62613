"""Graphs and weights: in the package while it has room, else in S3, from where a function fetches them when it starts.

Lambda takes 250 MB of function and layers, unpacked. What a bundle takes is measured as it was written; its layers are
known by measurement (`tables.room`), and the synthesis measures the real ones. Where both are more than the limit, all
artefacts leave the bundle: they are staged in `.build/tables/<physical>/`, `ranklet tables push` sends them to the
bucket of snapshots, and the manifest pins their SHA-256. The physical name follows from these, so that a version of a
function never finds other weights than it was proven with.

What is fetched has limits of its own, which `hurdle` names: the function's memory, /tmp, and the time that INIT has.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import orjson

from ranklet import compose, snapshots, tree
from ranklet.deployable import Deployable
from ranklet.errors import BundleError, ModelError
from ranklet.model import Model
from ranklet.packaging import sizes
from ranklet.tables import placement, room
from ranklet.tables.placement import MB
from ranklet.tables.snapshot import sha256
from ranklet_runtime.manifest import Artefacts, Manifest

FOLDER = "steps"
"""Of a bundle: where artefacts are, and what lies beside them."""

MOST_MEMORY = 10_240 * MB
"""Of a function."""


def settle(manifest: Manifest, bundle: Path, staging: Path) -> Manifest:
    """Take the artefacts out of a bundle that is too large for a package, and stage them; the manifest that says so.

    Raises ModelError where the rest is too large still, and for artefacts that no function can hold.
    """
    if fits(manifest, bundle) or not (bundle / FOLDER).is_dir():
        return manifest
    size = tree.size(bundle / FOLDER)
    if (needed := _needed(manifest, size)) > MOST_MEMORY or size > placement.TMP_BYTES:
        raise ModelError(
            f"{manifest.model}: its artefacts take {_mb(size)}, in memory {_mb(needed)}; no function holds more than "
            f"{_mb(placement.TMP_BYTES)} in /tmp and {_mb(MOST_MEMORY)} in memory: move embeddings to [tables]"
        )
    files = {f"{FOLDER}/{name}": sha256(path) for name, path in tree.files(bundle / FOLDER)}
    physical = f"ranklet-{manifest.model}-{hashlib.sha256(orjson.dumps(sorted(files.items()))).hexdigest()[:12]}"
    manifest = replace(manifest, artefacts=Artefacts(physical, files))
    _stage(bundle, staging / physical, files)
    (bundle / compose.MANIFEST).write_bytes(compose.document(manifest))
    if not fits(manifest, bundle):
        raise ModelError(
            f"{manifest.model}: without its artefacts the bundle takes {_mb(tree.size(bundle))} still, "
            f"{_mb(_left(manifest))} are left of a package; vocabularies as large belong into hashed features"
        )
    return manifest


def fits(manifest: Manifest, bundle: Path) -> bool:
    """Whether a package holds a bundle and its layers."""
    return tree.size(bundle) <= _left(manifest)


def account(manifest: Manifest, bundle: Path, model: Model, staging: Path) -> str:
    """Where the artefacts are and why, with the sizes that decided."""
    taken, left = tree.size(bundle), _left(manifest)
    beside = f"of a package of {_mb(sizes.LIMIT)} the layers leave {_mb(left)}"
    if manifest.artefacts is None:
        return f"in the package: the bundle takes {_mb(taken)}, {beside}"
    folder = staging / manifest.artefacts.physical
    size = sum((folder / name).stat().st_size for name in manifest.artefacts.files)
    why = hurdle(model, manifest, size)
    start = f"{size / placement.FETCH_BYTES_S:.1f} s of each start"
    said = f"into /tmp, from S3: they take {_mb(size)}, {beside}; fetched in about {start}"
    return f"{said}. As model.toml stands it does not deploy: {why}" if why else said


def hurdle(model: Model, manifest: Manifest, size: int, *, tables: int = 0) -> str | None:
    """Why a function with these settings cannot fetch its artefacts; None where it can.

    size: bytes of the artefacts. tables: of the tables that are fetched before them.
    """
    memory = model.function.memory * MB
    if (needed := _needed(manifest, size) + tables) > memory:
        given = f"[function] memory = {model.function.memory}"
        return f"artefacts of {_mb(size)} need {_mb(needed)} of memory, {given}; raise it"
    most = room.SNAPSTART_TMP if model.warmth.kind == "snapstart" else placement.TMP_BYTES
    if size + tables > most:
        return f"{_mb(size + tables)} are to be fetched, /tmp holds {_mb(most)}" + (
            ' with [warmth] kind = "snapstart"; provision instead' if most < placement.TMP_BYTES else ""
        )
    seconds = (size + tables) / placement.FETCH_BYTES_S
    if seconds > (placement.PATIENT_S if model.warmth.patient else placement.FETCH_S):
        return f"a start fetches {_mb(size + tables)} for about {seconds:.0f} s, " + (
            "of the 130 s that INIT has at most"
            if model.warmth.patient
            else 'INIT has 10 s on demand; give it [warmth] kind = "provisioned"'
        )
    return None


def _needed(manifest: Manifest, size: int) -> int:
    """Bytes of a function's memory with artefacts of that size, an index among them, which is mapped and not opened."""
    onnx = uses_onnx(manifest)
    if manifest.retrieve is None:
        return room.needed(size, onnx=onnx)
    index = manifest.retrieve.index
    vectors = index.rows * index.dim
    # Of int8, the exact vectors stay in the file but for some thousand rows.
    scanned = vectors if index.packing == "int8" else 4 * vectors
    file = vectors * (5 if index.packing == "int8" else 4)
    return room.needed(max(0, size - file), onnx=onnx) + scanned


def check(deployable: Deployable) -> None:
    """Raise BundleError where a function, as it is configured, cannot fetch its artefacts when it starts."""
    if deployable.manifest.artefacts is None:
        return
    size, tables = deployable.artefact_bytes, deployable.table_bytes
    if why := hurdle(deployable.model, deployable.manifest, size, tables=tables):
        raise BundleError(f"{deployable.model.name}: {why}")


def uses_onnx(manifest: Manifest) -> bool:
    """Whether a step needs onnxruntime."""
    return any(step.engine == "onnx" for step in manifest.steps)


def _left(manifest: Manifest) -> int:
    return sizes.LIMIT - room.layers(onnx=uses_onnx(manifest))


def _stage(bundle: Path, folder: Path, files: dict[str, str]) -> None:
    """Move the artefacts; the list of them last: with it, the folder is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / snapshots.ARTEFACTS).unlink(missing_ok=True)
    for name in files:
        (folder / name).parent.mkdir(exist_ok=True)
        # Not in place: a running `ranklet serve` may be reading the file of the same bytes.
        (bundle / name).replace(folder / name)
    shutil.rmtree(bundle / FOLDER)
    (folder / snapshots.ARTEFACTS).write_bytes(orjson.dumps(files, option=orjson.OPT_SORT_KEYS))


def _mb(size: int) -> str:
    return f"{size / MB:.1f} MB"
