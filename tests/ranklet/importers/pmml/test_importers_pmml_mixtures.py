"""aggregateNodes and weightedConfidence: the specification's own examples, worked by hand, and what is left open.

pmml4s's answers are stored beside the others."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pmml_kit as kit
import pytest
from pmml_mixtures import deep, node, tree, uncovered
from pmml_writing import compound
from pmml_writing import test as simple

from ranklet.errors import ImportRefused
from ranklet.importers import pmml
from ranklet.importers.proposal import Wishes


def golfing() -> str:
    """The tree of dmg.org, PMML 4.4, TreeModel: a is `will play`, b `may play`, c `no play`; x is the temperature, z
    the humidity, c the outlook."""
    warm = compound("surrogate", simple("x", "greaterOrEqual", 50), simple("z", "lessThan", 80))
    cold = compound("surrogate", simple("x", "lessThan", 50), simple("z", "greaterOrEqual", 80))
    cloudy = compound("or", simple("c", "equal", "overcast"), simple("c", "equal", "rain"))
    sunny = node(
        "2",
        simple("c", "equal", "sunny"),
        node("3", warm, score="a", counts=(36, 2, 2)),
        node("4", cold, score="c", counts=(4, 0, 6)),
        score="a",
        counts=(40, 2, 8),
    )
    return node("1", "<True/>", sunny, node("5", cloudy, score="b", counts=(20, 28, 2)), score="a", counts=(60, 30, 10))


def answer(text: str, **row: Any) -> tuple[Any, Any]:
    found = kit.Ours(text.encode()).run({name: [row.get(name)] for name in "xzc"})
    return found["k3"][0], found["sure"][0]


@pytest.mark.parametrize(
    ("strategy", "row", "word", "confidence"),
    [
        ("weightedConfidence", {"x": 45.0, "z": 60.0, "c": "sunny"}, "c", 0.6),
        ("weightedConfidence", {"c": "sunny"}, "a", 0.9 * 40 / 50 + 0.4 * 10 / 50),
        ("weightedConfidence", {}, "a", (0.9 * 40 / 50 + 0.4 * 10 / 50) * 0.5 + 0.4 * 0.5),
        ("aggregateNodes", {"x": 45.0, "z": 90.0}, "b", 28 / 60),
        ("aggregateNodes", {}, "a", 60 / 100),
        ("aggregateNodes", {"c": "rain"}, "b", 0.56),
    ],
)
def test_the_specifications_examples(strategy: str, row: dict[str, Any], word: str, confidence: float) -> None:
    found, sure = answer(tree(strategy, golfing()), **row)
    assert found == word
    assert sure == pytest.approx(confidence, rel=1e-9)


def test_confidences_are_weighed_within_children() -> None:
    """The first split is unknown, and so is the left one behind it; the right one is known."""
    found, sure = answer(tree("weightedConfidence", deep()), x=None, z=None, c="red")
    left, right = 20 / 47, 27 / 47
    classes = {
        "a": left * (0.8 * 10 / 20 + 0.2 * 10 / 20) + right * 0.0,
        "b": left * (0.1 * 10 / 20 + 0.5 * 10 / 20) + right * 0.1,
        "c": left * (0.1 * 10 / 20 + 0.3 * 10 / 20) + right * 0.9,
    }
    assert (found, max(classes, key=lambda one: classes[one])) == ("c", "c")
    assert sure == pytest.approx(classes["c"], rel=1e-9)


VALUES: dict[str, list[Any]] = {"x": [-2.0, 0.0, 1.0, 3.0], "z": [-2.0, -0.5, 0.5, 2.0], "c": ["red", "other"]}


def leaf(element: ET.Element, row: dict[str, Any]) -> ET.Element | None:
    """Of a row without missing values."""
    children = element.findall("Node")
    if not children:
        return element
    return next((leaf(child, row) for child in children if holds(child[0], row)), None)


def holds(predicate: ET.Element, row: dict[str, Any]) -> bool:
    value = row.get(predicate.get("field", ""))
    if predicate.tag == "CompoundPredicate":
        parts = [holds(one, row) for one in predicate]
        return any(parts) if predicate.get("booleanOperator") == "or" else parts[0]
    if predicate.tag == "SimpleSetPredicate":
        return (value in str(predicate[0].text).split()) == (predicate.get("booleanOperator") == "isIn")
    wanted = float(predicate.get("value", ""))
    return {
        "lessThan": value < wanted,
        "lessOrEqual": value <= wanted,
        "greaterThan": value > wanted,
        "greaterOrEqual": value >= wanted,
    }[predicate.get("operator", "")]


def rows() -> Iterator[dict[str, Any]]:
    for row in itertools.product(*([None, *some] for some in VALUES.values())):
        yield dict(zip(VALUES, row, strict=True))


@pytest.mark.parametrize("body", [deep(), uncovered()], ids=["deep", "uncovered"])
def test_all_leaves_are_added_up_that_some_values_would_lead_to(body: str) -> None:
    ours, root = kit.Ours(tree("aggregateNodes", body).encode()), ET.fromstring(body)
    asked = list(rows())
    found = ours.run({name: [row[name] for row in asked] for name in VALUES})
    for at, row in enumerate(asked):
        ways = itertools.product(*(VALUES[name] if value is None else [value] for name, value in row.items()))
        reached = {
            one.get("id"): one for way in ways if (one := leaf(root, dict(zip(row, way, strict=True)))) is not None
        }
        counts = [sum(float(one.findall("ScoreDistribution")[at].get("recordCount", "")) for one in reached.values())
                  for at in range(3)]  # fmt: skip
        if not reached:
            assert found["k3"][at] is None, row
        elif len(reached) > 1:
            assert found["k3"][at] == "abc"[counts.index(max(counts))], row
            assert found["sure"][at] == pytest.approx(max(counts) / sum(counts), rel=1e-9), row
        else:
            assert found["k3"][at] == next(iter(reached.values())).get("score"), row


def test_without_a_true_child_the_last_node_counts_where_the_file_says_so() -> None:
    text = tree("aggregateNodes", uncovered(), 'noTrueChildStrategy="returnLastPrediction"')
    assert answer(text, x=0.0, z=0.5, c="blue") == ("b", pytest.approx(8 / 29, rel=1e-5))
    assert answer(tree("aggregateNodes", uncovered()), x=0.0, z=0.5, c="blue") == (None, None)


X, Z = simple("x", "lessThan", 0), simple("z", "lessThan", 0)
LEFT, RIGHT = (node(name, "<True/>", score="a", counts=(1, 2, 3)) for name in "34")


def split(first: str, second: str) -> str:
    left, right = (node(name, one, score="a", counts=(1, 2, 3)) for name, one in (("1", first), ("2", second)))
    return node("0", "<True/>", left, right, score="a", counts=(2, 4, 6))


APART = "<Node> has children that are not unknown together"
REFUSED = {
    "another field": (tree("weightedConfidence", split(X, Z)), APART),
    "all others": (tree("weightedConfidence", split(X, "<True/>")), APART),
    "either": (
        tree("weightedConfidence", split(compound("or", X, Z), compound("and", X, Z))),
        APART,
    ),
    "missing": (
        tree("weightedConfidence", split(simple("x", "isMissing"), X)),
        APART,
    ),
    "regression": (
        tree("aggregateNodes", split(X, X)).replace('"classification"', '"regression"'),
        "has missingValueStrategy = 'aggregateNodes' in a regression",
    ),
    "no counts": (tree("aggregateNodes", split(X, X).replace("recordCount", "r")), "<ScoreDistribution> has no"),
    "no distribution": (
        tree("aggregateNodes", '<Node score="a"><True/><Node score="a"><True/></Node></Node>'),
        "<Node> has no ScoreDistribution",
    ),
    "penalty": (
        tree("weightedConfidence", split(X, simple("x", "greaterOrEqual", 0)), 'missingValuePenalty="0.8"'),
        "<OutputField> asks for feature = 'confidence'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_left_open_is_refused(name: str, tmp_path: Path) -> None:
    text, message = REFUSED[name]
    path = tmp_path / "model.pmml"
    path.write_text(text)
    with pytest.raises(ImportRefused) as caught:
        pmml.propose(path, Wishes())
    assert message in str(caught.value)
