"""What a build puts into a bundle for a gradual release: which scores to expect, and requests to try a version with.

Both come from the golden requests alone. `golden.json` lies in the bundle, so that the certificate holds it too, and is
read by the hook that CodeDeploy asks (`ranklet_runtime.hook`); the manifest's `observed` is what a version counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ranklet.dialects.native import RANK
from ranklet.errors import ModelError
from ranklet.golden import Golden
from ranklet.model import Model
from ranklet.settings.release import Release
from ranklet_runtime.drift import buckets
from ranklet_runtime.hook import GOLDEN
from ranklet_runtime.manifest import Manifest, Observed

BUCKETS = 8
"""With two more metrics they would be the ten that an alarm's formula may read."""

FEWEST = 50
"""Golden scores; of fewer no distribution is known."""

MOST_ROWS, MOST_BYTES = 32, 512 * 1024
"""What golden.json may hold. A request that is larger than a quarter of it is left out."""


def with_release(manifest: Manifest, model: Model, rows: Sequence[Golden]) -> Manifest:
    """The manifest with what a version counts, where the model is released gradually."""
    return replace(manifest, observed=observed(rows, model.release)) if model.release.gradual else manifest


def observed(rows: Sequence[Golden], release: Release) -> Observed:
    """Buckets of about equally many golden scores, their edges halfway between two scores that were given.

    None where the alarm is off, and where there are too few scores to tell, or all are the same.
    """
    scores = np.array([score for golden in rows for score in golden.scores], np.float32)
    scores = np.sort(scores[np.isfinite(scores)])
    values = np.unique(scores)
    if release.watched.score_shift == 0 or len(scores) < FEWEST or len(values) < 2:
        return Observed(release.every)
    firsts = {scores[len(scores) * at // BUCKETS] for at in range(1, BUCKETS)} - {values[0]}
    edges = [(values[np.searchsorted(values, first) - 1] + first) / 2 for first in sorted(firsts)]
    counts = buckets(scores, np.array(edges, np.float32))
    return Observed(release.every, tuple(float(edge) for edge in edges), tuple(int(count) for count in counts))


def write(model: Model, rows: Sequence[Golden], bundle: Path) -> None:
    """Write golden.json, where a hook will read it.

    Raises ModelError for a model that does not take the form in which the hook asks, and for requests that are all too
    large.
    """
    if not model.release.checked:
        return
    if "native" not in model.api.dialects:
        raise ModelError(
            f'{model.name}/model.toml: [release] check asks in the native form, and [api] dialects lacks "native"; add '
            "it, or set check = false"
        )
    chosen = _chosen([_row(golden) for golden in rows])
    if not chosen:
        raise ModelError(
            f"{model.name}: every golden request is larger than {MOST_BYTES // 4} bytes, so that none can go along for "
            "[release] check; add smaller ones, or set check = false"
        )
    document = {"path": RANK.format(model=model.name), "rows": chosen}
    (bundle / GOLDEN).write_bytes(orjson.dumps(document))


def _row(golden: Golden) -> Mapping[str, Any]:
    request = {"user": golden.user, "context": golden.context, "items": golden.items}
    return {"request": request, "scores": [None if score != score else score for score in golden.scores]}


def _chosen(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows from all over the file, of moderate size, as many as there is room for."""
    sized = [(row, len(orjson.dumps(row))) for row in rows]
    fitting = [(row, size) for row, size in sized if size <= MOST_BYTES // 4]
    count = min(len(fitting), MOST_ROWS)
    found: list[Mapping[str, Any]] = []
    left = MOST_BYTES
    for row, size in (fitting[at * len(fitting) // count] for at in range(count)):
        if size <= left:
            found.append(row)
            left -= size
    return found
