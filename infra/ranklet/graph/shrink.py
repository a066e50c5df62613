"""A model whose tables are too large to run it as a whole, with only their first rows: for a look at its values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import onnx_ir as ir

from ranklet.graph.feeds import InputKind

SMALL = 256 * 2**20
"""A model of fewer bytes is run as it is."""

ROWS = 1000
"""Rows that are left of a table, and the limit of ids then."""


def nbytes(model: ir.Model) -> int:
    """Of all weights, those in files of their own among them."""
    return sum(v.const_value.nbytes for v in model.graph.initializers.values() if v.const_value is not None)


def shrunk(model: ir.Model, kinds: Iterable[InputKind]) -> tuple[ir.Model, tuple[InputKind, ...]]:
    """The same model where it is small; else a copy with shorter matrices, and inputs whose ids stay within them.

    External data is mapped, and of it only those rows are read. Ids that the graph computes may lie outside: it does
    not run then.
    """
    kinds = tuple(kinds)
    if nbytes(model) < SMALL:
        return model, kinds
    copy = model.clone()
    for value in copy.graph.initializers.values():
        tensor = value.const_value
        if tensor is not None and len(tensor.shape) == 2 and tensor.shape.numpy()[0] > ROWS:
            value.const_value = ir.tensor(tensor.numpy()[:ROWS].copy())
            value.shape = value.const_value.shape  # type: ignore[assignment]
    return copy, tuple(replace(k, limit=min(k.limit, ROWS)) if k.limit is not None else k for k in kinds)
