"""What a build leaves for a gradual release: which scores to expect, and requests to try a new version with.

Both come from the golden requests alone. The histogram of their scores goes into the manifest. `golden.json`, which the
hook reads that CodeDeploy asks (`ranklet_runtime.hook`), lies beside the bundle and not in it: a function that has no
hook carries no requests. It names the bundle that was proven with them.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ranklet.certificate import Certificate
from ranklet.dialects import retrieval
from ranklet.dialects.native import RANK
from ranklet.errors import BundleError, ModelError
from ranklet.golden import Golden
from ranklet.model import Model
from ranklet.settings.release import Release
from ranklet_runtime import drift, shadow
from ranklet_runtime.hook import GOLDEN
from ranklet_runtime.manifest import Histogram

CANDIDATE = "candidate"
"""The alias of a version that gets copies of requests."""

HOOKS = "hooks"
"""The folder of all hooks below the build's."""

BUCKETS = 8
"""An alarm's formula reads ten metrics at most."""

FEWEST = 50
"""Golden scores; of fewer no distribution is known."""

MOST_ROWS, MOST_BYTES = 32, 512 * 1024
"""What golden.json may hold. A request that is larger than a quarter of it is left out."""


def histogram(rows: Sequence[Golden]) -> Histogram | None:
    """Buckets of about equally many golden scores, their edges halfway between two scores that were given.

    None where there are too few scores to tell, and where all are the same.
    """
    scores = np.array([score for golden in rows for score in golden.scores], np.float32)
    scores = np.sort(scores[np.isfinite(scores)])
    values = np.unique(scores)
    if len(scores) < FEWEST or len(values) < 2:
        return None
    firsts = {scores[len(scores) * at // BUCKETS] for at in range(1, BUCKETS)} - {values[0]}
    halves = [(values[np.searchsorted(values, first) - 1] + first) / 2 for first in sorted(firsts)]
    edges = np.unique(np.array(halves or [(values[0] + values[1]) / 2], np.float32))
    return Histogram(tuple(edges.tolist()), tuple(drift.buckets(scores, edges).tolist()))


def variables(release: Release) -> dict[str, str]:
    """What the function is told of its release."""
    found = {drift.VARIABLE: str(release.every)} if release.gradual else {}
    if release.shadow is not None:
        found[shadow.VARIABLE] = f"{release.shadow.share:g}@{CANDIDATE}"
    return found


def write(model: Model, rows: Sequence[Golden], proven: Certificate, folder: Path) -> None:
    """Write the code of the hook, which is golden.json, into a folder of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = RANK.format(model=model.name)
    document: dict[str, Any] = {"bundle": proven.bundle, "bound": proven.bound, "path": path}
    if proven.recall is not None:
        # One path for all: requests of the verb that callers mostly ask.
        rows = [row for row in rows if retrieval.similar(row) == (model.verb == "similar")]
        document["path"] = f"{retrieval.MODEL.format(model=model.name)}:{model.verb}"
        document["some"] = proven.recall.golden is not None
    document["rows"] = _chosen(rows)
    (folder / GOLDEN).write_bytes(orjson.dumps(document))


def hook(model: Model, proven: Certificate, folder: Path) -> Path:
    """The folder, if the hook in it can check this bundle.

    Raises ModelError for a model that does not take the form in which the hook asks, BundleError for a folder that is
    not there or belongs to another bundle, and where no golden request is small enough to go along.
    """
    if "native" not in model.api.dialects:
        raise ModelError(
            f'{model.name}/model.toml: [release] check asks in the native form, and [api] dialects lacks "native"; add '
            "it, or set check = false"
        )
    try:
        document = orjson.loads((folder / GOLDEN).read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise BundleError(f"{model.name}: no requests for [release] check; run `ranklet build {model.name}`") from error
    if document["bundle"] != proven.bundle:
        raise BundleError(
            f"{model.name}: the requests for [release] check are of another build; run `ranklet build {model.name}`"
        )
    if not document["rows"]:
        raise BundleError(
            f"{model.name}: every golden request is larger than {MOST_BYTES // 4} bytes, so that none can go along for "
            "[release] check; add smaller ones, or set check = false"
        )
    return folder


def _row(golden: Golden) -> Mapping[str, Any]:
    request = {"user": golden.user, "context": golden.context, "items": golden.items}
    if golden.asked is not None:
        request = retrieval.document(golden)
    return {"request": request, "scores": [None if score != score else score for score in golden.scores]}


def _chosen(rows: Sequence[Golden]) -> list[Mapping[str, Any]]:
    """Rows from all over the file, of moderate size, as many as there is room for."""
    sized = [(row, len(orjson.dumps(row))) for row in map(_row, rows)]
    fitting = [(row, size) for row, size in sized if size <= MOST_BYTES // 4]
    count = min(len(fitting), MOST_ROWS)
    found: list[Mapping[str, Any]] = []
    left = MOST_BYTES
    for row, size in (fitting[at * len(fitting) // count] for at in range(count)):
        if size <= left:
            found.append(row)
            left -= size
    return found
