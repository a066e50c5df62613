"""ONNX graphs on onnxruntime.

A tensor of one row is expanded to N, since a graph need not broadcast over its batch. What takes one
row only (`step.once` of a split graph, a batch of 1 fixed in the graph of a user step) keeps it, and a request of
many users then runs the graph once per different user.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from ranklet_features.kinds.base import Tensor
from ranklet_features.lean import dataclass
from ranklet_runtime.engines.base import Array, Straight
from ranklet_runtime.engines.ort import direct, open_session
from ranklet_runtime.errors import BadRequest, ManifestError
from ranklet_runtime.manifest import Step

DTYPES: Mapping[str, str] = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
}
"""What a tensor may hold, in onnxruntime's words and in NumPy's."""

EXACT = {("float32", "float64"), ("int64", "int32")}
"""Casts of an input that lose nothing: made on the way in, the second checked value by value."""


@dataclass(frozen=True)
class Port:
    """An input or output of the session and the tensor at its other end. shape: None for any size."""

    name: str
    tensor: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]


class OnnxEngine:
    """Outputs are the graph's own, those that the step names, in the graph's dtype and shape."""

    def __init__(self, step: Step, session: Any) -> None:
        self._session = session
        self._call: Any = direct(session)
        self._inputs = _ports("input", session.get_inputs(), step.inputs)
        self._outputs = _ports("output", session.get_outputs(), step.outputs)
        self._names = [port.name for port in self._outputs]
        self._tensors = [port.tensor for port in self._outputs]
        self._once = {port.name for port in self._inputs if _stays(port, step)}
        self._wired = [
            (port.name, port.tensor, port.dtype, len(port.shape), port, port.name in self._once)
            for port in self._inputs
        ]

    @classmethod
    def open(cls, step: Step, folder: Path, *, threads: int) -> Self:
        """As the protocol says."""
        if step.artefact is None:
            raise ManifestError("onnx: the step has no artefact; steps.source must name an .onnx file")
        if step.options:
            raise ManifestError(f"onnx: unknown options {sorted(step.options)}; this engine has none")
        return cls(step, open_session(folder / step.artefact, threads=threads))

    def run(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """As the protocol says; without rows the graph is not run, as many break there."""
        feeds: dict[str, Array] = {}
        rows, users, alone = 1, False, False
        for name, tensor, dtype, rank, port, stays in self._wired:
            value = tensors[tensor]
            if value.dtype is not dtype or value.ndim != rank:
                value = _fitted(port, value)
            feeds[name] = value
            if len(value) == 1:
                alone = alone or not stays
            elif rows:
                alone = alone or rows not in (1, len(value))  # which is refused where the one is made the other
                rows, users = len(value), users or stays
        if rows == 0:
            return {port.tensor: np.empty((0, *_tail(port)), port.dtype) for port in self._outputs}
        if users:
            return self._by_user(feeds, rows)
        return self._run(feeds, rows) if alone else self._ran(feeds)

    def straight(self, made: Mapping[str, Tensor], output: str) -> Straight | None:
        """What computes one output of tensors that are as `made` says, n rows of an item's and one of all others.

        None where `run` has to cast, reshape or expand one of them. Engines of NumPy have none: their `run` is short.
        """
        for port in self._inputs:
            tensor = made.get(port.tensor)
            if tensor is None or tensor.dtype != port.dtype.name or len(tensor.shape) + 1 != len(port.shape):
                return None
            if (tensor.side != "item") != (port.name in self._once):
                return None
        names = [port.name for port in self._outputs if port.tensor == output]
        call = self._call

        def compute(feeds: Mapping[str, Array]) -> Array:
            found: Array = call(names, feeds, None)[0]
            return found

        return Straight({port.name: port.tensor for port in self._inputs}, compute) if names else None

    def _run(self, feeds: Mapping[str, Array], rows: int) -> dict[str, Array]:
        """All that is of one row and may not stay so is expanded first."""
        full = {
            name: value if name in self._once or len(value) == rows else _expanded(value, rows)
            for name, value in feeds.items()
        }
        return self._ran(full)

    def _ran(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        return dict(zip(self._tensors, self._call(self._names, feeds, None), strict=True))

    def _by_user(self, feeds: Mapping[str, Array], rows: int) -> dict[str, Array]:
        """One run per different user, over rows that are brought side by side first: parts of them are no copies."""
        full = {name: _expanded(value, rows) for name, value in feeds.items()}
        order, ends = _grouped([full[name] for name in self._once], rows)
        sorted_ = {name: value[order] for name, value in full.items()}
        parts: dict[str, list[Array]] = {port.tensor: [] for port in self._outputs}
        start = 0
        for end in ends:
            part = {name: value[start : start + 1 if name in self._once else end] for name, value in sorted_.items()}
            for tensor, value in self._run(part, end - start).items():
                parts[tensor].append(_expanded(value, end - start))
            start = end
        found: dict[str, Array] = {}
        for tensor, values in parts.items():
            joined = np.concatenate(values)
            found[tensor] = np.empty_like(joined)
            found[tensor][order] = joined
        return found


def _grouped(values: list[Array], rows: int) -> tuple[Array, list[int]]:
    """The order in which rows of equal bytes stand together, and where each group ends."""
    joined = np.concatenate([np.ascontiguousarray(value).reshape(rows, -1).view(np.uint8) for value in values], axis=1)
    width, blob = joined.shape[1], joined.tobytes()
    known: dict[bytes, int] = {}
    group = [known.setdefault(blob[row * width : (row + 1) * width], len(known)) for row in range(rows)]
    return np.argsort(group, kind="stable"), np.cumsum(np.bincount(group)).tolist()


def _ports(what: str, given: Iterable[Any], wired: Mapping[str, str]) -> tuple[Port, ...]:
    """The session's ends that the step wires: all inputs, and outputs of the step's choice."""
    known = {end.name: end for end in given}
    if unknown := set(wired) - set(known):
        raise ManifestError(f"onnx: the graph has no {what} {sorted(unknown)}; its {what}s are {sorted(known)}")
    if what == "input" and (unfed := set(known) - set(wired)):
        raise ManifestError(f"onnx: nothing feeds the inputs {sorted(unfed)}; list them in steps.inputs")
    return tuple(_port(known[name], tensor) for name, tensor in wired.items())


def _port(end: Any, tensor: str) -> Port:
    if end.type not in DTYPES:
        raise ManifestError(f"onnx: {end.name!r} is a {end.type}; served are {sorted(DTYPES)}")
    if not end.shape:
        raise ManifestError(f"onnx: {end.name!r} has no dimension for its rows; export it as [batch, …]")
    shape = tuple(size if isinstance(size, int) else None for size in end.shape)
    return Port(end.name, tensor, np.dtype(DTYPES[end.type]), shape)


def _stays(port: Port, step: Step) -> bool:
    """Whether an input takes one row only."""
    fixed = port.shape[0]
    if port.name in step.once or (fixed == 1 and step.rows == "user"):
        return True
    if fixed is not None:
        raise ManifestError(f"onnx: {port.name!r} takes {fixed} rows only; export it with a dynamic batch")
    return False


def _expanded(value: Array, rows: int) -> Array:
    """One row copied to all, as onnxruntime reads memory row by row."""
    if len(value) == rows:
        return value
    full = np.empty((rows, *value.shape[1:]), value.dtype)
    full[...] = value
    return full


def _tail(port: Port) -> tuple[int, ...]:
    return tuple(size or 0 for size in port.shape[1:])


def _fitted(port: Port, tensor: Array) -> Array:
    """The tensor in the graph's dtype and rank: a last dimension of 1 comes or goes, a cast is exact or refused."""
    if tensor.ndim != len(port.shape):
        tensor = _ranked(port, tensor)
    if tensor.dtype == port.dtype:
        return tensor
    if (tensor.dtype.name, port.dtype.name) not in EXACT:
        raise ValueError(f"{port.tensor} is {tensor.dtype.name}, the graph's {port.name} takes {port.dtype.name}")
    cast = tensor.astype(port.dtype)
    if port.dtype == np.int32 and (cast != tensor).any():
        worst = tensor[cast != tensor][0]
        raise BadRequest(f"{port.tensor} holds {worst}, outside the 32 bits that the model reads")
    return cast


def _ranked(port: Port, tensor: Array) -> Array:
    if tensor.ndim == len(port.shape) - 1 and port.shape[-1] in (1, None):
        return tensor[..., np.newaxis]
    if tensor.ndim == len(port.shape) + 1 and tensor.shape[-1] == 1:
        return tensor[..., 0]
    return tensor
