"""MiningModel: every way of making one result of several, with and without predicates; chains; nested ones."""

from __future__ import annotations

from collections.abc import Iterator

from pmml_trees import node
from pmml_writing import CLASSES, chances, compound, derived, file, inside, model, tag, told
from pmml_writing import test as simple

REGRESSIONS = ("sum", "weightedSum", "average", "weightedAverage", "median", "weightedMedian", "selectFirst")
VOTES = ("majorityVote", "weightedMajorityVote", "average", "weightedAverage", "selectFirst")


def segment(name: str, predicate: str, inner: str, **more: object) -> str:
    return tag("Segment", predicate + inner, id=name, **more)


def line(intercept: float, x: float, z: float) -> str:
    body = tag("NumericPredictor", name="x", coefficient=x) + tag("NumericPredictor", name="z", coefficient=z)
    return model("RegressionModel", "regression", tag("RegressionTable", body, intercept=intercept))


def tree(*scores: float, target: str | None = "y") -> str:
    low, middle, high = scores
    body = node(
        "0",
        "<True/>",
        node(
            "1",
            simple("x", "lessThan", 0.5),
            node("3", simple("z", "lessThan", 0), score=low),
            node("4", simple("z", "greaterOrEqual", 0), score=middle),
            score=low,
        ),
        node("2", simple("x", "greaterOrEqual", 0.5), score=high),
        score=middle,
    )
    return model("TreeModel", "regression", body, target=target)


def classifier(*counts: tuple[float, float, float]) -> str:
    low, high, other = counts
    first = "".join(
        node(str(at), predicate, score="abc"[max(range(3), key=one.__getitem__)], counts=one)
        for at, (predicate, one) in enumerate(
            ((simple("x", "lessThan", 0), low), (simple("z", "lessThan", 0.5), high), ("<True/>", other)), 1
        )
    )
    return model("TreeModel", "classification", node("0", "<True/>", first), target="k3")


def several(method: str, segments: str, function: str = "regression", more: str = "", **options: str) -> str:
    body = tag("Segmentation", segments, multipleModelMethod=method).replace("<Segmentation", f"<Segmentation {more}")
    return file("MiningModel", function, body, **options)


def regressions() -> Iterator[tuple[str, str]]:
    lines = (line(0.5, 1, -0.5), line(-0.25, 0.5, 0.25), line(1, -0.75, 0.5))
    for method in REGRESSIONS:
        every = "".join(segment(str(at), "<True/>", one, weight=at / 2) for at, one in enumerate(lines, 1))
        yield f"mining_{method}", several(method, every)
        if method not in ("median", "weightedMedian", "max"):
            for name, last in (("some", simple("z", "lessThan", -1)), ("last", "<True/>")):
                picked = "".join(
                    segment(str(at), predicate, one, weight=at / 2)
                    for at, (predicate, one) in enumerate(
                        zip((simple("x", "greaterThan", 0), inside("c", "red"), last), lines, strict=True), 1
                    )
                )
                yield f"mining_{method}_{name}", several(method, picked, fields="x z c")
    for method in ("sum", "average", "weightedAverage", "median"):
        trees = "".join(segment(str(at), "<True/>", tree(at, at + 1.5, -at), weight=at) for at in (1, 2, 3))
        yield f"mining_trees_{method}", several(method, trees)
    nested = model(
        "MiningModel",
        "regression",
        tag(
            "Segmentation",
            segment("1", "<True/>", lines[0]) + segment("2", "<True/>", lines[1]),
            multipleModelMethod="sum",
        ),
    )
    yield (
        "mining_nested",
        several("average", segment("1", "<True/>", nested) + segment("2", simple("x", "greaterThan", 0), lines[2])),
    )


