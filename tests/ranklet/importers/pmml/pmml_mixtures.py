"""Classification trees with aggregateNodes and weightedConfidence, which pmml4s has and JPMML has not.

pmml4s weighs the confidences that children have themselves, where the specification scores them: both are the same for
trees whose fields are unknown at the last split alone, which the weighted ones here are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pmml_trees
from pmml_writing import compound, file, inside, tag, told
from pmml_writing import test as simple


def node(name: str, predicate: str, *children: str, score: str, counts: Sequence[float]) -> str:
    """With confidences, which pmml4s does not make of the counts."""
    shares = "".join(
        tag("ScoreDistribution", value=one, recordCount=count, confidence=round(count / sum(counts), 6))
        for one, count in zip("abc", counts, strict=True)
    )
    made = pmml_trees.node(name, predicate, *children, score=score, more=shares)
    return made.replace("<Node ", f'<Node recordCount="{sum(counts)}" ', 1)


def deep() -> str:
    low = node(
        "1",
        simple("x", "lessThan", 0.5),
        node("3", simple("z", "lessOrEqual", -1), score="a", counts=(8, 1, 1)),
        node("4", simple("z", "greaterThan", -1), score="b", counts=(2, 5, 3)),
        score="a",
        counts=(10, 6, 4),
    )
    high = node(
        "2",
        simple("x", "greaterOrEqual", 0.5),
        node("5", inside("c", "red blue"), score="c", counts=(0, 1, 9)),
        node(
            "6",
            inside("c", "red blue", negated=True),
            node("7", simple("z", "greaterThan", 0), score="a", counts=(7, 1, 0)),
            node("8", simple("z", "lessOrEqual", 0), score="b", counts=(1, 6, 2)),
            score="b",
            counts=(8, 7, 2),
        ),
        score="c",
        counts=(8, 8, 11),
    )
    return node("0", "<True/>", low, high, score="c", counts=(18, 14, 15))


def uncovered() -> str:
    """Not all rows find a child, and some find one behind an unknown one: pmml4s then forgets the unknown."""
    return node(
        "0",
        "<True/>",
        node("1", simple("x", "lessThan", -1), score="a", counts=(8, 1, 1)),
        node("2", compound("or", simple("z", "lessThan", 0), inside("c", "red")), score="b", counts=(2, 5, 3)),
        node(
            "3",
            simple("x", "greaterThan", 1),
            score="c",
            counts=(1, 2, 6),
        ),
        score="b",
        counts=(11, 8, 10),
    )


def _flat(*fields: str) -> str:
    """Two leaves; of several fields the next one stands in for a missing one."""
    tests = {"x": ("lessThan", "greaterOrEqual", 0.5), "z": ("greaterThan", "lessOrEqual", 0)}
    sides = [[simple(one, tests[one][way], tests[one][2]) for one in fields] for way in (0, 1)]
    left, right = (parts[0] if len(parts) == 1 else compound("surrogate", *parts) for parts in sides)
    return node(
        "0",
        "<True/>",
        node("1", left, score="a", counts=(6, 3, 1)),
        node("2", right, score="c", counts=(2, 9, 19)),
        score="c",
        counts=(8, 12, 20),
    )


def tree(strategy: str, body: str, more: str = "") -> str:
    output = told("k3", "predictedValue") + told("sure", "confidence", "double")
    more = f'missingValueStrategy="{strategy}" {more}'
    return file("TreeModel", "classification", body, fields="x z c", target="k3", output=output, more=more)


def files() -> Iterator[tuple[str, str]]:
    """Name → file; pmml4s is asked of them."""
    yield "tree_aggregate_deep", tree("aggregateNodes", deep())
    yield "tree_aggregate_flat", tree("aggregateNodes", _flat("x"))
    yield "tree_aggregate_surrogate", tree("aggregateNodes", _flat("x", "z"))
    yield "tree_weighted_flat", tree("weightedConfidence", _flat("x"))
    yield "tree_weighted_surrogate", tree("weightedConfidence", _flat("x", "z"))
