"""Arrays of numbers, dense and sparse."""

from __future__ import annotations

import numpy as np

from ranklet.importers.pmml.markup import Element, number, refuse
from ranklet.importers.pmml.predicates import array
from ranklet.importers.trees.records import Floats

MAX_LENGTH = 10_000_000


def numbers(element: Element, length: int | None = None) -> Floats:
    """An Array or a REAL-SparseArray as doubles. length: how many there must be. Raises ImportRefused."""
    if element.tag == "Array":
        found = np.array([number(element, word, "a value") for word in array(element)])
    else:
        found = _sparse(element, length)
    if length is not None and len(found) != length:
        refuse(element, f"holds {len(found)} numbers, not {length}")
    return found


def _sparse(element: Element, length: int | None) -> Floats:
    count = element.whole("n", length)
    if not 0 <= count <= MAX_LENGTH:
        refuse(element, f"says n = {count}; at most {MAX_LENGTH} are read")
    indices, entries = element.one("Indices"), element.one("REAL-Entries")
    places = [] if indices is None else indices.text.split()
    values = [] if entries is None else entries.text.split()
    if len(places) != len(values):
        refuse(element, f"has {len(places)} indices and {len(values)} entries")
    found = np.full(count, element.number("defaultValue", 0.0))
    for place, value in zip(places, values, strict=True):
        at = number(element, place, "an index")
        if at != int(at) or not 1 <= at <= count:
            refuse(element, f"has the index {place}, which is none of 1 to {count}")
        found[int(at) - 1] = number(element, value, "an entry")
    return found
