"""How a row's categories come to a model that was trained with a categorical_encoding of its own.

What such a model reads are columns that H2O's wrapper makes of those that callers send (`_orig_names`). A word that is
not known gets a place of its own; a missing one leaves the columns missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.h2o.columns import NAN, Cell, Columns, Floats, Level, Number
from ranklet.importers.h2o.mojo import Domain, Mojo, refuse_unknown

KEY = "_genmodel_encoding"
PLAIN = ("AUTO", "Enum", "SortByResponse", "OneHotInternal")
"""In which columns come as they are."""
MAX_WIDE = 1 << 22
"""Numbers of one column's table."""
OTHER = "other"


class Original(NamedTuple):
    """A column as callers send it. at: of the levels of all columns before it, the count."""

    name: str
    domain: Domain | None
    at: int


def cells(mojo: Mojo, columns: Columns) -> list[Cell]:
    """What `score0` gets. Raises ImportRefused for an encoding that is not known."""
    encoding = mojo.text(KEY, "AUTO")
    if encoding in PLAIN:
        return columns.cells(mojo)
    if encoding not in ENCODINGS:
        raise refuse_unknown("categorical_encoding", encoding, (*PLAIN, *ENCODINGS))
    found = list(ENCODINGS[encoding](mojo, columns, list(_originals(mojo))))
    if len(found) != len(mojo.features):
        raise ImportRefused(f"{encoding} makes {len(found)} columns, and the model reads {len(mojo.features)}")
    return found


def _originals(mojo: Mojo) -> Iterator[Original]:
    names, at = mojo.lines("_orig_names"), 0
    for place, name in enumerate(names[: len(names) - mojo.flag("supervised")]):
        size = mojo.whole(f"_m_orig_domain_values_{place}", 0)
        domain = mojo.lines(f"_orig_domain_values_{place}") if size else None
        if domain is not None and len(domain) != size:
            raise ImportRefused(f"_orig_domain_values_{place} has {len(domain)} words of {size}")
        yield Original(name, domain, at)
        at += size


def _level(one: Original, columns: Columns) -> Level:
    assert one.domain is not None
    return columns.level(one.name, one.domain, {word: at for at, word in enumerate(one.domain)})


def _numbers_first(
    columns: Columns, originals: list[Original], spread: Callable[[Original], Iterator[Cell]]
) -> Iterator[Cell]:
    for one in originals:
        if one.domain is None:
            yield columns.cell(one.name, None)
    for one in originals:
        if one.domain is not None:
            yield from spread(one)


def _spread(columns: Columns, one: Original, table: Floats, unknown: Floats) -> Iterator[Cell]:
    """Several columns of a level: missing where it is."""
    found = columns.lookup(_level(one, columns), table, NAN, unknown=unknown)
    for at in range(table.shape[1]):
        yield Number(columns.tape.columns(found, [at]))


def _one_hot(mojo: Mojo, columns: Columns, originals: list[Original]) -> Iterator[Cell]:
    def spread(one: Original) -> Iterator[Cell]:
        size = len(one.domain or ()) + 1
        if size * size > MAX_WIDE:
            raise ImportRefused(f"column {one.name!r} has {size - 1} levels, too many for OneHotExplicit")
        hot = np.eye(size)
        yield from _spread(columns, one, hot[:-1], hot[-1:])

    yield from _numbers_first(columns, originals, spread)


def _binary(mojo: Mojo, columns: Columns, originals: list[Original]) -> Iterator[Cell]:
    """The bits of a level's place from 1, the lowest first."""

    def spread(one: Original) -> Iterator[Cell]:
        size = len(one.domain or ())
        bits = np.arange(1, size + 1)[:, None] >> np.arange(size.bit_length()) & 1
        yield from _spread(columns, one, bits.astype(np.float64), np.zeros((1, bits.shape[1])))

    yield from _numbers_first(columns, originals, spread)


def _eigen(mojo: Mojo, columns: Columns, originals: list[Original]) -> Iterator[Cell]:
    """A number of 32 bits for each level."""
    projected = mojo.narrowed("_orig_projection_array")
    for one in originals:
        if one.domain is None:
            yield columns.cell(one.name, None)
            continue
        table = projected[one.at : one.at + len(one.domain)]
        if len(table) != len(one.domain):
            raise ImportRefused(f"_orig_projection_array has {len(projected)} numbers, too few for {one.name!r}")
        yield Number(columns.lookup(_level(one, columns), table[:, None], NAN))


def _limited(mojo: Mojo, columns: Columns, originals: list[Original]) -> Iterator[Cell]:
    """The most frequent levels; all others are one."""
    for at, one in enumerate(originals):
        domain = mojo.domains.get(at)
        if one.domain is None or domain is None:
            yield columns.cell(one.name, None)
            continue
        places = {word: place for place, word in enumerate(domain)}
        if OTHER in places:
            rest = places[OTHER]
            places = dict.fromkeys(one.domain, rest) | places
            del places[OTHER]
        prefix, suffix = f"{one.name}.top_", "_levels"
        short = {
            word[len(prefix) : -len(suffix)]: place
            for word, place in places.items()
            if word.startswith(prefix) and word.endswith(suffix)
        }
        yield columns.level(one.name, domain, short | places)


def _labels(mojo: Mojo, columns: Columns, originals: list[Original]) -> Iterator[Cell]:
    """A level that looks like a whole number is that number, another one its place."""
    for one in originals:
        if one.domain is None:
            yield columns.cell(one.name, None)
            continue
        values = [_label(word, place) for place, word in enumerate(one.domain)]
        yield Number(columns.lookup(_level(one, columns), np.array(values, np.float64).reshape(-1, 1), NAN))


def _label(word: str, place: int) -> float:
    digits = word[1:] if word[:1] in ("+", "-") else word
    whole = digits.isascii() and digits.isdigit() and len(digits) < 11
    return float(int(word)) if whole and -(2**31) <= int(word) < 2**31 else float(place)


ENCODINGS: Mapping[str, Callable[[Mojo, Columns, list[Original]], Iterator[Cell]]] = {
    "OneHotExplicit": _one_hot,
    "Binary": _binary,
    "Eigen": _eigen,
    "EnumLimited": _limited,
    "LabelEncoder": _labels,
}
"""Encoding → the columns that it makes."""
