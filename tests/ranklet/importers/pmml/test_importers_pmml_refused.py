"""What is not served is refused by the element's name and line: a list of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pmml_fields import SUM, field
from pmml_networks import KERNELS, WEIGHTS, dictionary, machine, network
from pmml_points import clustering, neighbours
from pmml_regressions import BETAS, cells, general, table
from pmml_segments import classifier, line, segment, several
from pmml_trees import node
from pmml_writing import chances, derived, file, tag, told, whole
from pmml_writing import test as simple

from ranklet.errors import ImportRefused
from ranklet.importers import pmml
from ranklet.importers.pmml import models
from ranklet.importers.proposal import Wishes

X = '<FieldRef field="x"/>'
TABLE = "<InlineTable><row><string>{}</string><stem>{}</stem><regex>{}</regex></row></InlineTable>"


def computed(expression: str, kind: str = "double") -> str:
    body = tag("RegressionTable", tag("NumericPredictor", name="e", coefficient=2), intercept=1)
    return file("RegressionModel", "regression", body, derived=derived("e", expression, kind))


def told_also(output: str) -> str:
    return file("RegressionModel", "regression", SUM, output=output)


def treated(attributes: str) -> str:
    return file("RegressionModel", "regression", SUM).replace(
        '<MiningField name="x" ', f'<MiningField name="x" {attributes} '
    )


def tree(more: str, body: str = "") -> str:
    leaf = node("0", "<True/>", body or node("1", simple("x", "lessThan", 1), score=1), score=2)
    return file("TreeModel", "regression", leaf, more=more)


def penalised() -> str:
    shares = "".join(tag("ScoreDistribution", value=one, recordCount=1, confidence=0.5) for one in "ab")
    child = tag("Node", simple("x", "lessThan", 0) + shares, id=1, score="a")
    body = tag("Node", f"<True/>{shares}{child}", id=0, score="a", defaultChild=1)
    more = 'missingValueStrategy="defaultChild" missingValuePenalty="0.8"'
    output = told("sure", "confidence", "double", value="a")
    return file("TreeModel", "classification", body, target="k3", output=output, more=more)


LINES = segment("1", "<True/>", line(1, 1, 1)) + segment("2", "<True/>", line(2, 0.5, 1))
CLASSES = segment("1", "<True/>", classifier((1, 2, 3), (3, 2, 1), (1, 1, 1)))
TWO = table(0.25, 0.5, -0.3, targetCategory="yes") + table(0, 0, 0, targetCategory="no")
MACHINES = "".join(machine(weights, 0, targetCategory="abc"[at]) for at, weights in enumerate(WEIGHTS))

REFUSED = {
    # models
    **{
        name: (
            whole(f'<{name} functionName="regression"><MiningSchema><MiningField name="x"/></MiningSchema></{name}>'),
            f"<{name}> is not served",
        )
        for name in models.OTHERS
    },
    "two models": (
        whole(2 * f'<TreeModel functionName="regression">{node("0", "<True/>", score=1)}</TreeModel>'),
        "<PMML> has 2 models; it needs one",
    ),
    "not scorable": (
        file("RegressionModel", "regression", SUM, more='isScorable="false"'),
        "<RegressionModel> says of itself",
    ),
    # fields
    "cyclic": (
        whole(
            file("RegressionModel", "regression", SUM)[
                file("RegressionModel", "regression", SUM).index("<RegressionModel") : -7
            ],
            own={"x": field("x", "double", "").replace("<DataField ", '<DataField isCyclic="1" ')},
        ),
        "<DataField> is cyclic",
    ),
    "dateDaysSince": (
        whole("<TreeModel/>", own={"x": field("x", "dateDaysSince[1960]", "")}),
        "<DataField> has dataType",
    ),
    "unknown treatment": (treated('invalidValueTreatment="asNothing"'), "<MiningField> has invalidValueTreatment"),
    "unknown outliers": (treated('outliers="asNothing"'), "<MiningField> has outliers"),
    # expressions
    **{
        f"TextIndex {name}": (computed(f'<TextIndex textField="x" {given}><Constant>a</Constant></TextIndex>'), message)
        for name, (given, message) in {
            "augmented": ('localTermWeights="augmentedNormalizedTermFrequency"', "<TextIndex> has localTermWeights"),
            "whole": ('tokenize="false"', "<TextIndex> has tokenize = false, which JPMML does not serve"),
            "hits": ('countHits="someHits"', "<TextIndex> has countHits"),
            "distance": ('maxLevenshteinDistance="-1"', "<TextIndex> has maxLevenshteinDistance = -1"),
            "far": ('maxLevenshteinDistance="21"', "<TextIndex> has maxLevenshteinDistance = 21"),
            "wordRE": ('wordRE="a"', "<TextIndex> has wordRE"),
            "nothing": ('x-wordRE="a*"', "<TextIndex> has a pattern that matches no character"),
            "look": ('x-wordRE="a(?=b)"', "<TextIndex> has the pattern 'a(?=b)', which has '(?=b)'"),
            "posix": (r'x-wordRE="\p{L}+"', "<TextIndex> has the pattern"),
            "cube": ('x-wordRE="a*a*b"', "repeats without a bound, twice, what may be the same"),
            "exponent": ('x-wordRE="(a+)+b"', "repeats a group whose length varies"),
            "ways": (f'x-wordRE="{"a?" * 13}b"', "can match in more than 4096 ways"),
            "bound": (r'x-wordRE="\bé+"', "beside characters beyond ASCII"),
            "long": (f'x-wordRE="{"a" * 2001}"', "has 2001 characters"),
        }.items()
    },
    "no terms": (computed('<TextIndex textField="x"/>'), "<TextIndex> has no Constant or"),
    "text of a model": (
        file(
            "RegressionModel",
            "regression",
            SUM,
            output=told("own", "predictedValue", "double")
            + told("o", "transformedValue", "double").replace(
                "/>", f'><TextIndex textField="own">{X}</TextIndex></OutputField>', 1
            ),
        ),
        "<TextIndex> of what a model made",
    ),
    **{
        f"table {name}": (
            computed(
                f'<TextIndex textField="x"><TextIndexNormalization {given}>{rows}</TextIndexNormalization>'
                "<Constant>a</Constant></TextIndex>"
            ),
            message,
        )
        for name, (given, rows, message) in {
            "elsewhere": ("", "<TableLocator/>", "<TextIndexNormalization> has no InlineTable"),
            "cell": ("", "<InlineTable><row><string>a</string></row></InlineTable>", "<row> has no cell 'stem'"),
            "column": ('inField="from"', TABLE.format("a", "b", ""), "<row> has no cell 'from'"),
            "group": ("", TABLE.format("a", "$1", "true"), "<row> puts in '$1', which has '$1'"),
            "slash": ("", TABLE.format("a", "\\", ""), "ends with a backslash"),
            "nothing": ("", TABLE.format("a*", "b", "true"), "<row> has 'a*', which matches no character"),
            "both": ('x-wordRE="a" wordSeparatorCharacterRE="b"', "<InlineTable/>", "has both"),
        }.items()
    },
    "Lag": (computed('<Lag field="x" n="2"/>'), "<Lag> is not served"),
    "Aggregate": (computed('<Aggregate field="x" function="average"/>'), "<Aggregate> is not served"),
    "unknown function": (
        computed(f'<Apply function="x-of-ours">{X}</Apply>'),
        "<Apply> is not served: no function 'x-of-ours'",
    ),
    "formatNumber": (
        computed(f'<Apply function="formatNumber">{X}<Constant>%3d</Constant></Apply>'),
        "<Apply> is not served",
    ),
    # outputs
    **{
        feature: (told_also(told("o", feature)), f"<OutputField> has feature = '{feature}'")
        for feature in (
            "residual",
            "standardError",
            "standardDeviation",
            "warning",
            "ruleValue",
            "predictedDisplayValue",
        )
    },
    "reason of none": (told_also(told("o", "reasonCode")), "<OutputField> asks for reason code 1 of 0"),
    "entity of none": (told_also(told("o", "entityId")), "<OutputField> asks for an entity's id"),
    "segmentId": (told_also(told("o", "predictedValue", segmentId="1")), "<OutputField> tells of one segment"),
    "rankOrder": (told_also(told("o", "predictedValue", rankOrder="ascending")), "<OutputField> has rankOrder"),
    "rankBasis": (told_also(told("o", "predictedValue", rankBasis="lift")), "<OutputField> has rankBasis"),
    "isMultiValued": (told_also(told("o", "predictedValue", isMultiValued="1")), "<OutputField> has isMultiValued"),
    "knn affinity": (
        neighbours("regression", "", output=told("o", "affinity", "double")),
        "<OutputField> asks for feature",
    ),
    # models' own
    "exp of classes": (
        file("RegressionModel", "classification", TWO, target="k2", more='normalizationMethod="exp"'),
        "<RegressionModel> has normalizationMethod = 'exp'",
    ),
    "softmax of an order": (
        file("RegressionModel", "classification", TWO, target="o2", more='normalizationMethod="softmax"'),
        "<RegressionModel> has 'softmax' of classes in order",
    ),
    "unknown link": (
        general("generalizedLinear", cells(BETAS), more='linkFunction="cauchit"'),
        "<GeneralRegressionModel> has linkFunction",
    ),
    "strata": (
        general("CoxRegression", cells(BETAS), more='endTimeVariable="x" baselineStrataVariable="c"'),
        "<GeneralRegressionModel> has baselines by strata",
    ),
    "unknown strategy": (tree('missingValueStrategy="bestGuess"'), "<TreeModel> has missingValueStrategy"),
    "penalty of a confidence": (penalised(), "<OutputField> asks for feature = 'confidence'"),
    "no default child": (
        tree('missingValueStrategy="defaultChild"'),
        "<Node> names no child of its own as defaultChild",
    ),
    "order of words": (
        file(
            "TreeModel",
            "regression",
            node("0", "<True/>", node("1", simple("c", "lessThan", "red"), score=1)),
            fields="c",
        ),
        "<SimplePredicate> compares the words of 'c' by lessThan, which have no order",
    ),
    **{
        f"{method} of numbers": (several(method, LINES), f"<Segmentation> has multipleModelMethod = '{method}'")
        for method in ("max", "majorityVote")
    },
    **{
        f"{method} of classes": (
            several(method, CLASSES, "classification", target="k3", output=chances("k3")),
            f"<Segmentation> has multipleModelMethod = '{method}'",
        )
        for method in ("max", "median", "sum")
    },
    "skipped in a chain": (
        several("modelChain", LINES, more='missingPredictionTreatment="skipSegment"'),
        "<Segmentation> has missingPredictionTreatment",
    ),
    "predicate in a chain": (
        several("modelChain", segment("1", simple("x", "lessThan", 1), line(1, 1, 1))),
        "<SimplePredicate> of a segment in a chain",
    ),
    "altitude": (
        file(
            "NeuralNetwork", "regression", network("radialBasis"), more='activationFunction="radialBasis" altitude="2"'
        ),
        "<Neuron> has an altitude",
    ),
    "coefficients": (
        file(
            "SupportVectorMachineModel",
            "regression",
            KERNELS["linear"] + dictionary() + machine(WEIGHTS[0], 1),
            more='svmRepresentation="Coefficients"',
        ),
        "<SupportVectorMachineModel> has svmRepresentation",
    ),
    "maxWins": (
        file(
            "SupportVectorMachineModel",
            "classification",
            KERNELS["rbf"] + dictionary() + MACHINES,
            target="k3",
            more='maxWins="true"',
        ),
        "<SupportVectorMachineModel> has maxWins",
    ),
    "one machine": (
        file(
            "SupportVectorMachineModel",
            "classification",
            KERNELS["rbf"] + dictionary() + machine(WEIGHTS[0], 1, targetCategory="yes"),
            target="k2",
            more='alternateBinaryTargetCategory="no"',
        ),
        "<SupportVectorMachineModel> tells two classes by one",
    ),
    "gaussSim": (
        clustering("<euclidean/>", compared="gaussSim"),
        "<ComparisonMeasure> has compareFunction = 'gaussSim'",
    ),
    "table": (clustering("<euclidean/>", compared="table"), "<ComparisonMeasure> has compareFunction = 'table'"),
    "binarySimilarity": (
        clustering("<binarySimilarity/>", kind="similarity"),
        "<ComparisonMeasure> has binarySimilarity",
    ),
    "distribution based": (
        clustering("<euclidean/>").replace("centerBased", "distributionBased"),
        "<ClusteringModel> has modelClass",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_name_and_line(name: str, tmp_path: Path) -> None:
    text, message = REFUSED[name]
    path = tmp_path / "model.pmml"
    path.write_text(text)
    with pytest.raises(ImportRefused) as caught:
        pmml.propose(path, Wishes(options={"output": "y"}))
    assert str(caught.value).startswith("model.pmml: line 1: <"), caught.value
    assert message in str(caught.value)


def test_the_line_is_the_elements_own(tmp_path: Path) -> None:
    path = tmp_path / "model.pmml"
    path.write_text(tree('missingValueStrategy="defaultChild"').replace("><", ">\n<"))
    with pytest.raises(ImportRefused, match=r"line 14: <Node> names no child of its own"):
        pmml.propose(path, Wishes())


def test_several_outputs_without_a_plain_one_ask_which_ranks(tmp_path: Path) -> None:
    path = tmp_path / "model.pmml"
    body = node(
        "0", "<True/>", node("1", simple("x", "lessThan", 0), score="a", counts=(6, 2, 1)), score="c", counts=(1, 2, 6)
    )
    path.write_text(file("TreeModel", "classification", body, target="k3", output=chances("k3")))
    with pytest.raises(ImportRefused, match=r"say which output ranks, with -o output=NAME: p_a, p_b, p_c"):
        pmml.propose(path, Wishes())
    assert pmml.propose(path, Wishes(options={"output": "p_c"})).tell
