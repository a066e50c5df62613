"""Linear models over one array of hashed weights, with the interactions of namespaces: Vowpal Wabbit's.

    logit = bias + Σ_j w[h_j] x_j + Σ over interactions Σ_{j, k, …} w[h_jk…] x_j x_k …,    score = link(clipped logit)
    h_jk = (h_j · 16777619) xor h_k, h_jkl = (h_jk · 16777619) xor h_l, …, each to the last `bits` bits

Arrays: `bias` [1], and `w` [2^bits], or, where most of them are 0, `w` [k] with `index` [k], ascending, as floats that
are whole numbers. Inputs are indices ([rows], or [rows, L] padded with -1; x = 1, or the value of `options.values`), or
one number a row, whose index `options.at` gives. `options.namespaces` puts inputs into namespaces, in the order of the
line; of one namespace with itself each pair counts once, the earlier first, and each feature meets itself
(vw/core/interactions_predict.h).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np

from ranklet_features.lean import dataclass, field
from ranklet_runtime.engines.arrays import need, refuse_surplus
from ranklet_runtime.engines.base import Array, Want
from ranklet_runtime.engines.checks import check_names, parse, value_wants, weights
from ranklet_runtime.engines.links import answer, clipped, find_link
from ranklet_runtime.engines.terms import matrix, quiet, total
from ranklet_runtime.errors import ManifestError, PayloadTooLarge
from ranklet_runtime.manifest import Step

PRIME = 16777619
MAX_BITS = 32
MAX_FEATURES = 1 << 22
"""Of one interaction in a request: more indices take more memory than a function has."""


@dataclass(frozen=True)
class Options:
    """bits: of an index. namespaces: input → its namespace. at: input of a number → its index.

    linear: namespaces that count alone. interactions: of namespaces. values: index input → input of its values.
    scales: input → what its x is multiplied by. low, high: the logit is clipped to them.
    """

    bits: int = 18
    namespaces: dict[str, str] = field(default_factory=dict)
    at: dict[str, int] = field(default_factory=dict)
    linear: tuple[str, ...] = ()
    interactions: tuple[tuple[str, ...], ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    scales: dict[str, float] = field(default_factory=dict)
    link: str = "sigmoid"
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class _Features:
    """Of one namespace: indices [rows, L], 0 where nothing stands, and x [rows, L], 0 there."""

    at: Array
    x: Array


class HashedEngine:
    """Outputs `logit` and `score`, float32 [rows]."""

    def __init__(self, step: Step, arrays: Mapping[str, Array]) -> None:
        self._options = options = parse(Options, step.options)
        check_names(step, self.wants(step, arrays))
        self._step, self._link = step, find_link(options.link)
        self._bias, self._w = arrays["bias"].astype(np.float64), arrays["w"]
        self._index = arrays["index"].astype(np.int64) if "index" in arrays else None
        self._mask = np.array([(1 << options.bits) - 1])

    @classmethod
    def open(cls, step: Step, folder: Path, *, threads: int) -> Self:
        """As the protocol says."""
        return cls(step, weights(step, folder))

    @staticmethod
    def wants(step: Step, arrays: Mapping[str, Array]) -> dict[str, Want]:
        """What each input takes: indices, or one number. Raises ManifestError."""
        options = parse(Options, step.options)
        _check(options, arrays)
        size = 1 << options.bits
        wants = {name: Want(values=1) if name in options.at else Want(ids=size) for name in options.namespaces}
        return wants | value_wants(options.values, wants)

    @quiet
    def run(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """As the protocol says."""
        spaces = self._spaces(tensors)
        parts = [self._weighed(spaces[name]) for name in self._options.linear]
        for names in self._options.interactions:
            parts.append(self._weighed(_met([spaces[name] for name in names], names, self._mask)))
        found = total(parts) + self._bias
        return answer(self._step, clipped(found, self._options.low, self._options.high), self._link)

    def _spaces(self, tensors: Mapping[str, Array]) -> dict[str, _Features]:
        found: dict[str, list[_Features]] = {}
        for name, space in self._options.namespaces.items():
            found.setdefault(space, []).append(self._features(name, tensors))
        return {space: _joined(parts) for space, parts in found.items()}

    def _features(self, name: str, tensors: Mapping[str, Array]) -> _Features:
        tensor, scale = matrix(tensors[self._step.inputs[name]]), self._options.scales.get(name, 1.0)
        if (index := self._options.at.get(name)) is not None:
            return _Features(np.full((1, 1), index), tensor * np.float64(scale))
        x = (tensor >= 0) * np.float64(scale)
        if (carrier := self._options.values.get(name)) is not None:
            x = x * matrix(tensors[self._step.inputs[carrier]])
        return _Features(np.maximum(tensor, 0), x)

    def _weighed(self, features: _Features) -> Array:
        """Σ w x, [rows]."""
        if self._index is None:
            taken = self._w.take(features.at)
        else:
            place = np.minimum(np.searchsorted(self._index, features.at), len(self._index) - 1)
            taken = np.where(self._index[place] == features.at, self._w[place], 0)
        found: Array = (taken * features.x).sum(axis=1)
        return found


def _joined(parts: list[_Features]) -> _Features:
    if len(parts) == 1:
        return parts[0]
    rows = _rows(parts)
    at = [np.broadcast_to(part.at, (rows, part.at.shape[1])) for part in parts]
    x = [np.broadcast_to(part.x, (rows, part.x.shape[1])) for part in parts]
    return _Features(np.concatenate(at, axis=1), np.concatenate(x, axis=1))


def _rows(parts: list[_Features]) -> int:
    """N, which may be 0, or 1 where all have one row."""
    return next((rows for part in parts for rows in (len(part.at), len(part.x)) if rows != 1), 1)


def _met(parts: list[_Features], names: tuple[str, ...], mask: Array) -> _Features:
    """All combinations of one feature of each part."""
    sizes = [part.x.shape[1] for part in parts]
    if (count := _rows(parts) * math.prod(sizes)) > MAX_FEATURES:
        raise PayloadTooLarge(
            f"the interaction {'×'.join(names)} has {count} features here, at most {MAX_FEATURES} are: send fewer"
        )
    places = [place.reshape(-1) for place in np.indices(sizes)]
    keep = np.ones(len(places[0]), bool)
    for left, right, one, other in zip(places, places[1:], names, names[1:], strict=False):
        if one == other:
            keep &= left <= right
    first, *rest = (place[keep] for place in places)
    at, x = parts[0].at[:, first], parts[0].x[:, first]
    for part, place in zip(parts[1:], rest, strict=True):
        at = (at * PRIME ^ part.at[:, place]) & mask
        x = x * part.x[:, place]
    return _Features(at, x)


def _check(options: Options, arrays: Mapping[str, Array]) -> None:
    """Raises ManifestError for what does not fit together."""
    if not 1 <= options.bits <= MAX_BITS:
        raise ManifestError(f"options.bits is {options.bits}; allowed: 1 to {MAX_BITS}")
    refuse_surplus(arrays, {"bias", "w", "index"})
    need(arrays, "bias", (1,))
    if "index" not in arrays:
        need(arrays, "w", (1 << options.bits,))
    else:
        index = need(arrays, "index", (need(arrays, "w", (None,)).size,))
        inside = len(index) and index[0] >= 0 and index[-1] < 1 << options.bits and (index == np.floor(index)).all()
        if not inside or (np.diff(index) <= 0).any():
            raise ManifestError(f"array 'index' must be ascending whole numbers from 0 to 2^{options.bits} - 1")
    spaces = set(options.namespaces.values())
    used = {*options.linear, *(name for names in options.interactions for name in names)}
    if unknown := sorted(used - spaces):
        raise ManifestError(f"hashed: namespace {unknown[0]!r} has no inputs; options.namespaces has {sorted(spaces)}")
    if unread := sorted(name for name, space in options.namespaces.items() if space not in used):
        raise ManifestError(f"hashed: nothing reads the input {unread[0]!r}; put its namespace into linear")
    if stray := sorted({*options.at, *options.scales} - set(options.namespaces)):
        raise ManifestError(f"hashed: options.at and scales name {stray[0]!r}, which is in no namespace")
    for name, index_at in options.at.items():
        if type(index_at) is not int or not 0 <= index_at < 1 << options.bits:
            raise ManifestError(f"hashed: options.at.{name} is {index_at!r}; allowed: 0 to 2^{options.bits} - 1")
