"""The health of inputs: of some requests, how many values are missing, defaulted, unknown, or unlike those of training.

Counted by input, over what the requests sent rather than over what became of it: a value that is absent, null or NaN is
missing, and defaulted where the input has a default. Unknown is what a vocabulary or a size does not hold; a value that
shares the id of the unknown ones counts as one. Numbers are sorted into the buckets of training (`Reference`), and
after LEAST_VALUES of them their population stability index is told; see `ranklet_runtime.drift`. By chance alone it is
about (buckets - 1) (1 / values now + 1 / values then) (Yurdakul, Statistical Properties of Population Stability Index,
2018), 0.01 for ten buckets and a thousand values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.kinds.bag import Bag
from ranklet_features.kinds.base import Compiled
from ranklet_features.kinds.category import Category
from ranklet_features.kinds.ids import Encoder
from ranklet_features.lean import dataclass, field
from ranklet_features.spec import Input
from ranklet_features.values import DTYPES, packed
from ranklet_runtime.drift import stability
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.messages import RankRequest, RankResult
from ranklet_runtime.taken import Taken
from ranklet_runtime.watched import Reference

LEAST_VALUES = 1000
"""From which on an index of stability is told."""


@dataclass(slots=True)
class Tally:
    """Of one input since the last `take`; buckets since its index was told last."""

    values: int = 0
    missing: int = 0
    unknown: int = 0
    buckets: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


class Health:
    """Of one function's inputs. encoders: by input, what knows its values."""

    def __init__(
        self, inputs: Mapping[str, Input], encoders: Mapping[str, Encoder], references: Mapping[str, Reference]
    ) -> None:
        self._inputs, self._encoders, self._references = inputs, encoders, references
        self._edges = {name: np.asarray(one.edges, np.float64) for name, one in references.items()}
        self._tallies = {name: Tally() for name in inputs}
        for name, reference in references.items():
            self._tallies[name].buckets = np.zeros(len(reference.counts), np.int64)

    @classmethod
    def of(cls, manifest: Manifest, features: Iterable[Compiled]) -> Health:
        """The health of a manifest's inputs. features: compiled, which know the vocabularies."""
        inputs = {name: one for name, one in manifest.spec.inputs.items() if not one.unread}
        encoders: dict[str, Encoder] = {}
        for feature in features:
            if isinstance(feature, Category | Bag) and feature.encoder.known:
                encoders.setdefault(feature.of, feature.encoder)
        references = {name: one for name, one in manifest.watch.references.items() if name in inputs}
        return cls(inputs, encoders, references)

    def look(self, asked: RankRequest, result: RankResult) -> None:
        """Count the values of a request that was scored; tensors have no values, and refused records wrong ones."""
        if asked.tensors or result.refused:
            return
        sides = {"user": asked.user, "context": asked.context, "item": asked.items}
        for name, declared in self._inputs.items():
            single = declared.side != "item" and not asked.per_row
            raw = sides[declared.side].get(name)
            self._count(name, declared, [raw] if single else raw, rows=1 if single else len(result.scores))

    def _count(self, name: str, declared: Input, column: Any, *, rows: int) -> None:
        tally = self._tallies[name]
        tally.values += rows
        if column is None:
            tally.missing += rows
            return
        there = _there(column, declared)
        tally.missing += rows - len(there)
        values = _flat(there, declared)
        if declared.type == "float":
            finite = np.isfinite(values)
            tally.missing += 0 if _nested(declared) else int(np.count_nonzero(~finite))
            values = values[finite]
        encoder, edges = self._encoders.get(name), self._edges.get(name)
        if encoder is not None and len(values):
            tally.unknown += encoder.unknown(values)
        if edges is not None and len(values):
            places = np.searchsorted(edges, values, side="left")
            tally.buckets += np.bincount(places, minlength=len(tally.buckets))

    def take(self) -> Iterable[Taken]:
        """The counts by input."""
        return [
            Taken(self._metrics(name, tally), {"input": name}) for name, tally in self._tallies.items() if tally.values
        ]

    def _metrics(self, name: str, tally: Tally) -> dict[str, tuple[str, Sequence[float]]]:
        found = {"Values": tally.values, "Missing": tally.missing, "Unknown": tally.unknown}
        if self._inputs[name].default is not None:
            found["Defaulted"] = tally.missing
        metrics: dict[str, tuple[str, Sequence[float]]] = {
            metric: ("Count", [float(count)]) for metric, count in found.items() if count
        }
        tally.values = tally.missing = tally.unknown = 0
        if name in self._references and int(tally.buckets.sum()) >= LEAST_VALUES:
            index = stability(tally.buckets.tolist(), self._references[name].counts)
            metrics["Psi"] = ("None", [round(index, 5)])
            tally.buckets[:] = 0
        return metrics


def _there(column: Any, declared: Input) -> Any:
    """What was sent of a column, without nulls."""
    if isinstance(column, np.ndarray) or (not _nested(declared) and None not in column):
        return column
    return [value for value in column if value is not None]


def _nested(declared: Input) -> bool:
    return declared.list or declared.length is not None


def _flat(values: Any, declared: Input) -> Any:
    """The values of all rows, one after the other: numbers as an array, texts as a list."""
    if isinstance(values, list) and _nested(declared):
        values = [one for one in chain.from_iterable(values) if one is not None]
    if declared.type == "string":
        return [str(one) for one in values]
    if isinstance(values, np.ndarray):
        return values.reshape(-1).astype(DTYPES[declared.type], copy=False)
    return packed(values, declared.type)
