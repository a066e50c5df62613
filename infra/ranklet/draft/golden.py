"""Invented requests, scored by the source library on the exported file: they prove the package, not the training.

Of a file that the import turns into a graph, that library is not onnxruntime but the one that wrote it; where it is not
installed, the graph scores, and the notes say so.

The tensors are made here, by hand, from the same invented values: what feature assembly makes of the request is what
the build will hold against them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.draft.inputs import Drafted
from ranklet.importers.base import Exported, Oracle

REQUESTS = (1, 2, 3, 5, 8, 20)
"""Candidates of each request."""

LONGEST = 8
"""Of a list whose length the graph leaves open."""

Array = NDArray[Any]


def rows(drafted: Sequence[Drafted], exported: Exported, score: str, oracle: Oracle | None = None) -> bytes:
    """golden.jsonl: requests in the native form with the source library's scores, drawn with a fixed seed.

    oracle: scores in place of onnxruntime; it takes the one tensor there is.
    """
    from ranklet_runtime.engines.ort import open_session  # onnxruntime takes its time to import

    session = open_session(exported.content or b"", threads=1)
    random = np.random.default_rng(0)
    lines = []
    for candidates in REQUESTS:
        values = {one.tensor: _values(one, candidates, random) for one in drafted}
        feeds: dict[str, Array] = {}
        for one in drafted:
            feeds |= _tensors(one, values[one.tensor], candidates)
        if oracle is not None:
            (features,) = feeds.values()
            found = oracle.predict(features)
        else:
            (found,) = session.run([score], feeds)
        lines.append(orjson.dumps({"request": _request(drafted, values), "scores": _scores(found)}))
    return b"".join(line + b"\n" for line in lines)


def _values(one: Drafted, candidates: int, random: np.random.Generator) -> list[Any]:
    """Raw values, one a row: of candidates, or a single one of the user's and the context's."""
    count = candidates if one.guess.side == "item" else 1
    if not one.ids:
        shape = (count, one.raw["length"]) if "length" in one.raw else (count,)
        drawn: list[Any] = random.normal(size=shape).astype(np.float32).tolist()
        return drawn
    limit = min(one.feature["size"], 100) if one.spec.limit is None else one.spec.limit
    if "list" not in one.raw:
        return [int(value) for value in random.integers(0, limit, count)]
    longest = one.feature.get("length", LONGEST)
    return [random.integers(0, limit, random.integers(1, longest + 1)).tolist() for _ in range(count)]


def _tensors(one: Drafted, values: Sequence[Any], candidates: int) -> Mapping[str, Array]:
    """What the graph takes of these values, one row a candidate."""
    if "list" not in one.raw:
        return {one.tensor: _shaped(one, np.array(values, one.spec.dtype), candidates)}
    width = one.feature.get("length") or max(map(len, values))
    ids = np.zeros((len(values), width), one.spec.dtype)
    mask = np.zeros((len(values), width), np.float32)
    for row, value in enumerate(values):
        ids[row, : len(value)], mask[row, : len(value)] = value, 1
    found = {one.tensor: _shaped(one, ids, candidates)}
    return found if one.mask is None else found | {one.mask: np.repeat(mask, candidates // len(values), axis=0)}


def _shaped(one: Drafted, tensor: Array, candidates: int) -> Array:
    if tensor.ndim == 1 and len(one.spec.shape or ()) == 2:
        tensor = tensor[:, None]
    return np.repeat(tensor, candidates // len(tensor), axis=0)


def _request(drafted: Sequence[Drafted], values: Mapping[str, list[Any]]) -> dict[str, dict[str, Any]]:
    sides: dict[str, dict[str, Any]] = {"user": {}, "context": {}, "items": {}}
    for one in drafted:
        if one.guess.side == "item":
            sides["items"][one.tensor] = values[one.tensor]
        else:
            sides[one.guess.side][one.tensor] = values[one.tensor][0]
    return sides


def _scores(found: Array) -> list[float]:
    scores: list[float] = found.astype(np.float64).reshape(-1).tolist()
    return scores