def votes() -> Iterator[tuple[str, str]]:
    models = (
        classifier((8, 1, 1), (2, 5, 3), (1, 2, 6)),
        classifier((6, 3, 1), (1, 7, 2), (3, 3.5, 4)),
        classifier((1, 2, 8), (2, 2, 9), (5, 1, 1)),
    )
    for method in VOTES:
        every = "".join(segment(str(at), "<True/>", one, weight=at + 0.25) for at, one in enumerate(models, 1))
        yield f"mining_2_{method}", several(method, every, "classification", target="k3", output=chances("k3"))
    for method in ("majorityVote", "weightedMajorityVote", "average", "selectFirst"):
        predicates = (simple("x", "greaterThan", 0), inside("c", "red"), "<True/>")
        picked = "".join(
            segment(str(at), predicate, one, weight=at + 0.25)
            for at, (predicate, one) in enumerate(zip(predicates, models, strict=True), 1)
        )
        yield (
            f"mining_2_{method}_some",
            several(method, picked, "classification", target="k3", fields="x z c", output=chances("k3")),
        )


def missing() -> Iterator[tuple[str, str]]:
    """missingPredictionTreatment: what a segment without a prediction does to all."""
    none = model(
        "TreeModel",
        "regression",
        node(
            "0",
            "<True/>",
            node("1", simple("x", "lessThan", 0.5), score=3),
            node("2", simple("x", "greaterThan", 1), score=7),
        ),
    )
    unsure = model(
        "TreeModel",
        "classification",
        node(
            "0",
            "<True/>",
            node("1", simple("x", "lessThan", 0.5), score="a", counts=(3, 1, 1)),
            node("2", simple("z", "greaterThan", 1), score="c", counts=(1, 1, 4)),
        ),
        target="k3",
    )
    for treatment in ("continue", "skipSegment", "returnMissing"):
        for threshold in (1, 0.5) if treatment == "skipSegment" else (1,):
            name, more = (
                f"{treatment}_{threshold}".replace(".", ""),
                f'missingPredictionTreatment="{treatment}" missingThreshold="{threshold}"',
            )
            for method in ("sum", "average", "weightedAverage", "median"):
                parts = (
                    segment("1", "<True/>", none, weight=1)
                    + segment("2", "<True/>", tree(1, 2, 3), weight=2)
                    + segment("3", "<True/>", none, weight=0.5)
                )
                yield f"mining_missing_{method}_{name}", several(method, parts, more=more)
            for method in ("sum", "weightedAverage"):
                parts = (
                    segment("1", simple("z", "greaterThan", 0), none, weight=1)
                    + segment("2", "<True/>", tree(1, 2, 3), weight=2)
                    + segment("3", "<True/>", none, weight=0.5)
                )
                yield f"mining_missing_{method}_{name}_some", several(method, parts, more=more)
            for method in ("majorityVote", "weightedMajorityVote", "average", "weightedAverage"):
                kind = "_2" if "verage" in method else ""
                parts = segment("1", "<True/>", unsure, weight=1) + segment(
                    "2", "<True/>", classifier((8, 1, 1), (2, 5, 3), (1, 2, 6)), weight=2
                )
                yield (
                    f"mining_missing{kind}_{method}_{name}",
                    several(method, parts, "classification", more=more, target="k3", output=chances("k3")),
                )


