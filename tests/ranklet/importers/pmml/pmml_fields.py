"""What becomes of fields before a model, and of its result behind it."""

from __future__ import annotations

from collections.abc import Iterator

from pmml_segments import segment, several
from pmml_trees import node
from pmml_writing import chances, derived, file, model, tag, told
from pmml_writing import test as simple

SUM = tag(
    "RegressionTable",
    tag("NumericPredictor", name="x", coefficient=2) + tag("NumericPredictor", name="z", coefficient=-1),
    intercept=0.5,
)
WORDS = tag(
    "RegressionTable",
    "".join(
        tag("CategoricalPredictor", name="c", value=one, coefficient=at)
        for at, one in enumerate(("red", "blue", "green"), 1)
    ),
    intercept=10,
)
VALUES = "".join(tag("Value", value=one) for one in ("red", "blue", "green"))
INTERVALS = '<Interval closure="closedOpen" leftMargin="-1" rightMargin="1"/><Interval closure="openClosed" leftMargin="1.5" rightMargin="3"/>'  # noqa: E501
CLOSURES = ("openOpen", "openClosed", "closedOpen", "closedClosed")
TREATMENTS = {
    "returnInvalid": "",
    "asIs": 'invalidValueTreatment="asIs"',
    "asMissing": 'invalidValueTreatment="asMissing" missingValueReplacement="{}"',
    "asValue": 'invalidValueTreatment="asValue" invalidValueReplacement="{}"',
}


def field(name: str, kind: str, body: str, optype: str = "continuous") -> str:
    return tag("DataField", body, name=name, optype=optype, dataType=kind)


def numbers(name: str, treatment: str, data: str) -> tuple[str, str]:
    return f"field_{name}", file("RegressionModel", "regression", SUM, treatments={"x": treatment}, own={"x": data})  # type: ignore[arg-type]


def words(name: str, treatment: str, data: str) -> tuple[str, str]:
    return f"field_{name}", file(
        "RegressionModel", "regression", WORDS, fields="c", treatments={"c": treatment}, own={"c": data}
    )  # type: ignore[arg-type]


def invalid() -> Iterator[tuple[str, str]]:
    for name, treatment in TREATMENTS.items():
        yield numbers(f"interval_{name}", treatment.format("0.25"), field("x", "double", INTERVALS))
        yield numbers(
            f"listed_{name}",
            treatment.format("2"),
            field("x", "double", "".join(tag("Value", value=one) for one in (0, 1, 2))),
        )
        yield words(f"words_{name}", treatment.format("red"), field("c", "string", VALUES, "categorical"))
        if name != "asIs":
            yield words(
                f"barred_{name}",
                treatment.format("red"),
                field("c", "string", tag("Value", value="blue", property="invalid"), "categorical"),
            )
    for closure in CLOSURES:
        margins = tag("Interval", closure=closure, leftMargin=0, rightMargin=1)
        yield numbers(
            f"closure_{closure}",
            'invalidValueTreatment="asMissing" missingValueReplacement="9"',
            field("x", "double", margins),
        )
    open_ = tag("Interval", closure="closedOpen", leftMargin=0.5)
    yield numbers("open_interval", 'invalidValueTreatment="asMissing"', field("x", "double", open_))
    whole = (
        "".join(tag("Value", value=one) for one in (0, 1, 2))
        + tag("Value", value=-1, property="missing")
        + tag("Value", value=2, property="invalid")
    )
    counted = tag("RegressionTable", tag("NumericPredictor", name="i", coefficient=2), intercept=0.5)
    yield (
        "field_whole_properties",
        file(
            "RegressionModel",
            "regression",
            counted,
            fields="i",
            own={"i": field("i", "integer", whole)},  # type: ignore[arg-type]
            treatments={"i": 'invalidValueTreatment="asMissing" missingValueReplacement="7"'},
        ),
    )


