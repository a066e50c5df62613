"""Java's regular expressions, read into parts: sets of characters, what lies between characters, groups, repeats."""

from __future__ import annotations

import re
from typing import NamedTuple

from ranklet.importers.pmml import characters
from ranklet.importers.pmml.characters import ANY, CLASSES, Set

MAX_REPEAT, MAX_DEPTH = 1000, 20
ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
PLAIN = frozenset("!\"#%&',-/:;<=>@]_`}~ ")
"""Characters that mean themselves, as letters and digits do, and all beyond ASCII."""
LINE_ENDS = "\\n\\r\\u0085\\u2028\\u2029"
END = f"(?=(?:\\r\\n|[{LINE_ENDS}])?\\Z)(?<!\\r(?=\\n))"


class NotServed(ValueError):
    """Why a pattern is not served."""


class Bound(NamedTuple):
    """What matches between characters."""

    written: str


POINTS: dict[str, Set | Bound] = {"^": Bound("\\A"), "$": Bound(END), ".": ANY}


class Group(NamedTuple):
    """Alternatives, each a sequence."""

    ways: list[list[Item]]
    open: str


class Item(NamedTuple):
    """A part and how often: high is None without a bound."""

    node: Set | Bound | Group
    low: int = 1
    high: int | None = 1
    mode: str = ""


class Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str, case: str) -> None:
        self.text, self.at, self.case = pattern, 0, case
        self.groups, self.depth, self.bounds = 0, 0, False

    def whole(self) -> list[list[Item]]:
        if flags := re.match(r"\(\?([iu]+)\)", self.text):
            self.at = flags.end()
            if "i" in flags[1]:
                self.case = "unicode" if "u" in flags[1] or self.case else "ascii"
        ways = self._ways()
        if self.at < len(self.text):
            self._refuse()
        return ways

    def _refuse(self) -> None:
        raise NotServed(f"has {self.text[self.at : self.at + 6]!r} at {self.at}, which is not served")

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _ways(self) -> list[list[Item]]:
        ways = [self._sequence()]
        while self._next() == "|":
            self.at += 1
            ways.append(self._sequence())
        return ways

    def _sequence(self) -> list[Item]:
        items: list[Item] = []
        while self._next() not in ("", "|", ")"):
            items.append(self._repeated(self._node()))
        return items

    def _node(self) -> Set | Bound | Group:
        one = self._next()
        if one == "(":
            return self._group()
        if one == "[":
            return self._class()
        if one == "\\":
            return self._escape()
        self.at += 1
        if one in POINTS:
            return POINTS[one]
        if one.isascii() and not (one.isalnum() or one in PLAIN):
            self.at -= 1
            self._refuse()
        return characters.of(one, self.case)

    def _group(self) -> Group:
        plain = self.text.startswith("(?:", self.at)
        if not plain and self.text.startswith("(?", self.at):
            self._refuse()
        if self.depth == MAX_DEPTH:
            raise NotServed(f"nests more than {MAX_DEPTH} groups")
        self.groups += not plain
        self.at += 3 if plain else 1
        self.depth += 1
        ways = self._ways()
        self.depth -= 1
        if self._next() != ")":
            raise NotServed("has an open parenthesis")
        self.at += 1
        return Group(ways, "(?:" if plain else "(")

    def _escape(self) -> Set | Bound:
        one = self.text[self.at + 1 : self.at + 2]
        if one in CLASSES:
            self.at += 2
            return CLASSES[one]
        if one and one in "bB":
            self.at += 2
            self.bounds = True
            return Bound(f"\\{one}")
        return characters.of(self._letter(), self.case)

    def _letter(self) -> str:
        """One character, which a backslash may stand before."""
        one = self._next()
        self.at += 1
        if one != "\\":
            return one
        escaped = self._next()
        if escaped in ESCAPES:
            self.at += 1
            return ESCAPES[escaped]
        if not escaped or (escaped.isascii() and escaped.isalnum()):
            self.at -= 1
            self._refuse()
        self.at += 1
        return escaped

    def _class(self) -> Set:
        """A set in brackets, of characters, ranges and escapes."""
        self.at += 1
        turned = self._next() == "^"
        self.at += turned
        found: Set | None = None
        while self._next() != "]" or found is None:
            if self._next() in ("", "[", "]") or self.text.startswith("&&", self.at):
                self._refuse()
            part = self._part()
            found = part if found is None else found.union(part)
        self.at += 1
        return found.turned() if turned else found

    def _part(self) -> Set:
        if self.text[self.at + 1 : self.at + 2] in CLASSES and self._next() == "\\":
            self.at += 2
            return CLASSES[self.text[self.at - 1]]
        low = self._letter()
        if self._next() != "-" or self.text[self.at + 1 : self.at + 2] == "]":
            return characters.of(low, self.case)
        self.at += 1
        if self._next() in ("", "[") or (self.text[self.at + 1 : self.at + 2] in CLASSES and self._next() == "\\"):
            self._refuse()
        high = self._letter()
        if high < low:
            raise NotServed(f"has the range {low!r} to {high!r}")
        return characters.between(low, high, self.case)

    def _repeated(self, node: Set | Bound | Group) -> Item:
        found = re.compile(r"(?:([*+?])|\{(\d{1,4})(,(\d{0,4}))?\})([?+]?)").match(self.text, self.at)
        if found is None:
            return Item(node)
        if isinstance(node, Bound):
            self._refuse()
        self.at = found.end()
        if found[1]:
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[found[1]]
        else:
            low = int(found[2])
            high = low if found[3] is None else int(found[4]) if found[4] else None
        if max(low, high or 0) > MAX_REPEAT or (high is not None and high < low):
            raise NotServed(f"repeats {found[0]!r}; at most {MAX_REPEAT} are served")
        return Item(node, low, high, found[5])
