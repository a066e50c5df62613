"""Letters as Java sees them: their case, punctuation around words, where words end, and how far words are apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import eq
from typing import Any

import numpy as np

PUNCTUATION = "!\"#%&'()*,-./:;?@[\\]_{}"
"""That of ASCII."""


def distance(word: str, wanted: str, most: int, *, case: bool) -> int:
    """Levenshtein's, -1 for more than `most`. case: whether letters of another case are other ones."""
    if case or (word.isascii() and wanted.isascii()):
        one, other = (word, wanted) if case else (word.lower(), wanted.lower())
        return _distance(units(one), units(other), most, eq)
    return _distance(_cases(word), _cases(wanted), most, _alike)


def _distance(one: Sequence[Any], other: Sequence[Any], most: int, same: Callable[[Any, Any], bool]) -> int:
    if abs(len(one) - len(other)) > most:
        return -1
    row = list(range(len(other) + 1))
    for at, left in enumerate(one, start=1):
        before, row[0] = row[0], at
        for place, right in enumerate(other, start=1):
            kept = row[place]
            row[place] = before if same(left, right) else 1 + min(before, kept, row[place - 1])
            before = kept
        if min(row) > most:
            return -1
    return row[-1] if row[-1] <= most else -1


def _cases(word: str) -> list[tuple[str, str]]:
    """Each unit, small and in capitals."""
    return [(_lower(unit), _upper(unit)) for unit in units(word)]


def _alike(one: tuple[str, str], other: tuple[str, str]) -> bool:
    return one[0] == other[0] or one[1] == other[1]


def units(word: str) -> str:
    """Characters as Java counts them: those beyond 16 bits are two."""
    if word.isascii() or max(word) <= "\uffff":
        return word
    return "".join(map(chr, np.frombuffer(word.encode("utf-16-le", "surrogatepass"), "<u2").tolist()))


def folded(text: str) -> str:
    """Without regard to case, as Java's equalsIgnoreCase: each character's capital, made small."""
    if text.isascii():
        return text.lower()
    return "".join([_lower(_upper(one)) for one in text])


def _upper(one: str) -> str:
    """The one capital of a character; ß has none."""
    found = one.upper()
    if len(found) == 1:
        return found
    return found if len(found := one.title()) == 1 else one


def _lower(one: str) -> str:
    return "i" if one == "\u0130" else one.lower()


def trimmed(word: str) -> str:
    """Without punctuation around it, of any script."""
    if word.isascii():
        return word.strip(PUNCTUATION)
    from unicodedata import category

    start, end = 0, len(word)
    while start < end and word[start] <= "\uffff" and category(word[start])[0] == "P":
        start += 1
    while end > start and word[end - 1] <= "\uffff" and category(word[end - 1])[0] == "P":
        end -= 1
    return word[start:end]


def view(text: str) -> str:
    """A text of the same length, as the ends of words are seen: what is part of one and beyond ASCII is é, the rest
    beyond it is ¿. A mark upon a letter or digit is part of its word."""
    if text.isascii():
        return text
    from unicodedata import category

    seen, base = [], False
    for one in text:
        if one.isascii():
            seen.append(one)
            base = one.isalnum()
            continue
        kind = category(one)
        base = kind[0] == "L" or kind == "Nd" or (kind == "Mn" and base)
        seen.append("é" if base else "¿")
    return "".join(seen)
