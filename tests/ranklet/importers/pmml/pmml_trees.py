"""TreeModel: strategies for missing values and for nodes without a true child, and every predicate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pmml_writing import chances, compound, file, inside, model, tag, told
from pmml_writing import test as simple

STRATEGIES = ("none", "defaultChild", "lastPrediction", "nullPrediction", "weightedConfidence", "aggregateNodes")
CHILDLESS = ("returnNullPrediction", "returnLastPrediction")


def node(
    name: str,
    predicate: str,
    *children: str,
    score: object = None,
    more: str = "",
    counts: Sequence[float] = (),
    default: str | None = None,
) -> str:
    """counts: records of the classes of k3."""
    shares = "".join(
        tag("ScoreDistribution", value=one, recordCount=count) for one, count in zip("abc", counts, strict=False)
    )
    said = {} if score is None else {"score": score}
    kept = {} if default is None else {"defaultChild": default}
    whole = {"recordCount": sum(counts)} if counts else {}
    return tag("Node", predicate + more + shares + "".join(children), id=name, **said, **whole, **kept)


def strategies() -> Iterator[tuple[str, str]]:
    """A tree of three levels, where each field can be missing."""
    for strategy in STRATEGIES[:4]:
        for childless in CHILDLESS:
            name = f"tree_{strategy}_{childless.removeprefix('return')[:4].lower()}"
            more = f'missingValueStrategy="{strategy}" noTrueChildStrategy="{childless}"'
            yield f"{name}_regression", file("TreeModel", "regression", _numbers(), fields="x z c", more=more)
            yield (
                f"{name}_classes",
                file(
                    "TreeModel",
                    "classification",
                    _classes(),
                    fields="x z c",
                    target="k3",
                    more=more,
                    output=chances("k3") + told("node", "entityId"),
                ),
            )


def _numbers() -> str:
    low = node(
        "1",
        simple("x", "lessThan", 0.5),
        node("3", simple("z", "lessOrEqual", -1), score=1.5),
        node("4", simple("z", "greaterThan", 0.5), score=2.5),
        score=2,
        default="3",
    )
    high = node(
        "2",
        simple("x", "greaterOrEqual", 0.5),
        node("5", simple("c", "equal", "red"), score=7),
        node(
            "6", simple("c", "notEqual", "red"), node("7", simple("z", "greaterThan", 1), score=9), score=8, default="7"
        ),
        score=6,
        default="6",
    )
    return node("0", "<True/>", low, high, score=4, default="2")


def _classes() -> str:
    low = node(
        "1",
        simple("x", "lessThan", 0.5),
        node("3", simple("z", "lessOrEqual", -1), score="a", counts=(8, 1, 1)),
        node("4", simple("z", "greaterThan", 0.5), score="b", counts=(2, 5, 3)),
        score="a",
        counts=(10, 6, 4),
        default="4",
    )
    high = node(
        "2",
        simple("x", "greaterOrEqual", 0.5),
        node("5", inside("c", "red blue"), score="c", counts=(0, 1, 9)),
        node("6", inside("c", "red blue", negated=True), score="b", counts=(1, 6, 2)),
        score="c",
        counts=(1, 7, 11),
        default="5",
    )
    return node("0", "<True/>", low, high, score="a", counts=(11, 13, 15), default="1")


def predicates() -> Iterator[tuple[str, str]]:
    """Each predicate on a way of its own: what is false goes on to the next child."""
    x, z, c, b = (
        simple("x", "lessThan", 0.5),
        simple("z", "greaterThan", 0),
        simple("c", "equal", "red"),
        simple("b", "equal", "true"),
    )
    cases = {
        "and": compound("and", x, z),
        "or": compound("or", x, z),
        "xor": compound("xor", x, z),
        "surrogate": compound("surrogate", x, z),
        "and3": compound("and", x, z, c),
        "or3": compound("or", x, z, c),
        "xor3": compound("xor", x, z, c),
        "surrogate3": compound("surrogate", x, z, c),
        "nested": compound("or", compound("and", x, z), compound("surrogate", c, b)),
        "nested_xor": compound("xor", compound("or", x, c), compound("and", z, b)),
        "and_false": compound("and", x, "<False/>"),
        "or_true": compound("or", x, "<True/>"),
        "false": "<False/>",
        "missing": simple("x", "isMissing"),
        "there": simple("c", "isNotMissing"),
        "not_equal": simple("x", "notEqual", 1),
        "equal": simple("z", "equal", 0.5),
        "boolean": b,
        "not_boolean": simple("b", "notEqual", "true"),
        "in": inside("c", "red green"),
        "not_in": inside("c", "red green", negated=True),
        "whole_in": inside("i", "1 3 5"),
        "whole_less": simple("i", "lessThan", 3),
        "missing_or": compound("or", simple("x", "isMissing"), z),
        "in_and": compound("and", inside("c", "red green", negated=True), simple("i", "greaterOrEqual", 2)),
        "quoted": tag(
            "SimpleSetPredicate",
            '<Array type="string" n="2">"light blue" red</Array>',
            field="c",
            booleanOperator="isIn",
        ),
    }
    for name, predicate in cases.items():
        body = node(
            "0", "<True/>", node("1", predicate, score=1), node("2", z, score=2), node("3", "<True/>", score=3), score=0
        )
        for strategy in ("none", "lastPrediction"):
            yield (
                f"tree_{name}_{strategy[:4]}",
                file("TreeModel", "regression", body, fields="x z c b i", more=f'missingValueStrategy="{strategy}"'),
            )


def others() -> Iterator[tuple[str, str]]:
    root = node("0", simple("x", "greaterThan", -1), node("1", simple("z", "lessThan", 0), score=1), score=5)
    yield (
        "tree_root_predicate",
        file("TreeModel", "regression", root, more='noTrueChildStrategy="returnLastPrediction"'),
    )
    alone = node("0", "<True/>", score=5)
    yield "tree_alone", file("TreeModel", "regression", alone)
    probability = "".join(
        node(
            str(at),
            predicate,
            more="".join(
                tag("ScoreDistribution", value=k, recordCount=10, probability=p)
                for k, p in zip("abc", shares, strict=True)
            ),
            score="abc"[at - 1],
        )
        for at, (predicate, shares) in enumerate(
            (
                (simple("x", "lessThan", 0), (0.7, 0.2, 0.1)),
                (simple("z", "lessThan", 1), (0.1, 0.6, 0.3)),
                ("<True/>", (0.2, 0.2, 0.6)),
            ),
            1,
        )
    )
    yield (
        "tree_probabilities",
        file("TreeModel", "classification", node("0", "<True/>", probability), target="k3", output=chances("k3")),
    )
    confident = "".join(
        node(
            str(at),
            predicate,
            more="".join(
                tag("ScoreDistribution", value=k, recordCount=r, confidence=p)
                for k, r, p in zip("abc", (5, 3, 2), shares, strict=True)
            ),
            score="abc"[at - 1],
        )
        for at, (predicate, shares) in enumerate(
            ((simple("x", "lessThan", 0), (0.7, 0.2, 0.1)), ("<True/>", (0.1, 0.3, 0.6))), 1
        )
    )
    wanted = "".join(told(f"q_{one}", "confidence", "double", value=one) for one in "abc")
    yield (
        "tree_confidence",
        file(
            "TreeModel", "classification", node("0", "<True/>", confident), target="k3", output=chances("k3") + wanted
        ),
    )
    bare = node("0", "<True/>", node("1", simple("x", "lessThan", 0), score="a"), node("2", "<True/>", score="b"))
    yield "tree_scores_alone", file("TreeModel", "classification", bare, target="k3")


def ordered() -> Iterator[tuple[str, str]]:
    """Words that have an order."""
    levels = "".join(tag("Value", value=one) for one in ("low", "mid", "high"))
    own = {"c": f'<DataField name="c" optype="ordinal" dataType="string">{levels}</DataField>'}
    for operator in ("lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"):
        body = node("0", "<True/>", node("1", simple("c", operator, "mid"), score=1), node("2", "<True/>", score=2))
        text = file("TreeModel", "regression", body, fields="x c", own=own)  # type: ignore[arg-type]
        yield f"tree_order_{operator}", text
        picked = tag(
            "Segment", simple("c", operator, "mid") + model("TreeModel", "regression", node("0", "<True/>", score=3))
        )
        rest = tag("Segment", "<True/>" + model("TreeModel", "regression", node("0", "<True/>", score=5)))
        several = tag("Segmentation", picked + rest, multipleModelMethod="sum")
        yield f"mining_order_{operator}", file("MiningModel", "regression", several, fields="x c", own=own)  # type: ignore[arg-type]


def files() -> Iterator[tuple[str, str]]:
    yield from strategies()
    yield from predicates()
    yield from others()
    yield from ordered()
