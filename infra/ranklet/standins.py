"""Whether stored rows can stand in for what a step computes: `stored = { user_vector = "stored_user" }` of a user step.

What is found in a table and what the step computes meet in the same tensor, so both ends must agree: one row a user,
as many numbers, the same type. A wrong vector of the right length would still score; the golden rows are to tell that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ModelError
from ranklet.golden import Golden
from ranklet.importers.base import Exported, TensorSpec
from ranklet.tables.pin import Pinned
from ranklet_features.spec import Feature, Table
from ranklet_runtime.manifest import Manifest, Step


def check(manifest: Manifest, exported: Sequence[Exported]) -> None:
    """Raise ModelError naming the step, its tensor and the feature with its table, and the remedy."""
    for index, (step, part) in enumerate(zip(manifest.steps, exported, strict=True)):
        if step.stored:
            place = f"{manifest.model}/model.toml: steps[{index}]"
            _outputs(place, step)
            made = {step.outputs[spec.name]: spec for spec in part.outputs if spec.name in step.outputs}
            for tensor, feature in step.stored.items():
                _pair(f"{place}: {tensor!r}", made[tensor], feature, manifest)
    for feature in sorted(manifest.stored):
        _only(feature, manifest)


def notes(manifest: Manifest, tables: Sequence[Pinned], rows: Sequence[Golden]) -> tuple[str, ...]:
    """What the golden rows do not prove: a step of which they show one way only, stored or computed."""
    keys = {one.table.name: one.vectors.keys for one in tables}
    said = []
    for index, step in enumerate(manifest.steps):
        if not step.stored:
            continue
        read = [manifest.spec.features[name] for name in step.stored.values()]
        asked = [(one.of[0], keys[one.options["table"]]) for one in read]
        stored = sum(all(_holds(known, _value(manifest, row, name)) for name, known in asked) for row in rows)
        if stored in (0, len(rows)):
            none = "without" if stored else "with"
            said.append(
                f"steps[{index}]: no golden row is of a user {none} stored rows, so that way is not proven; let the "
                "trainer score some"
            )
    return tuple(said)


def _holds(keys: Sequence[Any] | NDArray[np.int64], value: Any) -> bool:
    """Whether ascending keys, of which there may be many millions, hold a value."""
    place = bisect_left(keys, value)
    return place < len(keys) and bool(keys[place] == value)


def _value(manifest: Manifest, row: Golden, name: str) -> Any:
    declared = manifest.spec.inputs[name]
    value = (row.user if declared.side == "user" else row.context).get(name)
    return declared.default if value is None else value


def _outputs(place: str, step: Step) -> None:
    if step.rows != "user":
        raise ModelError(f'{place} has stored, but rows = "item": rows of tables stand in for what a user step makes')
    made, given = set(step.outputs.values()), set(step.stored)
    if unknown := sorted(given - made):
        raise ModelError(f"{place}.stored names {unknown}; the step makes {sorted(made)}")
    if absent := sorted(made - given):
        raise ModelError(
            f"{place}.stored leaves out {absent}: the step is spared only where all that it makes is stored; give each "
            "an embedding, or export the graph without that output"
        )


def _pair(place: str, made: TensorSpec, feature: str, manifest: Manifest) -> None:
    known = manifest.spec.features.get(feature)
    if known is None:
        raise ModelError(
            f"{place} is stored as {feature!r}, which is no feature; declare it as an embedding of the user's key; "
            f"there are {sorted(manifest.spec.features)}"
        )
    table = manifest.spec.tables.get(str(known.options.get("table")))
    if known.kind != "embedding" or table is None or not _one_key(known, manifest):
        raise ModelError(
            f"{place} is stored as the feature {feature!r} ({known.kind} of {', '.join(known.of)}); it must be an "
            "embedding of one key of the user's or the context's side, not of an item's or of a list"
        )
    if made.dtype not in (None, "float32"):
        raise ModelError(f"{place} is {made.dtype}, rows of the table {table.name!r} are float32; export it as float32")
    if made.shape is not None and not _same_width(made.shape[1:], table.dim):
        raise ModelError(
            f"{place} is [rows, {list(made.shape[1:])}], rows of the table {table.name!r}, by which {feature!r} stands "
            f"in for it, have {table.dim} numbers: compute the table's rows with this very step"
        )


def _one_key(feature: Feature, manifest: Manifest) -> bool:
    read = [manifest.spec.inputs[name] for name in feature.of if name in manifest.spec.inputs]
    return bool(read) and not any(declared.side == "item" or declared.list for declared in read)


def _same_width(shape: tuple[int | None, ...], dim: int) -> bool:
    """One number a row may stand alone."""
    return (shape == () and dim == 1) or (len(shape) == 1 and shape[0] in (None, dim))


def _only(feature: str, manifest: Manifest) -> None:
    """A stored row that is absent is zeros and is not counted, so that nothing else may read it."""
    readers = [index for index, step in enumerate(manifest.steps) if feature in step.inputs.values()]
    if readers:
        raise ModelError(
            f"{manifest.model}/model.toml: {feature!r} is stored in the place of a tensor, and feeds "
            f"steps[{readers[0]}] as well, where nothing stands in for rows that are absent; declare a second feature"
        )
    table = manifest.spec.tables[str(manifest.spec.features[feature].options["table"])]
    _policies(manifest, table)


def _policies(manifest: Manifest, table: Table) -> None:
    """What would never be used is refused, lest its author count on it."""
    read = {name for name, one in manifest.spec.features.items() if one.options.get("table") == table.name}
    if read - manifest.stored:
        return
    place = f"{manifest.model}/model.toml: [tables.{table.name}]"
    if table.missing != "zero":
        raise ModelError(
            f"{place} missing = {table.missing!r}: what this table lacks is computed by a step; leave missing out"
        )
    if table.unavailable not in ("zero", "error"):
        raise ModelError(
            f"{place} unavailable = {table.unavailable!r}: what cannot be read is computed by a step; leave it out, or "
            'say "error" to refuse the request'
        )
