"""TreeModel: each leaf is a number; the graph finds the row's leaf and gathers what it says (dmg.org, TreeModel)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ranklet.importers.pmml import diagrams, mixtures
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.diagrams import Diagram, Outcome
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Choice, Domain, Number
from ranklet.importers.trees.records import Floats


@dataclass(frozen=True)
class Leaves:
    """What the outcomes of a tree say, a row each. scores: the predicted number, or the winning class as its place.

    shares [leaves, classes]: probabilities. confidences as shares. ids: of nodes.
    """

    scores: Floats
    shares: Floats
    confidences: Floats
    ids: tuple[str | None, ...]


def build(model: Element, context: Context) -> Result:
    """As the protocol says."""
    if model.get("missingValueStrategy") in mixtures.STRATEGIES:
        return mixtures.build(model, context)
    function = model.choice("functionName", ("regression", "classification"))
    diagram = diagrams.of(model, context)
    leaf = diagram.leaf(context)
    if function == "regression":
        scores = np.array([numbers(one, model) for one in diagram.outcomes])
        found = Number(context.tape.op("Gather", scores, leaf, axis=0))
        return Result("regression", found, entity=entity(diagram, leaf, context))
    return _classification(model, diagram, leaf, context)


def numbers(outcome: Outcome, model: Element) -> float:
    """What an outcome predicts; NaN for none."""
    if outcome.node is None:
        return float("nan")
    return outcome.node.number("score")


def entity(diagram: Diagram, leaf: str, context: Context) -> Choice | None:
    """The id of the node, where nodes have one."""
    ids = [one.node.get("id") if one.node is not None else None for one in diagram.outcomes]
    if not any(ids):
        return None
    domain = Domain.of(one for one in ids if one is not None)
    codes = np.array([0 if one is None else domain.words[one] for one in ids], np.int64)
    return context.choice(context.tape.op("Gather", codes, leaf, axis=0), domain)


def _classification(model: Element, diagram: Diagram, leaf: str, context: Context) -> Result:
    classes = classes_of(model)
    shares = np.array([distribution(one, classes, model) for one in diagram.outcomes])
    tape = context.tape
    probabilities = {
        name: tape.op("Gather", np.ascontiguousarray(shares[:, at]), leaf, axis=0) for at, name in enumerate(classes)
    }
    domain = Domain.of(dict.fromkeys([*classes, *scored(diagram)]))
    codes = np.array([_winner(one, domain, classes, shares[at]) for at, one in enumerate(diagram.outcomes)], np.int64)
    value = context.choice(tape.op("Gather", codes, leaf, axis=0), domain)
    found = probabilities if classes else {}
    scores = _confidences(model, diagram, classes, leaf, context)
    return Result("classification", value, found, scores=scores, entity=entity(diagram, leaf, context))


def _confidences(
    model: Element, diagram: Diagram, classes: list[str], leaf: str, context: Context
) -> Mapping[str, Mapping[str, str]]:
    """What each node says of each class beside its probability, where all of them say it.

    A penalty for missing values would change it.
    """
    if model.number("missingValuePenalty", 1.0) != 1:
        return {}
    nodes = [one.node for one in diagram.outcomes if one.node is not None]
    given = [{one.name("value"): one for one in node.all("ScoreDistribution")} for node in nodes]
    if not classes or any(set(one) != set(classes) for one in given):
        return {}
    if any(share.get("confidence") is None for one in given for share in one.values()):
        return {}
    rows = {id(node): one for node, one in zip(nodes, given, strict=True)}
    return {
        "confidence": {
            name: context.tape.op(
                "Gather",
                np.array([
                    np.nan if one.node is None else rows[id(one.node)][name].number("confidence")
                    for one in diagram.outcomes
                ]),
                leaf,
                axis=0,
            )
            for name in classes
        }
    }  # fmt: skip


def classes_of(model: Element) -> list[str]:
    """All classes that distributions of the tree name, in order."""
    named = (one.name("value") for one in model.walk() if one.tag == "ScoreDistribution")
    return list(dict.fromkeys(named))


def scored(diagram: Diagram) -> list[str]:
    """All scores of the tree."""
    return [one.node.name("score") for one in diagram.outcomes if one.node is not None and one.node.get("score")]


def distribution(outcome: Outcome, classes: list[str], model: Element) -> list[float]:
    """Probabilities of an outcome's classes: as it says, or the shares of its records."""
    if outcome.node is None:
        return [float("nan")] * len(classes)
    parts = {one.name("value"): one for one in outcome.node.all("ScoreDistribution")}
    if not parts:
        return [1.0 if name == outcome.node.get("score") else 0.0 for name in classes]
    given = [one.get("probability") is not None for one in parts.values()]
    if any(given) and not all(given):
        refuse(outcome.node, "has probabilities for some classes and none for others")
    counts = {name: one.number("probability" if all(given) else "recordCount") for name, one in parts.items()}
    whole = 1.0 if all(given) else sum(counts.values())
    if whole <= 0:
        refuse(outcome.node, "has no records")
    return [counts.get(name, 0.0) / whole for name in classes]


def _winner(outcome: Outcome, domain: Domain, classes: list[str], shares: Floats) -> int:
    if outcome.node is None:
        return 0
    if (score := outcome.node.get("score")) is not None:
        return domain.words[score]
    return domain.words[classes[int(np.argmax(shares))]]


__all__ = ["build"]
