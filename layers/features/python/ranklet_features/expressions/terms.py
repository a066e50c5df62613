"""Terms counted in texts, as PMML's TextIndex does (dmg.org, Transformations): a text is normalised by tables, parted
into words, and the term's own words are looked for in it.

Patterns come in Python's writing and are safe to ask of texts up to `limit` characters (the importer of PMML checks
that). A text may be an item's name or a user's query: what is found of it is kept for the next request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from ranklet_features.expressions.letters import distance, folded, trimmed, view
from ranklet_features.expressions.patterns import Pattern, TooMuch, bounded
from ranklet_features.expressions.values import Array, Columns, Kind, Made, refuse
from ranklet_features.lean import dataclass, field

Weight = Literal["count", "binary", "log"]
Words = tuple[str, ...]
ROUNDS = 100
"""Of a table that is applied until it changes nothing."""
ROOM = 1 << 20
"""Characters of texts whose words are kept."""


@dataclass(frozen=True)
class Index:
    """words, or separator: a pattern of words, or of what is between them. view: whether it has `\\b`.

    case: whether letters must be of the same case. distance: how many characters of a term may be other ones, or
    missing; best: of several hits, only those of the least distance count. tables: what is replaced before, in order.
    limit: characters of a text.
    """

    words: str | None = None
    separator: str = "[ \\t\\n\\x0b\\f\\r]+"
    view: bool = False
    case: bool = False
    distance: int = 0
    best: bool = False
    weight: Weight = "count"
    tables: Sequence[Any] = ()
    limit: int = 100_000


@dataclass
class Memory:
    """What was made of texts, until they have more characters than there is room for."""

    known: dict[str, Any] = field(default_factory=dict)
    room: int = ROOM

    def keep(self, text: str, made: Any) -> Any:
        """Returns what was made."""
        self.room -= len(text) + 64
        if self.room < 0:
            self.known.clear()
            self.room = ROOM
        self.known[text] = made
        return made


class Tokens:
    """An index compiled. Raises SpecError for one that is none."""

    def __init__(self, written: str) -> None:
        try:
            self.index = Index(**json.loads(written))
            self._pattern = re.compile(self.index.separator if self.index.words is None else self.index.words)
            self._tables = [
                ([Pattern(re.compile(find), seen, self.index.limit, put) for find, put, seen in rows], recursive)
                for rows, recursive in self.index.tables
            ]
        except (TypeError, ValueError, re.error) as error:
            raise refuse(f"{written[:80]} is no index of terms ({error})") from error
        if self.index.weight not in WEIGHTS or self.index.distance < 0:
            raise refuse(f"an index of terms has the weight {self.index.weight!r} and distance {self.index.distance}")
        self._memory, self._near = Memory(), dict[tuple[str, str, int], int]()

    @property
    def kind(self) -> Kind:
        """Of what is counted."""
        return "double" if self.index.weight == "log" else "integer"

    def weighed(self, counts: Array) -> Array:
        """What counts are told as."""
        return WEIGHTS[self.index.weight](counts)

    def of(self, text: str) -> Words:
        """The words of a text. Raises TooMuch for one that is too long, or becomes so."""
        found: Words | None = self._memory.known.get(text)
        if found is not None:
            return found
        changed = bounded(text, self.index.limit)
        for rows, recursive in self._tables:
            changed = self._normalised(changed, rows, recursive=recursive)
        made: Words = self._memory.keep(text, self.term(changed))
        return made

    def term(self, text: str) -> Words:
        """The words of a term, which no table changes."""
        if not text:
            return ()
        seen = view(text) if self.index.view else text
        spans = [found.span() for found in self._pattern.finditer(seen)]
        if self.index.words is not None:
            words: Iterable[str] = (text[start:end] for start, end in spans)
        else:
            starts, ends = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)]
            words = (trimmed(text[start:end]) for start, end in zip(starts, ends, strict=True) if start < end)
            words = (word for word in words if word)
        if self.index.case or self.index.distance:
            return tuple(words)
        return tuple(map(folded, words))

    def count(self, text: Words, term: Words) -> int:
        """How often a term is found, by its words in a row."""
        if not term:
            return 0
        if not self.index.distance:
            return sum(text[at : at + len(term)] == term for at in range(len(text) - len(term) + 1))
        found = [self._apart(text[at : at + len(term)], term) for at in range(len(text) - len(term) + 1)]
        hits = [one for one in found if one is not None]
        return hits.count(min(hits)) if hits and self.index.best else len(hits)

    def _normalised(self, text: str, rows: Sequence[Pattern], *, recursive: bool) -> str:
        for _ in range(ROUNDS):
            before = text
            for row in rows:
                text = bounded(row.replaced(text), self.index.limit)
            if not recursive or text == before:
                return text
        raise TooMuch(f"still changes after {ROUNDS} rounds of a table that is applied until nothing does")

    def _apart(self, words: Words, term: Words) -> int | None:
        """How many characters are other ones in all, None for more than may be."""
        left = self.index.distance
        for word, wanted in zip(words, term, strict=True):
            found = self._between(word, wanted, left)
            if found < 0:
                return None
            left -= found
        return self.index.distance - left

    def _between(self, word: str, wanted: str, most: int) -> int:
        """The distance of two words, -1 for more than `most`."""
        if len(word) > 2 * len(wanted) + most:
            return -1  # and not kept, however long it is
        key = (word, wanted, most)
        if key not in self._near:
            if len(self._near) > ROOM // 16:
                self._near.clear()
            self._near[key] = self._measured(word, wanted, most)
        return self._near[key]

    def _measured(self, word: str, wanted: str, most: int) -> int:
        if most == 0:
            same = word == wanted if self.index.case else folded(word) == folded(wanted)
            return 0 if same else -1
        return distance(word, wanted, most, case=self.index.case)


WEIGHTS: dict[str, Callable[[Array], Array]] = {
    "count": lambda counts: counts,
    "binary": lambda counts: np.minimum(counts, 1.0),
    "log": lambda counts: np.log10(1.0 + counts),
}
"""Weight → what it makes of counts."""


def counted(text: Made, term: Made, written: str) -> Made:
    """How often a term is found in each text. Raises SpecError for an index that is none."""
    index = tokens(written)

    def run(columns: Columns) -> Array:
        rows = np.broadcast_arrays(text.run(columns), term.run(columns))
        found = np.full(len(rows[0]), np.nan)
        for row, (one, other) in enumerate(zip(*(part.tolist() for part in rows), strict=True)):
            if one is not None and other is not None:
                try:
                    found[row] = index.count(index.of(one), index.term(other))
                except TooMuch as error:
                    raise columns[text.fields[0]].fault(row, str(error)) from error
        return index.weighed(found)

    return Made(index.kind, run, tuple(dict.fromkeys((*text.fields, *term.fields))))


@lru_cache(maxsize=64)
def tokens(written: str) -> Tokens:
    """One for all that ask for the same index. Raises SpecError."""
    return Tokens(written)
