"""What rankers read of an item beside its id: columns by id, which retrieval does not bring along."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ranklet_runtime.errors import ManifestError
from ranklet_runtime.funnel.messages import Id, Scored
from ranklet_runtime.funnel.plan import Stage

UNKNOWN = "unknown_items"
"""Candidates of which nothing is known that a stage needs: it does not score them."""

FILE = "items.json"
"""`{"keys": [id, …], "columns": {name: [value, …]}}`, in the bundle."""


class Facts:
    """The columns of every item that is known. keys: their ids. columns: a value each, by name."""

    def __init__(self, keys: Sequence[Id], columns: Mapping[str, Sequence[Any]]) -> None:
        self._rows = {key: row for row, key in enumerate(keys)}
        self._columns = columns

    @staticmethod
    def open(folder: Path) -> Facts:
        """Those of a bundle, none where it has no file of them. Raises ManifestError."""
        path = folder / FILE
        if not path.is_file():
            return Facts((), {})
        try:
            document = orjson.loads(path.read_bytes())
            return Facts(document["keys"], document["columns"])
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise ManifestError(f"cannot read {FILE}: {error}; run `ranklet build` again") from error

    def of(self, ids: Sequence[Id], names: Sequence[str]) -> tuple[list[int], dict[str, list[Any]]]:
        """Which of the ids are known, by position, and the columns of these."""
        rows = [(at, self._rows[one]) for at, one in enumerate(ids) if one in self._rows]
        return [at for at, _ in rows], {name: [self._columns[name][row] for _, row in rows] for name in names}


def of_known(stage: Stage, facts: Facts, ids: list[Id], score: Callable[[Mapping[str, Any]], Scored]) -> Scored:
    """Score the candidates of which all is known that a stage reads; the others have no score and are counted.

    score: of columns of candidates.
    """
    if not stage.facts:
        return score({stage.key: ids})
    known, columns = facts.of(ids, stage.facts)
    if len(known) == len(ids):
        return score({stage.key: ids, **columns})
    scores = np.full(len(ids), np.nan, np.float32)
    degraded = {f"{UNKNOWN}:{stage.name}": len(ids) - len(known)}
    if not known:
        return Scored(scores, degraded)
    found = score({stage.key: [ids[at] for at in known], **columns})
    scores[known] = found.scores
    order = None if found.order is None else np.array(known, np.intp)[found.order]
    return Scored(scores, {**found.degraded, **degraded}, order)
