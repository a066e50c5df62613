"""Tensors that a client sends itself, as it sent them to the server it had before: checked here, never assembled.

They are held to what the features would have made: dtype, shape, and ids within their range, as no engine checks
them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import InputError, ShapeError
from ranklet_features.kinds.base import Tensor
from ranklet_features.plan import Assembled, FeaturePlan
from ranklet_features.stored import found_name
from ranklet_features.values import greatest, least
from ranklet_runtime.manifest import Manifest

Array = NDArray[Any]

TAKEN = {"float32": "fiu", "float64": "fiu", "int64": "iu", "bool": "b"}
"""dtype of a tensor → kinds of arrays that are taken for it; nothing is rounded."""

HIGHEST = np.iinfo(np.int64).max


class Given:
    """Reads the tensors that a model's steps take of its features.

    tensors: these by name. What stands in for a step may be left out: the step then computes.
    """

    def __init__(self, manifest: Manifest, plan: FeaturePlan) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._ids, self._surplus = plan.ids, manifest.surplus
        made: set[str] = set()
        for step in manifest.steps:
            self._add((name for name in step.inputs.values() if name not in made), plan)
            made.update(step.outputs.values())
        told = (one.tensor for one in manifest.told.values())
        self._add({manifest.score, *told, *manifest.after.get("tensors", ())} - made, plan)
        stored = [name for feature in sorted(manifest.stored) for name in (feature, found_name(feature))]
        self._optional = {name: plan.signature[name] for name in stored}
        self.tensors.update(self._optional)
        self._plain = [
            (name, np.dtype(one.dtype), one.shape, one.side == "item", self._ids.get(name))
            for name, one in self.tensors.items()
        ]

    def _add(self, names: Any, plan: FeaturePlan) -> None:
        self.tensors.update({name: plan.signature[name] for name in names if name in plan.signature})

    def read(
        self, user: Mapping[str, Any], context: Mapping[str, Any], items: Mapping[str, Any], *, per_row: bool
    ) -> Assembled:
        """One request → tensors as the plan assembles them: [1, …] of user and context, or [N, …] with `per_row`.

        Raises InputError (ShapeError for shapes) with side, name and index of the fault.
        """
        sent = {**user, **context, **items}
        if self._surplus != "ignore" and not sent.keys() <= self.tensors.keys():
            name = next(name for name in sent if name not in self.tensors)
            allowed = ", ".join(self.tensors)
            raise InputError("item", str(name)[:80], f"not a tensor of this model; tensors: {allowed}")
        found: dict[str, Array] = {}
        for name, tensor in self.tensors.items():
            once = tensor.side != "item" and not per_row
            if name in sent:
                found[name] = self._read(name, tensor, [sent[name]] if once else sent[name], once=once)
            elif name not in self._optional:
                raise InputError(tensor.side, name, "missing; a model's tensors are sent all or not at all")
        count = self._rows(found, per_row)
        for name, tensor in self._optional.items():
            if name not in found:
                rows = count if per_row or tensor.side == "item" else 1
                found[name] = np.zeros((rows, *(size or 0 for size in tensor.shape)), tensor.dtype)
        return Assembled(found, count, {})

    def plain(self, sent: Mapping[str, Array], count: int) -> bool:
        """Whether these are all tensors, as `read` would give them back; count: rows of candidates."""
        if len(sent) != len(self._plain):
            return False
        for name, dtype, shape, item, limit in self._plain:
            array = sent.get(name)
            if array is None or array.dtype is not dtype or array.shape != (count if item else 1, *shape):
                return False
            if limit is not None:
                flat = array.reshape(-1)
                if not (len(flat) and least(flat) >= -1 and greatest(flat) < limit):
                    return False
        return True

    def _rows(self, found: Mapping[str, Array], per_row: bool) -> int:
        """The number of candidates. Raises ShapeError where tensors disagree about it."""
        lead = [name for name in found if per_row or self.tensors[name].side == "item"]
        if not lead:
            return 1
        count = len(found[lead[0]])
        for name in lead:
            if len(found[name]) != count:
                message = f"{len(found[name])} rows, but {lead[0]!r} has {count}"
                raise ShapeError(self.tensors[name].side, name, message)
        return count

    def _read(self, name: str, tensor: Tensor, value: Any, *, once: bool) -> Array:
        array = _as_array(name, tensor, value)
        wanted = tensor.shape
        # A column [N] may come as [N, 1], the only shape that some servers have for it, and the other way round.
        if array.ndim and (array.shape[1:], wanted) in (((1,), ()), ((), (1,))):
            array = array.reshape(-1, *wanted)
        if array.ndim and not len(array):
            return np.zeros((0, *(size or 0 for size in wanted)), tensor.dtype)
        fits = array.ndim == 1 + len(wanted) and all(
            size in (None, given) for size, given in zip(wanted, array.shape[1:], strict=True)
        )
        if not fits:
            raise ShapeError(
                tensor.side, name, f"rows of shape {_shape(wanted)} are expected, not {_shape(array.shape[1:])}"
            )
        with np.errstate(over="ignore"):  # what does not fit 32 bits becomes infinite, and its score is refused
            read: Array = np.ascontiguousarray(array, tensor.dtype)
        return self._within(name, tensor, read, once=once)

    def _within(self, name: str, tensor: Tensor, ids: Array, *, once: bool) -> Array:
        """Raises InputError for an id that the feature would never make."""
        limit = self._ids.get(name)
        if limit is None or not ids.size or (ids.min() >= -1 and ids.max() < limit):
            return ids
        place = tuple(int(i) for i in np.argwhere((ids < -1) | (ids >= limit))[0])
        # What comes once was sent without the row that it is here.
        index = place[1:] if once else place
        raise InputError(tensor.side, name, f"an id from 0 to {limit - 1}, or -1, is expected", index=index)


def _as_array(name: str, tensor: Tensor, value: Any) -> Array:
    """Raises InputError for values of another kind than the tensor's."""
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError) as error:
        raise ShapeError(tensor.side, name, "rows of different lengths, or numbers out of range") from error
    if array.size and array.dtype.kind not in TAKEN[tensor.dtype]:
        raise InputError(tensor.side, name, f"numbers of {tensor.dtype} are expected, not {_noun(array)}")
    if array.size and array.dtype.kind == "u" and tensor.dtype == "int64" and array.max() > HIGHEST:
        raise InputError(tensor.side, name, f"{array.max()} is above the largest of int64")
    return array


def _noun(array: Array) -> str:
    return {"f": "fractions", "b": "true and false", "U": "text", "S": "bytes"}.get(array.dtype.kind, "other values")


def _shape(sizes: tuple[int | None, ...]) -> str:
    return "[" + ", ".join("any" if size is None else str(size) for size in sizes) + "]"
