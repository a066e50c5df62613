"""Sets of characters as Java's regular expressions have them, written out for Python's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from ranklet_features.expressions.letters import folded

ASCII = frozenset(range(128))
Range = tuple[int, int]


@dataclass(frozen=True)
class Set:
    """ascii: codes below 128. beyond: whether it has the others too, but for `some`; without it, `some` alone."""

    ascii: frozenset[int]
    beyond: bool = False
    some: tuple[Range, ...] = ()

    def written(self) -> str:
        """In brackets, as Python reads it."""
        codes = ASCII - self.ascii if self.beyond else self.ascii
        ranges = [*_ranges(codes), *self.some]
        if not ranges:
            return "[\\x00-\\U0010ffff]" if self.beyond else "[^\\x00-\\U0010ffff]"
        inside = "".join(_code(low) if low == high else f"{_code(low)}-{_code(high)}" for low, high in ranges)
        if not self.beyond and len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
            return inside
        return f"[{'^' if self.beyond else ''}{inside}]"

    def turned(self) -> Set:
        """All others."""
        return Set(ASCII - self.ascii, not self.beyond, self.some)

    def union(self, other: Set) -> Set:
        """What is in either. Of sets that have all beyond ASCII but for some, all beyond it where both lack none."""
        some = self.some + other.some
        if self.beyond or other.beyond:
            lacking = [one.some for one in (self, other) if one.beyond]
            given = [one.some for one in (self, other) if not one.beyond]
            some = () if not all(lacking) else tuple(part for ranges in lacking for part in ranges)
            if some and (len(lacking) > 1 or any(given)):
                raise ValueError("unites sets that lack characters beyond ASCII, which is not served")
        return Set(self.ascii | other.ascii, self.beyond or other.beyond, some)

    def apart(self, other: Set) -> bool:
        """Whether no character is surely in both."""
        both = (self.beyond or self.some) and (other.beyond or other.some)
        return not (self.ascii & other.ascii) and not both

    def within(self, other: Set) -> bool:
        """Whether it has ASCII characters of the other alone."""
        return self.ascii <= other.ascii and not self.beyond and not self.some


def _set(characters: str) -> Set:
    return Set(frozenset(map(ord, characters)))


_WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
ANY = Set(ASCII - {10, 13}, True, ((0x85, 0x85), (0x2028, 0x2029)))
"""What a point matches."""
CLASSES = {"w": _set(_WORD), "d": _set("0123456789"), "s": _set(" \t\n\x0b\f\r")}
CLASSES |= {name.upper(): found.turned() for name, found in CLASSES.items()}


def of(character: str, case: str) -> Set:
    """One character. case: `unicode` or `ascii` for without regard to it."""
    return between(character, character, case)


def between(low: str, high: str, case: str) -> Set:
    """A range of characters."""
    first, last = ord(low), ord(high)
    if case == "unicode":
        return _of_codes(_alike(first, last))
    codes: Iterable[int] = range(first, min(last, 127) + 1)
    if case == "ascii":
        codes = {ord(same) for one in codes for same in (chr(one).lower(), chr(one).upper()) if same.isascii()}
    some = ((max(first, 128), last),) if last > 127 else ()
    return Set(frozenset(codes), False, some)


def _of_codes(codes: Iterable[int]) -> Set:
    found = frozenset(codes)
    return Set(found & ASCII, False, tuple(_ranges(found - ASCII)))


def _alike(first: int, last: int) -> set[int]:
    """In the range, or there in capitals, or in small letters of the capitals: as Java asks of each character."""
    if first == last:
        return set(_same().get(folded(chr(first)), [first]))
    found = set(range(first, last + 1))
    for letters in _same().values():
        for one in letters:
            capital = ord(_capital(chr(one)))
            if first <= capital <= last or first <= ord(folded(chr(one))) <= last:
                found.add(one)
    return found


def _capital(one: str) -> str:
    upper = one.upper()
    return upper if len(upper) == 1 else one.title() if len(one.title()) == 1 else one


@cache
def _same() -> dict[str, list[int]]:
    """Characters by what they are without regard to case; those above have none."""
    found: dict[str, list[int]] = {}
    for code in range(0x20000):
        if not 0xD800 <= code < 0xE000:
            found.setdefault(folded(chr(code)), []).append(code)
    return found


def _ranges(codes: Iterable[int]) -> list[Range]:
    found: list[Range] = []
    for code in sorted(codes):
        if found and found[-1][1] == code - 1:
            found[-1] = (found[-1][0], code)
        else:
            found.append((code, code))
    return found


def _code(code: int) -> str:
    character = chr(code)
    if character.isascii() and character.isalnum():
        return character
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
