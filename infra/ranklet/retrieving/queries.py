"""Held-out users as vectors, by which an index is measured: from a file, or of requests by the model's own steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.dialects.retrieval import similar
from ranklet.errors import ModelError
from ranklet.golden import Golden
from ranklet.retrieving.making import Queries
from ranklet.settings.retrieve import Retrieve
from ranklet.tables.source import Vectors
from ranklet_features.errors import FeatureError
from ranklet_runtime.errors import RuntimeFault
from ranklet_runtime.retrieval import RetrieveRequest
from ranklet_runtime.retriever import Retriever

SAMPLE = 200
"""Items that stand for queries where the model knows no users."""

MOST = 1000
"""Queries that are measured: exact search of a million items takes a second for thirty of them."""


def of(
    settings: Retrieve,
    vectors: Vectors,
    rows: Sequence[Golden],
    *,
    resolve: Callable[[str], Path],
    retriever: Callable[[], Retriever],
) -> Queries:
    """The queries of a model. retriever: opens it with an index that looks at every item.

    Raises ModelError for a file that is none, or a request that the model refuses.
    """
    if settings.queries is not None and settings.queries.endswith(".npy"):
        return Queries(_loaded(resolve(settings.queries)), f"held-out vectors, {settings.queries}")
    if settings.query is None and settings.history is None:
        draw = np.random.default_rng(settings.seed)
        chosen = np.sort(draw.choice(len(vectors.values), min(SAMPLE, len(vectors.values)), replace=False))
        return Queries(np.asarray(vectors.values[chosen], np.float32), "items themselves")
    if settings.queries is not None:
        requests = _requests(resolve(settings.queries))
        what = f"held-out requests, {settings.queries}"
    else:
        requests = ((at, row.user, row.context) for at, row in enumerate(rows, start=1) if not similar(row))
        what = "golden requests"
    return Queries(_vectors(requests, what, retriever), what)


def _loaded(path: Path) -> NDArray[np.float32]:
    try:
        found = np.load(path, allow_pickle=False)
        return np.ascontiguousarray(found[:MOST], np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(f"[retrieve] queries: {path.name} is no .npy of vectors: {error}") from error


def _requests(path: Path) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, Any]]]:
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            document = orjson.loads(line)
            request = document.get("request", document)
            yield number, dict(request.get("user") or {}), dict(request.get("context") or {})
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelError(
                f'[retrieve] queries: line {number} of {path.name} is no {{"user": …, "context": …}}: {error}'
            ) from error


def _vectors(
    requests: Iterable[tuple[int, Mapping[str, Any], Mapping[str, Any]]], what: str, retriever: Callable[[], Retriever]
) -> NDArray[np.float32]:
    opened, found = retriever(), list[NDArray[np.float32]]()
    for number, user, context in requests:
        if len(found) == MOST:
            break
        try:
            found.append(opened.vector(RetrieveRequest(user, context, {}))[0])
        except (FeatureError, RuntimeFault) as error:
            raise ModelError(f"[retrieve] queries: row {number} of the {what} is refused: {error}") from error
    return np.array(found, np.float32).reshape(len(found), -1) if found else np.zeros((0, 1), np.float32)