def missing() -> Iterator[tuple[str, str]]:
    for name in ("asIs", "asMean", "asMode", "asMedian", "asValue"):
        kept = "" if name == "asIs" else ' missingValueReplacement="1.5"'
        yield numbers(f"missing_{name}", f'missingValueTreatment="{name}"{kept}', field("x", "double", ""))
    yield numbers("missing_returnInvalid", 'missingValueTreatment="returnInvalid"', field("x", "double", ""))
    yield numbers(
        "missing_value",
        'missingValueReplacement="4"',
        field("x", "double", tag("Value", value=-999, property="missing") + tag("Value", value=0, property="missing")),
    )
    yield words(
        "missing_word",
        'missingValueReplacement="green"',
        field("c", "string", tag("Value", value="none", property="missing"), "categorical"),
    )
    truth = tag("RegressionTable", tag("CategoricalPredictor", name="b", value="true", coefficient=1.5), intercept=2)
    yield (
        "field_missing_boolean",
        file("RegressionModel", "regression", truth, fields="b", treatments={"b": 'missingValueReplacement="true"'}),
    )  # type: ignore[arg-type]


def outliers() -> Iterator[tuple[str, str]]:
    for name in ("asIs", "asMissingValues", "asExtremeValues"):
        limits = f'outliers="{name}" lowValue="-0.5" highValue="1"'
        yield numbers(f"outliers_{name}", limits, field("x", "double", ""))
        yield numbers(f"outliers_{name}_replaced", limits + ' missingValueReplacement="0.75"', field("x", "double", ""))
    counted = tag("RegressionTable", tag("NumericPredictor", name="i", coefficient=2), intercept=0.5)
    yield (
        "field_outliers_whole",
        file(
            "RegressionModel",
            "regression",
            counted,
            fields="i",  # type: ignore[arg-type]
            treatments={"i": 'outliers="asExtremeValues" lowValue="-1" highValue="2"'},
        ),
    )
    single = tag("RegressionTable", tag("NumericPredictor", name="f", coefficient=2), intercept=0.5)
    yield "field_float", file("RegressionModel", "regression", single, fields="f", own={"f": field("f", "float", "")})  # type: ignore[arg-type]


def targets() -> Iterator[tuple[str, str]]:
    for name, more in {
        "min": {"min": 0},
        "max": {"max": 1},
        "both": {"min": -0.5, "max": 1.5},
        "scaled": {"rescaleFactor": 2.5, "rescaleConstant": -1},
        "round": {"castInteger": "round"},
        "ceiling": {"castInteger": "ceiling"},
        "floor": {"castInteger": "floor"},
        "all": {"min": -1, "max": 2, "rescaleFactor": 3, "rescaleConstant": 0.25, "castInteger": "round"},
    }.items():
        made = tag("Target", field="y", optype="continuous", **more)
        yield f"target_{name}", file("RegressionModel", "regression", SUM, targets=made)
    default = tag("Target", tag("TargetValue", defaultValue=3.5), field="y", optype="continuous")
    yield "target_default", file("RegressionModel", "regression", SUM, targets=default)
    body = node(
        "0",
        "<True/>",
        node("1", simple("x", "lessThan", 0), score="a", counts=(6, 2, 1)),
        node("2", simple("z", "lessThan", 0), score="c", counts=(1, 2, 6)),
    )
    prior = "".join(
        tag("TargetValue", value=one, priorProbability=share) for one, share in zip("abc", (0.2, 0.5, 0.3), strict=True)
    )
    yield (
        "target_prior",
        file(
            "TreeModel",
            "classification",
            body,
            target="k3",
            output=chances("k3"),
            targets=tag("Target", prior, field="k3", optype="categorical"),
        ),
    )


