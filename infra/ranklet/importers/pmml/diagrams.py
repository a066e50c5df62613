"""A TreeModel's nodes and predicates as a binary tree: each test has a place for true, one for false, one for NaN.

PMML's trees have any number of children, each with a predicate of three truth values, and a strategy for unknown ones
(missingValueStrategy) and for nodes without a true child (noTrueChildStrategy). Here the children are asked one after
the other; where a test's unknown way is neither its true nor its false one, a test for NaN comes before it. A child
whose predicate only says the opposite of what was just found false is entered without a test.

One module of 300 lines: its functions write one another's places, and none is read without the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ranklet.importers.pmml import forests, predicates
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.dictionary import typed
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.values import Choice, Number
from ranklet.importers.trees.records import LEAF, Tree

MAX_NODES = 1_000_000
LARGEST = float(np.finfo(np.float64).max)
STRATEGIES = ("none", "defaultChild", "lastPrediction", "nullPrediction")
NO_CHILD = ("returnNullPrediction", "returnLastPrediction")


@dataclass(frozen=True)
class Outcome:
    """Where a row can end: a node with a score, or no prediction at all."""

    node: Element | None


@dataclass
class Diagram:
    """tests: (column, threshold or members) of each inner node; ends lie behind them as -1 - outcome.

    columns: what the tests look at, double [n, 1]; codes of words are doubles, NaN where they are missing.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    members: dict[int, list[float]] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)
    root: int = -1

    def tree(self) -> Tree:
        """As the tree core has it: node 0 the root, the leaves behind the tests, their values the outcomes' numbers."""
        inner = len(self.column)
        ways = np.array([*self.left, *self.right] if inner else [self.root], np.int64)
        ends = ways < 0
        leaves = (-1 - ways[ends]).astype(np.float64)
        ways[ends] = inner + np.arange(len(leaves))
        none = np.full(len(leaves), LEAF)
        pad = np.zeros(len(leaves))
        return Tree(
            left=np.concatenate([ways[:inner], none]),
            right=np.concatenate([ways[inner:] if inner else ways[:0], none]),
            feature=np.concatenate([np.array(self.column, np.int64), pad.astype(np.int64)]),
            threshold=np.concatenate([np.array(self.threshold, np.float64), pad]),
            value=np.concatenate([np.zeros(inner), leaves]),
            missing_left=np.concatenate([np.array(self.missing_left, np.bool_), pad.astype(np.bool_)]),
            members={at: np.array(sorted(set(given))) for at, given in self.members.items()},
        )

    def leaf(self, context: Context) -> str:
        """The number of each row's outcome: int64 [n, 1]."""
        return forests.leaves([self], context)


class End(NamedTuple):
    """What comes next. key: equal where it is the same. write: writes it and returns its place; each call writes it
    anew, as trees share nothing."""

    key: object
    write: Callable[[], int]


