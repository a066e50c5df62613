"""Raw values worth trying, as callers send them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ranklet.importers.proposal import ProposedInput
from ranklet.importers.tensorflow.values import Raw

TEXTS = ("a", "b", "Zürich", "")
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e3, -1e3, 1e-30)
MISSING = 0.2
LONGEST = 6


def proposed(raw: Raw, worth: Sequence[Any], default: Any, *, paired: bool) -> ProposedInput:
    """The line of an input. default: of an absent value, None where it must be there. paired: as long as another."""
    kind = "string" if raw.dtype == "string" else "int" if raw.dtype.startswith("int") else "float"
    fields: dict[str, Any] = {"type": kind}
    length = raw.width
    if raw.shape == (None,):
        fields |= {"list": True, "default": []}
        return ProposedInput(fields, partial(_lists, kind, tuple(worth), -1 if paired else None))
    if length == 1:
        if default is not None:
            fields["default"] = default
        return ProposedInput(fields, partial(_scalars, kind, tuple(worth), default is not None))
    if kind == "float":
        fields["length"] = length
    else:
        fields["list"] = True
    if default is not None and kind != "float":
        fields["default"] = default
    return ProposedInput(fields, partial(_lists, kind, tuple(worth), length))


def _scalars(kind: str, worth: Sequence[Any], optional: bool, random: np.random.Generator, count: int) -> list[Any]:
    found = _values(kind, worth, random, count)
    absent = random.random(count) < MISSING
    return [None if optional and gone else value for value, gone in zip(found, absent, strict=True)]


def _lists(kind: str, worth: Sequence[Any], length: int | None, random: np.random.Generator, count: int) -> list[Any]:
    """length: None for any, -1 for lengths that others have too."""
    if length == -1:
        lengths = np.arange(count) % (LONGEST + 1)
    elif kind == "float":
        lengths = np.full(count, length)
    else:
        lengths = random.integers(0, (LONGEST if length is None else length) + 1, count)
    return [_values(kind, worth, random, int(size)) for size in lengths]


def _values(kind: str, worth: Sequence[Any], random: np.random.Generator, count: int) -> list[Any]:
    if kind == "float":
        drawn = random.normal(size=count).astype(np.float32).tolist()
        special = [*FLOATS, *worth]
        chosen = random.integers(0, len(special), count)
        plain = random.random(count) < 0.5
        return [one if keep else float(special[at]) for one, at, keep in zip(drawn, chosen, plain, strict=True)]
    special = list(worth) or list(TEXTS if kind == "string" else (0, 1, 2, 3))
    return [special[at] for at in random.integers(0, len(special), count)]
