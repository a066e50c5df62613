"""Which of the model's names each token of the line can make, and of which raw values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.lines.template import LINE, Kind, Place, Token
from ranklet.importers.lines.weights import Weights

WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")
"""An integer as a writer of lines writes it."""


@dataclass(frozen=True)
class Known:
    """values: raw ones that make names of the model, each once; rows: of each. A token without a place has one row."""

    token: Token
    values: Sequence[Any]
    rows: NDArray[np.int64]


def known(weights: Weights, tokens: Sequence[Token]) -> list[Known]:
    """Of each token, whose place then has its kind and limit. Raises ImportRefused naming one that makes no name."""
    if weights.rows is None:
        return list(_indices(weights, tokens))
    return list(_names(weights.rows, tokens, weights.zeros))


def _names(rows: Mapping[str, int], tokens: Sequence[Token], zeros: int | None) -> Iterator[Known]:
    found = [_middles(rows, token) for token in tokens]
    kinds = _kinds(tokens, found)
    for token, middles in zip(tokens, found, strict=True):
        if token.place is None:
            yield Known(token, (), np.fromiter(middles.values(), np.int64, 1))
            continue
        kind = kinds[token.place.name]
        values = [middle for middle in middles if kind == "string" or WHOLE.fullmatch(middle)]
        if not values:
            raise ImportRefused(f"-o {LINE}: {token.text!r}: names with an int there, the model has none; drop :int")
        # What weighs nothing is as good as unknown; one stays where nothing else is, as no vocabulary is empty.
        values = [value for value in values if middles[value] != zeros] or values[:1]
        # In an order of their own, so that a model that was trained anew has the same words in model.toml.
        values.sort(key=int if kind == "int" else None)
        made = replace(token, place=replace(token.place, kind=kind))
        of = [int(value) for value in values] if kind == "int" else values
        yield Known(made, of, np.fromiter((middles[value] for value in values), np.int64, len(values)))


def _middles(rows: Mapping[str, int], token: Token) -> dict[str, int]:
    """What stands for the raw input in the names that the token can make → row."""
    place, before, after = token.place, token.before, token.after
    if place is None:
        found = {before: rows[before]} if before in rows else {}
    else:
        least, end = len(before) + len(after), -len(after) or None
        fits = ((name[len(before) : end], row) for name, row in rows.items() if _fits(name, before, after, least))
        found = dict(fits) if place.plus is None else dict(_less(fits, place.plus))
    if not found:
        raise ImportRefused(
            f"-o {LINE}: {token.text!r}: the model has no such name; it has {', '.join(list(rows)[:3])} …: write it as "
            "the lines had it, or leave it out"
        )
    return found


def _fits(name: str, before: str, after: str, least: int) -> bool:
    return len(name) > least and name.startswith(before) and name.endswith(after)


def _less(fits: Iterator[tuple[str, int]], plus: int) -> Iterator[tuple[str, int]]:
    for middle, row in fits:
        if WHOLE.fullmatch(middle) and int(middle) >= plus:
            yield str(int(middle) - plus), row


def _kinds(tokens: Sequence[Token], found: Sequence[Mapping[str, int]]) -> dict[str, Kind]:
    """Input → its type: as the line says, else int where all that the model knows are."""
    said: dict[str, Kind] = {}
    told: dict[str, Kind] = {}
    for token, middles in zip(tokens, found, strict=True):
        if (place := token.place) is None:
            continue
        if place.kind is not None:
            told[place.name] = place.kind
        if said.get(place.name) != "string":
            said[place.name] = "int" if all(map(WHOLE.fullmatch, middles)) else "string"
    return {**said, **told}


def _indices(weights: Weights, tokens: Sequence[Token]) -> Iterator[Known]:
    """A raw input is an index itself, or begins at one: then it ends where the next begins."""
    places = [token.place for token in tokens if token.place is not None]
    starts = {place.plus for place in places if place.plus is not None}
    starts |= {_index(weights, token) for token in tokens if token.place is None}
    for token in tokens:
        if token.place is None:
            yield Known(token, (), np.array([_index(weights, token)]))
            continue
        first = _first(weights, token, token.place)
        end = weights.count if token.place.plus is None else min(filter(first.__lt__, starts), default=weights.count)
        limit = min(end, weights.count) - first
        made = replace(token, place=replace(token.place, kind="int", limit=limit))
        yield Known(made, range(limit), np.arange(first, first + limit))


def _index(weights: Weights, token: Token) -> int:
    if (row := weights.row(token.before)) is None:
        raise ImportRefused(
            f"-o {LINE}: {token.text!r}: {token.before!r} is no index; the model has 0 … {weights.count - 1}: write "
            "the number that the lines had, or give -o names=FILE with a name and its index in each line"
        )
    return row


def _first(weights: Weights, token: Token, place: Place) -> int:
    if token.before or token.after or place.kind == "string":
        raise ImportRefused(
            f"-o {LINE}: {token.text!r}: the model has indices: write {{name}} for one, {{name+9}} for ids that begin "
            "at 9, or give -o names=FILE with a name and its index in each line"
        )
    first = place.plus or 0
    if first >= weights.count:
        raise ImportRefused(f"-o {LINE}: {token.text!r} begins at {first}; the model has 0 … {weights.count - 1}")
    return first
