"""What the short way's forms share: which inputs there are, what a plain request holds, and who reads one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ranklet_features.spec import Input, ValueType
from ranklet_runtime.manifest import Manifest

NUMBERS: Mapping[ValueType, str] = {"int": "i", "float": "d"}
"""Type of an input → the letter of its numbers as a buffer."""
LONGEST = 1_000_000
"""Bytes of an answer that is surely let through."""


class Inputs(NamedTuple):
    """The model's inputs as forms look at them.

    once: side (`user`, `context`) → the names that may come there. items: item's input → the letter of its numbers, ""
    for what comes as a list. defaults: of what comes once. key: the item input that names a candidate.
    limit: of candidates.
    """

    once: Mapping[str, frozenset[str]]
    items: Mapping[str, str]
    defaults: Mapping[str, Any]
    key: str
    limit: int

    @classmethod
    def of(cls, manifest: Manifest) -> Inputs:
        declared = {name: one for name, one in manifest.spec.inputs.items() if not one.unread}
        sides: dict[str, list[str]] = {"user": [], "context": [], "item": []}
        for name, one in declared.items():
            sides[one.side].append(name)
        return cls(
            {side: frozenset(sides[side]) for side in ("user", "context")},
            {name: _letter(declared[name]) for name in sides["item"]},
            {name: declared[name].default for side in ("user", "context") for name in sides[side]},
            manifest.item_key or "",
            manifest.limits.items,
        )


class Asked(NamedTuple):
    """A plain request. once: values of user and context, defaults among them. items: columns of n values each.

    note: the dialect's own, for its `encode`. made: the form's own, for its. tensors: what the client sent instead of
    features, in the places of once and items.
    """

    once: Mapping[str, Any]
    items: Mapping[str, Any]
    n: int
    top_k: int | None
    note: Any
    made: Any = None
    tensors: Mapping[str, NDArray[Any]] | None = None


class Form(Protocol):
    """Reads and answers requests in one form of one dialect."""

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Asked | None:
        """None for what is in another form, unusual or wrong; never raises."""
        ...

    def encode(self, scores: NDArray[np.float32], asked: Asked) -> dict[str, Any] | None:
        """The event's answer that tells scores alone; None where the dialect is to write it."""
        ...


def nested(declared: Input) -> bool:
    """Whether one value is a list."""
    return declared.list or declared.length is not None


def _letter(declared: Input) -> str:
    return "" if nested(declared) else NUMBERS.get(declared.type, "")
