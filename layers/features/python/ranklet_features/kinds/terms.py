"""What many terms are worth in a text, side by side, by how often each is found: what PMML's TextIndex makes of a
vocabulary.

A text is parted into words once for all terms; an exact index then looks each run of words up, whatever the number of
terms is. A count is worth the same for each term but for a factor, so that a table of counts says it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet_features.columns import Column, Reader
from ranklet_features.errors import SpecError
from ranklet_features.expressions import forms
from ranklet_features.expressions.compiling import compile_expression
from ranklet_features.expressions.letters import folded
from ranklet_features.expressions.patterns import TooMuch
from ranklet_features.expressions.terms import Memory, Tokens, Words, tokens
from ranklet_features.expressions.values import Made
from ranklet_features.kinds.base import Array, Compiled, Scope, Tensor, Values, side_of
from ranklet_features.lean import dataclass
from ranklet_features.spec import Input

COUNT = "count"
"""What `then` calls the count."""


@dataclass(frozen=True)
class Options:
    """expr: the text, in JSON, see `ranklet_features.expressions`. index: see `terms.Index`, in JSON.

    vocabulary: a .json file of the bundle, `[term, factor]` for each column. then: what a count is worth before the
    factor, an expression of the field `count`; without it, the count itself. narrow: round what it makes to 32 bits.
    """

    expr: str
    vocabulary: str
    index: str = "{}"
    then: str | None = None
    narrow: bool = False


class Terms(Compiled):
    """float64 [n, terms]; NaN where the text is missing, unless `then` says more."""

    schema = Options

    def __init__(
        self,
        made: Made,
        index: Tokens,
        then: Made | None,
        given: Sequence[tuple[str, float]],
        scope: Scope,
        *,
        narrow: bool,
    ) -> None:
        side = side_of([scope.inputs[name].side for name in scope.of])
        super().__init__(scope, {scope.feature: Tensor("float64", (len(given),), side)})
        self.made, self.tokens, self.then, self._memory = made, index, then, Memory()
        self.lead = next(name for name in scope.of if scope.inputs[name].side == side)
        self.columns: dict[Words, list[int]] = {}
        for at, (term, _) in enumerate(given):
            self.columns.setdefault(index.term(term), []).append(at)
        self.columns.pop((), None)  # a term of no words is never found
        self.lengths = sorted({len(found) for found in self.columns})
        self.close = Close(self.columns, index.index.distance) if index.index.distance else None
        self.factors = np.array([factor for _, factor in given])
        self.narrow, self.worth = narrow, self._table(3)
        self.none, self.gone = (self._narrowed(self.worth[at] * self.factors) for at in (0, -1))

    @classmethod
    def compile(cls, options: Options, scope: Scope) -> Self:
        for name in scope.of:
            scope.input(name, ("int", "float", "string"), ("scalar",))
        try:
            made = forms.cast(compile_expression(json.loads(options.expr), scope.inputs), "string")
            index, then = tokens(options.index), None
            if options.then is not None:
                then = compile_expression(json.loads(options.then), {COUNT: Input("item")})
        except (SpecError, ValueError) as error:
            raise scope.error(str(error)) from error
        if stray := sorted(set(made.fields) - set(scope.of)):
            raise scope.error(f"it reads {stray[0]!r}, which stands not in of")
        if then is not None and not then.number:
            raise scope.error(f"then makes a {then.kind}, which must be a number")
        return cls(made, index, then, _read(options.vocabulary, scope), scope, narrow=options.narrow)

    def run(self, values: Values) -> dict[str, Array]:
        texts = self.made.run(values.columns).tolist()
        made = np.empty((len(texts), len(self.factors)))
        made[:] = self.none
        for row, text in enumerate(texts):
            if text is None:
                made[row] = self.gone
                continue
            try:
                columns, found = self._memory.known.get(text) or self._memory.keep(text, self._found(text))
            except TooMuch as error:
                raise values.columns[self.made.fields[0]].fault(row, str(error)) from error
            made[row, columns] = found
        if len(texts) != (rows := values.columns[self.lead].rows):
            made = np.ascontiguousarray(np.broadcast_to(made, (rows, made.shape[1])))
        return {self.name: made}

    def _table(self, most: int) -> Array:
        """What counts from 0 are worth, and behind them (at -1) a missing one."""
        counts = self.tokens.weighed(np.array([*range(most + 1), np.nan]))
        if self.then is None:
            return counts
        column = Column(Reader(COUNT, Input("item")), len(counts), counts)
        return np.broadcast_to(self.then.run({COUNT: column}), counts.shape)

    def _found(self, text: str) -> tuple[NDArray[np.intp], Array]:
        """Columns of the terms that a text has, and what they are worth."""
        words = self.tokens.of(text)
        hits = self._exact(words) if self.close is None else self._near(words, self.close)
        columns = np.array([at for term in hits for at in self.columns[term]], np.intp)
        counts = np.array([count for term, count in hits.items() for _ in self.columns[term]], np.intp)
        if (most := int(counts.max(initial=0))) > len(self.worth) - 2:
            self.worth = self._table(most)
        return columns, self._narrowed(self.worth[counts] * self.factors[columns])

    def _narrowed(self, found: Array) -> Array:
        if not self.narrow:
            return found
        with np.errstate(over="ignore"):
            return found.astype(np.float32).astype(np.float64)

    def _exact(self, words: Words) -> Mapping[Words, int]:
        found, known = Counter[Words](), self.columns
        for length in self.lengths:
            for at in range(len(words) - length + 1):
                if (term := words[at : at + length]) in known:
                    found[term] += 1
        return found

    def _near(self, words: Words, close: Close) -> Mapping[Words, int]:
        terms = dict.fromkeys(term for word in words for term in close.to(word))
        counted = {term: self.tokens.count(words, term) for term in terms}
        return {term: count for term, count in counted.items() if count}


class Close:
    """Terms whose first word may be within a distance of another word: both are the same without some letters."""

    def __init__(self, terms: Iterable[Words], distance: int) -> None:
        self.terms, self.distance = list(terms), distance
        self._parts: dict[str, list[Words]] | None = {} if distance <= MOST_LEFT_OUT else None
        self._memory = Memory()
        for term in self.terms if self._parts is not None else ():
            for part in _without(folded(term[0]), distance):
                self._parts.setdefault(part, []).append(term)  # type: ignore[union-attr]

    def to(self, word: str) -> Sequence[Words]:
        """Some that are further away may be among them."""
        if self._parts is None or len(word) > LONG:
            return self.terms
        found: Sequence[Words] | None = self._memory.known.get(word)
        if found is None:
            parts, known = _without(folded(word), self.distance), self._parts
            found = self._memory.keep(word, list(dict.fromkeys(term for part in parts for term in known.get(part, ()))))
        return found


MOST_LEFT_OUT, LONG = 2, 40


def _without(word: str, letters: int) -> set[str]:
    """The word without up to so many letters; a long one is beyond all that are asked."""
    found = last = {word}
    for _ in range(letters if len(word) <= LONG + letters else 0):
        last = {one[:at] + one[at + 1 :] for one in last for at in range(len(one))}
        found = found | last
    return found


def _read(name: str, scope: Scope) -> list[tuple[str, float]]:
    try:
        given = orjson.loads((scope.folder / name).read_bytes())
    except (OSError, ValueError) as error:
        raise scope.error(f"cannot read the vocabulary {name!r}: {error}") from error
    if not isinstance(given, list) or not given:
        raise scope.error(f"the vocabulary {name!r} must be a list of [term, factor]")
    for one in given:
        if not (isinstance(one, list) and [type(part) for part in one] in ([str, float], [str, int])):
            raise scope.error(f"the vocabulary {name!r} has {one!r}, which must be a text and a number")
    return [(term, float(factor)) for term, factor in given]
