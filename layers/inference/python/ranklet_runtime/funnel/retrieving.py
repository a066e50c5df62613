"""The first stage in this process: its index and user tower, opened beside the rankers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ranklet_features.errors import InputError, StoreUnavailable
from ranklet_features.stores.counts import Counts
from ranklet_runtime.dialects.retrieval import _filter, _ids
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.funnel.here import refusal
from ranklet_runtime.funnel.messages import Asked, Found, StageFailed
from ranklet_runtime.funnel.plan import Stage
from ranklet_runtime.funnel.sides import sides
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.retrieval import NONE, Ids, Retrieve, RetrieveRequest, RetrieveResult
from ranklet_runtime.retriever import Retriever


class RetrieverHere:
    """A retrieving stage."""

    def __init__(self, stage: Stage, retriever: Retriever, what: Retrieve) -> None:
        self._stage, self._retriever, self._what = stage, retriever, what

    @classmethod
    def open(cls, stage: Stage, home: Path, environ: Mapping[str, str]) -> RetrieverHere:
        """Open the stage's bundle. Raises ManifestError, SpecError or StoreError."""
        manifest = Manifest.read(home / "manifest.json")
        if manifest.retrieve is None:
            raise ManifestError(f"{stage.model} does not retrieve; build the funnel again")
        return cls(stage, Retriever.open(manifest, home, environ), manifest.retrieve)

    def retrieve(self, asked: Asked, count: int, deadline: float) -> Found:
        """See `funnel.messages.Retriever`."""
        user, context = sides(asked, self._stage)
        return self._found(user, context, asked, count, deadline)

    def similar(self, asked: Asked, count: int, deadline: float) -> Found:
        """See `funnel.messages.Retriever`."""
        like = asked.like or {}
        single = "item" in like
        named = [like["item"]] if single else like["items"]
        wanted = _ids(named, self._what, "$.item" if single else "$.items", single=single)
        return self._found({}, {}, asked, count, deadline, similar=wanted, single=single)

    def _found(
        self,
        user: Mapping[str, Any],
        context: Mapping[str, Any],
        asked: Asked,
        count: int,
        deadline: float,
        *,
        similar: Ids | None = None,
        single: bool = False,
    ) -> Found:
        what = self._what
        request = RetrieveRequest(
            user,
            context,
            {},
            k=count,
            filter=_filter(asked.filter, what),
            seen=NONE if asked.seen is None else _ids(asked.seen, what, "$.seen"),
            similar=similar,
            single=single,
        )
        try:
            result = self._retriever.score(request, deadline=deadline)
        except InputError as error:
            raise refusal(error) from error
        except StoreUnavailable as error:
            raise StageFailed("a table does not answer") from error
        return found(result)

    def verify(self) -> None:
        """Read a row of each table. Raises TableMismatch."""
        self._retriever.verify()

    def renew(self) -> None:
        """Let go of connections and credentials."""
        self._retriever.renew()

    def close(self) -> None:
        """Give back what the stores hold."""
        self._retriever.close()

    @property
    def tables(self) -> Mapping[str, Counts]:
        """What reading each table counts."""
        return self._retriever.tables


def found(result: RetrieveResult) -> Found:
    """A result with its ids as Python's own."""
    plain = result.items.tolist() if isinstance(result.items, np.ndarray) else list(result.items)
    return Found(plain, np.ascontiguousarray(result.scores, np.float32), result.degraded)
