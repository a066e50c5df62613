"""Classification trees where a row with missing values counts for several leaves (dmg.org, TreeModel):

aggregateNodes takes all leaves that it could reach, and adds up their records; weightedConfidence takes the children of
a node by their share of its records, and adds up confidences so weighted, within children as well. The class with the
most wins. JPMML has neither of them: they are held to pmml4s, and to the specification's own examples.

Every node is a weight here, double [n, 1], rather than a test: a row has several ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ranklet.importers.pmml import predicates
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Choice, Domain
from ranklet.importers.pmml.winners import winner
from ranklet.importers.trees.records import Floats

WEIGHTED, AGGREGATED = "weightedConfidence", "aggregateNodes"
STRATEGIES = (WEIGHTED, AGGREGATED)
NO_CHILD = ("returnNullPrediction", "returnLastPrediction")
MAX_NODES = 5000


@dataclass
class Reached:
    """ends: nodes whose numbers count, and by how much. guessed: masks of rows that took an unknown way."""

    ends: list[tuple[Element, str]] = field(default_factory=list)
    guessed: list[str] = field(default_factory=list)


def build(model: Element, context: Context) -> Result:
    """As the protocol of models says. Raises ImportRefused for a regression, which has no classes to add up."""
    strategy = model.choice("missingValueStrategy", STRATEGIES)
    if model.choice("functionName", ("regression", "classification")) == "regression":
        refuse(model, f"has missingValueStrategy = {strategy!r} in a regression, which is not served")
    if sum(one.tag == "Node" for one in model.walk()) > MAX_NODES:
        refuse(model, f"has more than {MAX_NODES} nodes; at most so many are served with {strategy}")
    root, walk = model.need("Node"), _Walk(model, context, strategy)
    walk.node(root, walk.root(root))
    if not walk.found.ends:
        refuse(root, "has no node that can be reached")
    return _result(model, walk.found, context, strategy=strategy)


class _Walk:
    """Goes through the tree from its root."""

    def __init__(self, model: Element, context: Context, strategy: str) -> None:
        self.model, self.context, self.strategy, self.found = model, context, strategy, Reached()
        self.last = model.choice("noTrueChildStrategy", NO_CHILD, NO_CHILD[0]) == NO_CHILD[1]

    def root(self, node: Element) -> str:
        """Its weight: 1 where its predicate holds."""
        tape, predicate = self.context.tape, predicates.of(node)
        if not predicates.always(predicate):
            return tape.doubles(predicates.build(predicate, self.context).yes)
        tests = [one for one in node.walk() if one.tag in ("SimplePredicate", "SimpleSetPredicate")]
        if not tests:
            return tape.op("Add", self.context.sources.rows(), 1.0)
        some = predicates.build(tests[0], self.context).yes
        return tape.doubles(tape.op("Or", some, tape.op("Not", some)))

    def node(self, node: Element, weight: str) -> None:
        """A node with what reached it."""
        children = [one for one in node.all("Node") if predicates.of(one).tag != "False"]
        if not node.all("Node"):
            self.found.ends.append((node, weight))
            return
        tape = self.context.tape
        shares = _shares(node, children) if self.strategy == WEIGHTED else [1.0] * len(children)
        left = tape.op("GreaterOrEqual", weight, 0.0)  # everywhere
        stuck = left
        for child, share in zip(children, shares, strict=True):
            truth = self._truth(child, left)
            here = tape.op("And", left, truth.yes)
            followed = tape.doubles(here)
            if truth.unknown is not None:
                maybe = tape.op("And", left, truth.unknown)
                self.found.guessed.append(tape.op("And", maybe, tape.op("Greater", weight, 0.0)))
                followed = self.context.where(maybe, share, followed)
            stuck = tape.op("And", stuck, tape.op("Equal", followed, 0.0))
            self.node(child, tape.op("Mul", weight, followed))
            left = tape.op("And", left, tape.op("Not", here))
        if self.last:
            self.found.ends.append((node, tape.op("Mul", weight, tape.doubles(stuck))))

    def _truth(self, child: Element, everywhere: str) -> predicates.Truth:
        predicate = predicates.of(child)
        if predicates.always(predicate):
            return predicates.Truth(everywhere, None)
        return predicates.build(predicate, self.context)


def _shares(node: Element, children: Sequence[Element]) -> list[float]:
    """Of each child in the records of all. Raises ImportRefused where one could be unknown and another one not."""
    asked = [_asked(predicates.of(child)) for child in children]
    known = all(predicates.always(predicates.of(child)) for child in children)
    if not known and (None in asked or len(set(asked)) > 1):
        refuse(
            node,
            f"has children that are not unknown together, which {WEIGHTED} leaves open; let them ask the same field",
        )
    records = [_records(child) for child in children]
    return [one / (sum(records) or 1.0) for one in records]


def _asked(predicate: Element) -> frozenset[str] | None:
    """Fields without which it is unknown, where it is so without all of them and only then."""
    if predicate.tag in ("SimplePredicate", "SimpleSetPredicate"):
        never = predicate.get("operator") in ("isMissing", "isNotMissing")
        return None if never else frozenset([predicate.name("field")])
    if predicate.tag != "CompoundPredicate":
        return None
    parts = [_asked(one) for one in predicate.all(*predicates.TAGS)]
    fields = frozenset(name for one in parts if one is not None for name in one)
    single = all(one is not None and len(one) == 1 for one in parts)
    if not single or (len(fields) > 1 and predicate.get("booleanOperator") != "surrogate"):
        return None
    return fields


def _records(node: Element) -> float:
    if node.get("recordCount") is not None:
        return node.number("recordCount")
    shares = node.all("ScoreDistribution")
    if not shares or any(one.get("recordCount") is None for one in shares):
        refuse(node, f"has no recordCount, which {WEIGHTED} needs")
    return sum(one.number("recordCount") for one in shares)


@dataclass(frozen=True)
class _Said:
    """What ends say, a row each [ends, classes]."""

    counts: Floats
    shares: Floats
    confidences: Floats


def _result(model: Element, found: Reached, context: Context, *, strategy: str) -> Result:
    from ranklet.importers.pmml.models.tree import classes_of  # which builds these trees as well

    tape, nodes = context.tape, [node for node, _ in found.ends]
    weights = tape.joined([weight for _, weight in found.ends])
    classes = classes_of(model)
    said = _said(nodes, classes)
    reached = tape.op("Greater", tape.total(weights), 0.0)
    guessed = found.guessed[0] if found.guessed else tape.op("Not", tape.op("Or", reached, tape.op("Not", reached)))
    for mask in found.guessed[1:]:
        guessed = tape.op("Or", guessed, mask)
    if strategy == AGGREGATED:
        counted = tape.op("MatMul", weights, said.counts)
        shares = tape.op("Div", counted, tape.total(counted))
        alone = tape.op("MatMul", weights, said.shares)
        confidences = context.where(guessed, shares, tape.op("MatMul", weights, said.confidences))
        shares = context.where(guessed, shares, alone)
    else:
        shares, confidences = (tape.op("MatMul", weights, table) for table in (said.shares, said.confidences))
    probabilities, sure = (
        {name: context.where(reached, tape.columns(table, [at]), np.nan) for at, name in enumerate(classes)}
        for table in (shares, confidences)
    )
    value, entity = _chosen(nodes, sure, weights, guessed, reached, context)
    return Result("classification", value, probabilities, scores=_told(model, sure), entity=entity)


def _told(model: Element, sure: dict[str, str]) -> dict[str, dict[str, str]]:
    """A penalty for missing values would change confidences."""
    return {"confidence": sure} if model.number("missingValuePenalty", 1.0) == 1 else {}


def _said(nodes: Sequence[Element], classes: Sequence[str]) -> _Said:
    counts, shares, confidences = (np.zeros((len(nodes), len(classes))) for _ in range(3))
    for row, node in enumerate(nodes):
        parts = {one.name("value"): one for one in node.all("ScoreDistribution")}
        if not parts:
            refuse(node, "has no ScoreDistribution, which its missingValueStrategy adds up")
        for at, name in enumerate(classes):
            if name in parts:
                counts[row, at] = parts[name].number("recordCount")
        if not counts[row].sum() > 0:
            refuse(node, "has no records")
        shares[row] = confidences[row] = counts[row] / counts[row].sum()
        for at, name in enumerate(classes):
            if name in parts and parts[name].get("probability") is not None:
                shares[row, at] = parts[name].number("probability")
            if name in parts and parts[name].get("confidence") is not None:
                confidences[row, at] = parts[name].number("confidence")
    return _Said(counts, shares, confidences)


def _chosen(
    nodes: Sequence[Element], sure: dict[str, str], weights: str, guessed: str, reached: str, context: Context
) -> tuple[Choice, Choice | None]:
    """The class that wins where a way was unknown, else what the one node says; and that node's id."""
    tape = context.tape
    best = winner(sure, context)
    scores = [node.name("score") for node in nodes]
    domain = Domain.of([*best.domain.words, *scores])
    value = tape.op("Where", guessed, best.tensor, _one(weights, [domain.words[one] for one in scores], context))
    found = context.choice(tape.op("Where", reached, value, [0]), domain)
    ids = [node.get("id") for node in nodes]
    if not any(ids):
        return found, None
    named = Domain.of(one for one in ids if one is not None)
    codes = _one(weights, [0 if one is None else named.words[one] for one in ids], context)
    return found, context.choice(tape.op("Where", guessed, [0], codes), named)


def _one(weights: str, codes: Sequence[int], context: Context) -> str:
    """The code of the only end that has a weight: int64 [n, 1]."""
    table = np.array(codes, np.float64)[:, None]
    return context.tape.op("Cast", context.tape.op("Round", context.tape.op("MatMul", weights, table)), to=7)
