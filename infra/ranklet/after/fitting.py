"""Whether the steps after the scores fit the tensors that features and steps make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from ranklet.errors import ModelError
from ranklet_features.spec import Side
from ranklet_runtime.manifest import Manifest


class Known(Protocol):
    """What is known of a tensor. shape: without the rows; None where only a request tells."""

    @property
    def dtype(self) -> str: ...

    @property
    def shape(self) -> tuple[int | None, ...] | None: ...

    @property
    def side(self) -> Side: ...


def check(manifest: Manifest, ways: Iterable[Mapping[str, Known]]) -> None:
    """ways: the tensors of each way to a score. Raises ModelError naming the field and the tensor."""
    for known in ways:
        _heads(manifest, known)
        if "diversify" in manifest.after:
            _vectors(manifest, known, manifest.after["diversify"])


def _heads(manifest: Manifest, known: Mapping[str, Known]) -> None:
    heads: Mapping[str, Any] = manifest.after["heads"]
    for name, head in heads.items():
        tensor = _there(manifest, known, head["tensor"], f"after: the head {name!r}")
        if tensor.shape is None:
            continue
        width = tensor.shape[-1] if tensor.shape else 1
        column = head.get("column")
        if len(tensor.shape) > 1 or (column is None and width not in (1, None)):
            raise ModelError(
                f"{manifest.model}: after: the head {name!r} is {head['tensor']!r} of [rows, {list(tensor.shape)}]; "
                f'name one column: after.heads.{name} = {{ tensor = "{head["tensor"]}", column = 0 }}'
            )
        if column is not None and width is not None and column >= width:
            raise ModelError(f"{manifest.model}: after.heads.{name} has column {column}, its tensor {width} columns")
    if heads and all(known[head["tensor"]].side != "item" for head in heads.values()):
        raise ModelError(
            f"{manifest.model}: after: all heads are the user's alone, so every candidate would score the same"
        )


def _vectors(manifest: Manifest, known: Mapping[str, Known], options: Mapping[str, Any]) -> None:
    name = options["vectors"]
    tensor = _there(manifest, known, name, "after.diversify.vectors")
    if tensor.side != "item" or not tensor.dtype.startswith("float"):
        raise ModelError(
            f"{manifest.model}: after.diversify.vectors is {name!r}, {tensor.dtype} of the {tensor.side}'s side; "
            "floats of an item are needed, such as an embedding of its key"
        )
    if tensor.shape is not None and len(tensor.shape) != 1:
        raise ModelError(
            f"{manifest.model}: after.diversify.vectors is {name!r} of [rows, {list(tensor.shape)}]; one vector an item"
        )
    size, width = options["size"], None if tensor.shape is None else tensor.shape[0]
    if size is not None and width is not None and size > width:
        raise ModelError(f"{manifest.model}: after.diversify.size is {size}, its vectors have {width} numbers")


def _there(manifest: Manifest, known: Mapping[str, Known], name: str, what: str) -> Known:
    if name not in known:
        raise ModelError(f"{manifest.model}: {what} is {name!r}, which nothing makes; there are {sorted(known)}")
    return known[name]