def outputs() -> Iterator[tuple[str, str]]:
    table = tag(
        "RegressionTable", tag("NumericPredictor", name="x", coefficient=1), targetCategory="yes", intercept=0.2
    ) + tag("RegressionTable", targetCategory="no", intercept=0)
    cut = '<Apply function="if"><Apply function="greaterThan"><FieldRef field="p_yes"/><Constant>0.6</Constant></Apply><Constant>1</Constant><Constant>0</Constant></Apply>'  # noqa: E501
    more = (
        chances("k2")
        + told("class", "predictedValue")
        + told("high", "transformedValue", "integer", cut)
        + told(
            "odds",
            "transformedValue",
            "double",
            '<Apply function="/"><FieldRef field="p_yes"/><FieldRef field="p_no"/></Apply>',
        )
        + told(
            "act",
            "decision",
            "boolean",
            '<Apply function="greaterThan"><FieldRef field="p_yes"/><Constant>0.7</Constant></Apply>',
        )
        + told("logs", "transformedValue", "double", '<Apply function="ln"><FieldRef field="p_yes"/></Apply>')
    )
    yield (
        "output_many",
        file(
            "RegressionModel",
            "classification",
            table,
            fields="x",
            target="k2",
            output=more,
            more='normalizationMethod="logit"',
        ),
    )
    yield (
        "output_winner",
        file(
            "RegressionModel",
            "classification",
            table,
            fields="x",
            target="k2",
            output=told("sure", "probability", "double"),
            more='normalizationMethod="logit"',
        ),
    )
    hidden = told("raw", "predictedValue", "double").replace("<OutputField ", '<OutputField isFinalResult="false" ')
    twice = told(
        "twice",
        "transformedValue",
        "double",
        '<Apply function="*"><FieldRef field="raw"/><Constant>2</Constant></Apply>',
    )
    yield "output_hidden", file("RegressionModel", "regression", SUM, output=hidden + twice)
    raw = told("given", "transformedValue", "double", '<FieldRef field="x"/>') + told(
        "made", "transformedValue", "double", '<FieldRef field="more"/>'
    )
    yield (
        "output_of_fields",
        file(
            "RegressionModel",
            "regression",
            SUM,
            output=raw,
            derived=derived("more", '<Apply function="+"><FieldRef field="x"/><Constant>1</Constant></Apply>'),
        ),
    )


def functions() -> Iterator[tuple[str, str]]:
    parameters = '<ParameterField name="a" optype="continuous" dataType="double"/><ParameterField name="e" optype="continuous" dataType="double"/>'  # noqa: E501
    defined = tag(
        "DefineFunction",
        parameters
        + '<Apply function="+"><FieldRef field="a"/><Apply function="*"><FieldRef field="e"/><Constant>3</Constant></Apply></Apply>',  # noqa: E501
        name="mix",
        optype="continuous",
        dataType="double",
    )
    again = tag(
        "DefineFunction",
        '<ParameterField name="a"/><Apply function="mix"><FieldRef field="a"/><FieldRef field="a"/></Apply>',
        name="quad",
        optype="continuous",
    )
    used = derived("m", '<Apply function="mix"><FieldRef field="x"/><FieldRef field="z"/></Apply>') + derived(
        "q", '<Apply function="quad"><FieldRef field="m"/></Apply>'
    )
    table = tag(
        "RegressionTable",
        tag("NumericPredictor", name="m", coefficient=2) + tag("NumericPredictor", name="q", coefficient=0.5),
        intercept=0,
    )
    yield "define_function", file("RegressionModel", "regression", table, transformations=defined + again + used)
    local = derived("m", '<Apply function="-"><FieldRef field="x"/><FieldRef field="z"/></Apply>') + derived(
        "q", '<Apply function="abs"><FieldRef field="m"/></Apply>'
    )
    yield "local_transformations", file("RegressionModel", "regression", table, derived=local)
    lines = '<NormContinuous field="x" mapMissingTo="0.5"><LinearNorm orig="0" norm="0"/><LinearNorm orig="2" norm="1"/></NormContinuous>'  # noqa: E501
    yield (
        "derived_norm",
        file(
            "RegressionModel",
            "regression",
            table,
            transformations=derived("m", lines) + derived("q", '<FieldRef field="m" mapMissingTo="1"/>'),
        ),
    )


def inner() -> Iterator[tuple[str, str]]:
    """Models within one another have mining schemas of their own."""
    first = model("RegressionModel", "regression", SUM, treatments={"x": 'missingValueReplacement="2"'})
    second = model("RegressionModel", "regression", SUM, treatments={"z": 'missingValueReplacement="-1"'})
    yield "inner_missing", several("average", segment("1", "<True/>", first) + segment("2", "<True/>", second))


def versions() -> Iterator[tuple[str, str]]:
    for version in ("3.0", "3.1", "3.2", "4.0", "4.1", "4.2", "4.3"):
        target = '<MiningField name="y" usageType="predicted"/>'
        text = file("RegressionModel", "regression", SUM, version=version)
        yield f"version_{version.replace('.', '')}", text.replace('<MiningField name="y" usageType="target"/>', target)
    prefixed = (
        file("RegressionModel", "regression", SUM)
        .replace("<", "<p:")
        .replace("<p:/", "</p:")
        .replace("xmlns=", "xmlns:p=")
    )
    yield "version_prefixed", prefixed


def files() -> Iterator[tuple[str, str]]:
    for part in (invalid, missing, outliers, targets, outputs, functions, inner, versions):
        yield from part()
