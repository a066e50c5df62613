"""The proof of a model that finds items: the trainer's own best, with the trainer's scores, through the real handler.

An index that looks at some of the items finds some of the best, so numbers and share are proven apart: the golden
requests are held to the trainer with every item looked at, in the very files that are deployed; then the deployed index
answers them, each of its scores must be the trainer's or the whole index's, and the share that it finds is recorded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from ranklet import certificate
from ranklet.answers import Answer
from ranklet.errors import ParityError
from ranklet.golden import Golden
from ranklet.proof import Replay
from ranklet.retrieving.record import Recall
from ranklet.tables.pin import Pinned
from ranklet.variants import Variants
from ranklet_features.index.spec import IndexSpec
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest


def whole(spec: IndexSpec) -> IndexSpec:
    """The same files, every row of which is looked at as float32."""
    return replace(spec, packing="float32", probes=spec.lists)


Around = tuple[Mapping[str, str], Mapping[str, Pinned], ExitStack]
"""What a function needs: by what it finds tables elsewhere, the tables, and the stack that closes it."""


def prove(bundle: Path, manifest: Manifest, replay: Replay, around: Around, *, bound: float) -> certificate.Certificate:
    """As `ranklet.proof.prove`. Raises ParityError for a score, or an item, that is not the trainer's."""
    assert manifest.retrieve is not None, "of a model that finds items"
    recall = Recall(**manifest.retrieve.recall)
    spec = manifest.retrieve.index
    if whole(spec) == spec:
        paths = replay.worst(_opened(bundle, manifest, around), bound)
    else:
        complete = replace(manifest, retrieve=replace(manifest.retrieve, index=whole(spec)))
        exact = _opened(bundle, complete, around, overlaid=True)
        paths = replay.worst(exact, bound, ", every item looked at")
        deployed = replay.answers(_opened(bundle, manifest, around))
        paths["deployed-index"], share = _held(deployed, replay, bound)
        recall = replace(recall, golden=share)
    return certificate.Certificate(certificate.digest(bundle), len(replay.rows), bound, paths, recall=recall)


def _opened(bundle: Path, manifest: Manifest, around: Around, *, overlaid: bool = False) -> Function:
    return Variants(bundle, manifest, *around, overlaid=overlaid).variant(packed=())


def _held(answers: list[Answer], replay: Replay, bound: float) -> tuple[float, float]:
    """The worst difference of the scores of items that the trainer names, and the share of these that are found."""
    worst, found, all_of = 0.0, 0, 0
    for number, (answer, golden) in enumerate(zip(answers, replay.rows, strict=True), start=1):
        known = _known(golden)
        items = (answer.outputs or {}).get("items", [])
        for item, score in zip(items, answer.scores, strict=True):
            gap = abs(score - known[item]) if item in known else 0.0
            if not gap <= bound:
                raise ParityError(
                    f"golden row {number} by the deployed index: item {item!r} has {score!r}, the trainer says "
                    f"{known[item]!r}"
                )
            worst = max(worst, gap)
        if len(items) != len(known):
            raise ParityError(f"golden row {number} by the deployed index: {len(items)} items, {len(known)} are wanted")
        found, all_of = found + len(known.keys() & set(items)), all_of + len(known)
    return worst, found / all_of if all_of else math.nan


def _known(golden: Golden) -> dict[Any, float]:
    return dict(zip(golden.outputs["items"], golden.scores, strict=True))