def chains() -> Iterator[tuple[str, str]]:
    first = model(
        "RegressionModel",
        "regression",
        tag("RegressionTable", tag("NumericPredictor", name="x", coefficient=2), intercept=0.5),
        output=told("sum1", "predictedValue", "double"),
        fields="x",
        target=None,
    )
    last = model(
        "RegressionModel",
        "regression",
        tag("RegressionTable", tag("NumericPredictor", name="sum1", coefficient=0.5), intercept=1),
        fields="sum1",
    )
    yield "chain_plain", several("modelChain", segment("1", "<True/>", first) + segment("2", "<True/>", last))
    logit = "".join(
        tag("RegressionTable", body, targetCategory=one, intercept=0)
        for one, body in (("yes", tag("NumericPredictor", name="sum1", coefficient=1)), ("no", ""))
    )
    second = model(
        "RegressionModel",
        "classification",
        logit,
        fields="sum1",
        target="k2",
        output=chances("k2"),
        more='normalizationMethod="logit"',
    )
    yield (
        "chain_logit",
        several(
            "modelChain",
            segment("1", "<True/>", first) + segment("2", "<True/>", second),
            "classification",
            target="k2",
        ),
    )
    scaled = model(
        "RegressionModel",
        "regression",
        tag("RegressionTable", tag("NumericPredictor", name="doubled", coefficient=0.5), intercept=1),
        fields="sum1 z",
        derived=derived("doubled", '<Apply function="+"><FieldRef field="sum1"/><FieldRef field="z"/></Apply>'),
    )
    yield "chain_derived", several("modelChain", segment("1", "<True/>", first) + segment("2", "<True/>", scaled))
    forest = model(
        "MiningModel",
        "regression",
        tag(
            "Segmentation",
            segment("1", "<True/>", tree(1, 2, 3, target=None))
            + segment("2", "<True/>", tree(-2, 0.5, 1, target=None)),
            multipleModelMethod="sum",
        ),
        output=told("sum1", "predictedValue", "double"),
        target=None,
    )
    yield (
        "chain_forest",
        several(
            "modelChain",
            segment("1", "<True/>", forest) + segment("2", "<True/>", second),
            "classification",
            target="k2",
        ),
    )
    three = model(
        "TreeModel",
        "classification",
        node(
            "0",
            "<True/>",
            node("1", simple("x", "lessThan", 0), score="a", counts=(6, 2, 1)),
            node("2", "<True/>", score="c", counts=(1, 2, 6)),
        ),
        target=None,
        output=chances("k3") + told("group", "predictedValue"),
        fields="x",
    )
    by_group = model(
        "RegressionModel",
        "regression",
        tag(
            "RegressionTable",
            tag("NumericPredictor", name="p_a", coefficient=2)
            + tag("CategoricalPredictor", name="group", value="c", coefficient=3),
            intercept=1,
        ),
        fields="p_a group",
    )
    yield "chain_classes", several("modelChain", segment("1", "<True/>", three) + segment("2", "<True/>", by_group))


def selected() -> Iterator[tuple[str, str]]:
    """The outputs of the segment that is chosen."""
    parts = [
        model(
            "RegressionModel",
            "regression",
            tag("RegressionTable", tag("NumericPredictor", name=field, coefficient=1), intercept=at),
            output=told(name, "predictedValue", "double"),
        )
        for at, (field, name) in enumerate((("x", "one"), ("z", "two"), ("x", "two")))
    ]
    predicates = (simple("x", "greaterThan", 0), simple("z", "greaterThan", 0))
    for name, last in (("all", "<True/>"), ("none", simple("x", "lessThan", -1))):
        body = "".join(
            segment(f"s{at}", predicate, part)
            for at, (predicate, part) in enumerate(zip((*predicates, last), parts, strict=True))
        )
        yield f"mining_told_{name}", several("selectFirst", body, output=told("segment", "entityId"))


def compounds() -> Iterator[tuple[str, str]]:
    """Segments whose predicates are several in one, some of them unknown."""
    x, z, c = simple("x", "lessThan", 0.5), simple("z", "greaterThan", 0), simple("c", "equal", "red")
    for operator in ("and", "or", "xor", "surrogate"):
        nested = compound(operator, x, compound("surrogate", z, c))
        for name, predicate in (("two", compound(operator, x, z)), ("nested", nested)):
            body = segment("1", predicate, line(1, 1, 1)) + segment("2", "<True/>", line(2, 1, 1))
            yield f"mining_{operator}_{name}", several("selectFirst", body, fields="x z c")


def files() -> Iterator[tuple[str, str]]:
    yield from regressions()
    yield from compounds()
    yield from votes()
    yield from missing()
    yield from chains()
    yield from selected()


__all__ = ["CLASSES", "files"]