class Writer:
    """Writes one TreeModel into a diagram."""

    def __init__(self, model: Element, context: Context) -> None:
        self.model, self.context, self.made = model, context, Diagram()
        self.strategy = model.choice("missingValueStrategy", STRATEGIES, "none")
        self.childless = model.choice("noTrueChildStrategy", NO_CHILD, "returnNullPrediction")
        self.null = End("null", lambda: self._outcome(0, Outcome(None)))
        self._columns: dict[str, int] = {}
        self._ends: dict[int, int] = {}
        self._fields: dict[str, Number | Choice] = {}
        self._there: set[int] = set()

    def run(self) -> Diagram:
        """The whole model."""
        root = self.model.need("Node")
        self.made.root = self._predicate(predicates.of(root), self._node(root), self.null, self.null)
        return self.made

    def _node(self, node: Element) -> End:
        """What a row finds that reached the node."""
        children = node.all("Node")
        return End(id(node), lambda: self._children(node, children)) if children else self._end(node)

    def _children(self, node: Element, children: Sequence[Element]) -> int:
        return self._asked(node, children).write()

    def _asked(self, node: Element, children: Sequence[Element]) -> End:
        """The first of these children that is true."""
        if not children:
            return self._end(node) if self.childless == "returnLastPrediction" else self.null
        return End((id(node), len(children)), lambda: self._child(node, children))

    def _child(self, node: Element, children: Sequence[Element]) -> int:
        child, rest = children[0], children[1:]
        predicate = predicates.of(child)
        past = unknown = self._asked(node, rest)
        if rest and opposite(predicate, following := predicates.of(rest[0])):
            # Where the first is false the second is true, and where it is unknown the second is so as well.
            past = self._node(rest[0])
            unknown = past if following.tag == "True" else self._asked(node, rest[1:])
        return self._predicate(predicate, self._node(child), past, self._unknown(node, unknown))

    def _unknown(self, node: Element, past: End) -> End:
        """Where a predicate is unknown."""
        if self.strategy == "none":
            return past
        if self.strategy == "nullPrediction":
            return self.null
        if self.strategy == "lastPrediction":
            return self._end(node)
        wanted = node.get("defaultChild")
        found = next((one for one in node.all("Node") if one.get("id") == wanted), None)
        if wanted is None or found is None:
            refuse(node, "names no child of its own as defaultChild, which missingValueStrategy needs")
        return self._node(found)

    def _end(self, node: Element) -> End:
        if node.get("score") is None and not node.all("ScoreDistribution"):
            return self.null
        return End(("end", id(node)), lambda: self._outcome(id(node), Outcome(node)))

    def _outcome(self, key: int, outcome: Outcome) -> int:
        if key not in self._ends:
            self._ends[key] = len(self.made.outcomes)
            self.made.outcomes.append(outcome)
        return -1 - self._ends[key]

    def _predicate(self, predicate: Element, yes: End, no: End, unknown: End) -> int:
        if predicate.tag in ("True", "False"):
            return (yes if predicate.tag == "True" else no).write()
        if predicate.tag == "CompoundPredicate":
            operator = predicate.choice("booleanOperator", tuple(COMPOUND))
            parts = predicate.all(*predicates.TAGS)
            if len(parts) < 2:
                refuse(predicate, f"has {len(parts)} predicates; it needs two at least")
            return COMPOUND[operator](self, parts, yes, no, unknown)
        return self._single(predicate, yes, no, unknown)

    def and_(self, parts: Sequence[Element], yes: End, no: End, unknown: End) -> int:
        """False where one is false, else unknown where one is unknown."""
        first, rest = parts[0], parts[1:]
        if not rest:
            return self._predicate(first, yes, no, unknown)
        later = End(object(), lambda: self.and_(rest, unknown, no, unknown)) if unknown.key != no.key else no
        return self._predicate(first, End(object(), lambda: self.and_(rest, yes, no, unknown)), no, later)

    def or_(self, parts: Sequence[Element], yes: End, no: End, unknown: End) -> int:
        """True where one is true, else unknown where one is unknown."""
        first, rest = parts[0], parts[1:]
        if not rest:
            return self._predicate(first, yes, no, unknown)
        past = End(object(), lambda: self.or_(rest, yes, no, unknown))
        later = End(object(), lambda: self.or_(rest, yes, unknown, unknown)) if unknown.key != no.key else past
        return self._predicate(first, yes, past, later)

    def xor_(self, parts: Sequence[Element], yes: End, no: End, unknown: End) -> int:
        """Unknown where one is unknown."""
        first, rest = parts[0], parts[1:]
        if not rest:
            return self._predicate(first, yes, no, unknown)
        turned = End(object(), lambda: self.xor_(rest, no, yes, unknown))
        return self._predicate(first, turned, End(object(), lambda: self.xor_(rest, yes, no, unknown)), unknown)

    def surrogate_(self, parts: Sequence[Element], yes: End, no: End, unknown: End) -> int:
        """The first that is not unknown."""
        first, rest = parts[0], parts[1:]
        later = End(object(), lambda: self.surrogate_(rest, yes, no, unknown)) if rest else unknown
        return self._predicate(first, yes, no, later)

    def _single(self, predicate: Element, yes: End, no: End, unknown: End) -> int:
        name = predicate.name("field")
        column = self._column(name, predicate)
        if predicate.get("operator") in ("isMissing", "isNotMissing"):
            there, gone = (no, yes) if predicate.get("operator") == "isMissing" else (yes, no)
            return self._test(column, np.inf, None, there, gone, gone)
        value, members, turned = self._what(predicate, self._field(name, predicate))
        return self._test(column, value, members, *((no, yes) if turned else (yes, no)), unknown)

    def _what(self, predicate: Element, found: Number | Choice) -> tuple[float, list[float] | None, bool]:
        """Its threshold (x ≤ it is true), or members, and whether the opposite is meant."""
        raw = self.context.value(predicate.name("field"), predicate)
        if predicate.tag == "SimpleSetPredicate":
            words, operator = predicates.array(predicate.need("Array")), ""
            turned = predicate.choice("booleanOperator", ("isIn", "isNotIn")) == "isNotIn"
        else:
            words, operator = [predicate.name("value")], predicate.choice("operator", predicates.OPERATORS)
            turned = operator == "notEqual"
        if isinstance(found, Choice):
            self.context.sources.hint(raw, words)
            if operator in predicates.ORDERED:
                words = self.context.below_or_above(predicate.name("field"), operator, words[0], predicate)
            codes = [found.domain.code(word) for word in words]
            return 0.0, [float(code) for code in codes if code is not None], turned
        values = [predicates.threshold(typed(predicate, word, found.kind), found.kind) for word in words]
        self.context.sources.hint(raw, values)
        if operator not in predicates.ORDERED:
            return 0.0, values, turned
        below = float(np.nextafter(values[0], -np.inf))
        at = values[0] if operator in ("lessOrEqual", "greaterThan") else below
        return at, None, operator in ("greaterThan", "greaterOrEqual")

    def _test(self, column: int, value: float, members: list[float] | None, yes: End, no: End, unknown: End) -> int:
        """One test, and one for NaN before it where that leads elsewhere."""
        if column in self._there:
            unknown = no
        if unknown.key not in (yes.key, no.key):
            there = End(object(), lambda: self._known(column, value, members, yes, no))
            return self._write(column, np.inf, None, there, unknown, unknown)
        if members is not None and not members:
            return no.write() if unknown.key == no.key else self._write(column, np.inf, None, no, unknown, unknown)
        return self._write(column, value, members, yes, no, unknown)

    def _known(self, column: int, value: float, members: list[float] | None, yes: End, no: End) -> int:
        """A test of a value that is there, and so it is in all that comes after it."""
        self._there.add(column)
        found = self._test(column, value, members, yes, no, no)
        self._there.discard(column)
        return found

    def _write(self, column: int, value: float, members: list[float] | None, yes: End, no: End, unknown: End) -> int:
        made, at = self.made, len(self.made.column)
        if at >= MAX_NODES:
            refuse(self.model, f"makes more than {MAX_NODES} tests; at most so many are served")
        made.column.append(column)
        made.threshold.append(float(np.clip(value, -LARGEST, LARGEST)))
        made.missing_left.append(unknown.key == yes.key)
        made.left.append(0)
        made.right.append(0)
        if members is not None:
            made.members[at] = members
        made.left[at] = yes.write()
        made.right[at] = no.write()
        return at

    def _field(self, name: str, predicate: Element) -> Number | Choice:
        if name not in self._fields:
            self._fields[name] = self.context.tensor(name, predicate)
        return self._fields[name]

    def _column(self, name: str, predicate: Element) -> int:
        if name not in self._columns:
            self._columns[name] = len(self.made.columns)
            self.made.columns.append(doubles(self._field(name, predicate), self.context))
        return self._columns[name]


COMPOUND = {"and": Writer.and_, "or": Writer.or_, "xor": Writer.xor_, "surrogate": Writer.surrogate_}


def of(model: Element, context: Context) -> Diagram:
    """The diagram of a TreeModel. Raises ImportRefused naming the element that is not served."""
    return Writer(model, context).run()


def doubles(found: Number | Choice, context: Context) -> str:
    """A column for trees: numbers as they are, codes as doubles, NaN where one is missing."""
    if isinstance(found, Number):
        return found.tensor
    return context.where(context.gone(found), np.nan, context.tape.doubles(found.tensor))


def opposite(first: Element, second: Element) -> bool:
    """Whether the second predicate is true wherever the first is false, of values that are there."""
    if second.tag == "True":
        return True
    if first.tag != second.tag or first.get("field") != second.get("field"):
        return False
    if first.tag == "SimplePredicate":
        pair = {first.get("operator"), second.get("operator")}
        return first.get("value") == second.get("value") and any(pair == set(two) for two in _OPPOSITES)
    if first.tag == "SimpleSetPredicate":
        pair = {first.get("booleanOperator"), second.get("booleanOperator")}
        same = sorted(predicates.array(first.need("Array"))) == sorted(predicates.array(second.need("Array")))
        return pair == {"isIn", "isNotIn"} and same
    return False


_OPPOSITES = (
    ("lessOrEqual", "greaterThan"), ("lessThan", "greaterOrEqual"), ("equal", "notEqual"),
    ("isMissing", "isNotMissing"),
)  # fmt: skip
