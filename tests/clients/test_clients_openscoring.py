"""The openscoring package, unmodified: records, batches and tables of the golden models, and of a model from PMML.

The model from PMML is the decision tree that Openscoring's own README shows, with the answers it shows for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import onnxruntime
import pandas as pd
import pytest
from clients_kit import Row
from openscoring import Openscoring
from openscoring.common import BatchEvaluationRequest, EvaluationRequest, ModelResponse

from ranklet import draft, pipeline
from ranklet.constructs.routes import paths
from ranklet.importers.proposal import Wishes
from ranklet.local.cloud import LocalCloud
from ranklet.local.event_v2 import Api
from ranklet.local.function import Function, Layer
from ranklet.local.routes import Route
from ranklet.local.template import Deployment

IRIS = """<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>
<DataField name="Petal_Length" optype="continuous" dataType="double">
  <Interval closure="closedClosed" leftMargin="1" rightMargin="6.9"/></DataField>
<DataField name="Petal_Width" optype="continuous" dataType="double">
  <Interval closure="closedClosed" leftMargin="0.1" rightMargin="2.5"/></DataField>
<DataField name="Species" optype="categorical" dataType="string">
  <Value value="setosa"/><Value value="versicolor"/><Value value="virginica"/></DataField></DataDictionary>
<TreeModel functionName="classification" splitCharacteristic="binarySplit"><MiningSchema>
<MiningField name="Petal_Length"/><MiningField name="Petal_Width"/>
<MiningField name="Species" usageType="target"/></MiningSchema><Output>
<OutputField name="Probability_setosa" optype="continuous" dataType="double" feature="probability" value="setosa"/>
<OutputField name="Probability_versicolor" optype="continuous" dataType="double" feature="probability"
  value="versicolor"/>
<OutputField name="Probability_virginica" optype="continuous" dataType="double" feature="probability"
  value="virginica"/>
<OutputField name="Node_Id" optype="categorical" dataType="string" feature="entityId"/></Output>
<Node id="1" score="setosa" recordCount="150"><True/>
<Node id="2" score="setosa" recordCount="50">
<SimplePredicate field="Petal_Length" operator="lessThan" value="2.45"/>
<ScoreDistribution value="setosa" recordCount="50"/><ScoreDistribution value="versicolor" recordCount="0"/>
<ScoreDistribution value="virginica" recordCount="0"/></Node>
<Node id="3" score="versicolor" recordCount="100">
<SimplePredicate field="Petal_Length" operator="greaterOrEqual" value="2.45"/>
<Node id="6" score="versicolor" recordCount="54">
<SimplePredicate field="Petal_Width" operator="lessThan" value="1.75"/>
<ScoreDistribution value="setosa" recordCount="0"/><ScoreDistribution value="versicolor" recordCount="49"/>
<ScoreDistribution value="virginica" recordCount="5"/></Node>
<Node id="7" score="virginica" recordCount="46">
<SimplePredicate field="Petal_Width" operator="greaterOrEqual" value="1.75"/>
<ScoreDistribution value="setosa" recordCount="0"/><ScoreDistribution value="versicolor" recordCount="1"/>
<ScoreDistribution value="virginica" recordCount="45"/></Node></Node></Node></TreeModel></PMML>"""

NAMES = ("Species", "Probability_setosa", "Probability_versicolor", "Probability_virginica", "Node_Id")
RECORDS = [
    {"Sepal_Length": 5.1, "Sepal_Width": 3.5, "Petal_Length": 1.4, "Petal_Width": 0.2},
    {"Sepal_Length": 7, "Sepal_Width": 3.2, "Petal_Length": 4.7, "Petal_Width": 1.4},
    {"Sepal_Length": 6.3, "Sepal_Width": 3.3, "Petal_Length": 6, "Petal_Width": 2.5},
]
ANSWERS = [
    ("setosa", 1.0, 0.0, 0.0, "2"),
    ("versicolor", 0.0, 0.9074074074074074, 0.09259259259259259, "6"),
    ("virginica", 0.0, 0.021739130434782608, 0.9782608695652174, "7"),
]
"""Of Openscoring, as its README shows them."""


@pytest.fixture(scope="module")
def iris_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree, imported and built."""
    folder = tmp_path_factory.mktemp("iris")
    (folder / "iris.pmml").write_text(IRIS)
    draft.draft(
        folder / "iris.pmml", folder / "functions" / "iris", wishes=Wishes(options={"output": "Probability_virginica"})
    )
    (folder / "functions" / "iris" / "export" / "model.pmml").write_text(IRIS)
    return pipeline.build(folder / "functions" / "iris", out=folder / "build", progress=lambda said: None).folder


@pytest.fixture(scope="module", params=["http", "rest"])
def iris(
    request: pytest.FixtureRequest, iris_bundle: Path, layer: Layer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a fleet that serves it below a stage."""
    python = tmp_path_factory.mktemp("onnx") / "python"
    python.mkdir()
    installed = Path(onnxruntime.__file__).parents[1]
    for name in ("onnxruntime", "onnxruntime.libs", "flatbuffers", "packaging", "google"):
        if (installed / name).exists():
            (python / name).symlink_to(installed / name)
    layers = (layer, Layer("onnx", python.parent))
    function = Function("iris", "ranklet_runtime.handler.handler", iris_bundle, layers, memory_mb=512, timeout_s=30.0)
    routes = tuple(Route(f"ANY {path}", "iris") for path in paths("iris"))
    build = tmp_path_factory.getbasetemp() / "clients-build"
    deployment = Deployment((function,), routes, Api(request.param, "prod"))
    with LocalCloud(deployment, build=build, layers=lambda name: None, log=lambda line: None).running() as cloud:
        yield cloud.url


def told(url: str) -> Any:
    """What the client has no call for."""
    with urlopen(url, timeout=30) as answer:
        assert answer.headers["X-Application"] == "Openscoring/2.2"
        return json.load(answer)


def near(values: object) -> object:
    return pytest.approx(values, abs=1e-6)


@pytest.mark.parametrize("below", ["", "/{model}"])
def test_golden_requests_as_batches_and_records(served: str, golden: list[Row], below: str) -> None:
    for row in golden:
        client = Openscoring(served + below.format(model=row.model))
        results = client.evaluateBatch(row.model, row.rows)
        assert [one["score"] for one in results] == near(row.scores)
        for name, column in row.outputs.items():
            assert [one[name] for one in results] == [near(value) for value in column]
        one = client.evaluate(row.model, row.rows[-1])
        assert one == near(results[-1])


def test_golden_requests_as_tables(served: str, golden: list[Row], tmp_path: Path) -> None:
    client = Openscoring(served)
    for row in (row for row in golden if row.model == "films"):
        frame = pd.DataFrame(row.rows)
        assert client.evaluateCsv("films", frame)["score"].tolist() == near(row.scores)
        named = frame.set_axis([f"r{at}" for at in range(len(frame))]).rename_axis("Id")
        named.to_csv(tmp_path / "in.csv", sep=";")
        client.evaluateCsvFile("films", tmp_path / "in.csv", tmp_path / "out.csv")
        table = pd.read_csv(tmp_path / "out.csv", sep=";", index_col="Id")
        assert table.index.tolist() == named.index.tolist()
        assert table["score"].tolist() == near(row.scores)


def test_refusals_are_the_clients_errors(served: str, golden: list[Row]) -> None:
    client, row = Openscoring(served), golden[0]
    with pytest.raises(ValueError, match=r"\$\.arguments\.price: a number is expected"):
        client.evaluate("films", {**row.rows[0], "price": "cheap"})
    with pytest.raises(ValueError, match=r"\$\.rows\[1\]\.price: a number is expected"):
        client.evaluateCsv("films", pd.DataFrame([row.rows[0], {**row.rows[1], "price": None}]))
    with pytest.raises(ValueError, match="by the build, not by a request"):
        client.deploy("films", "<PMML/>")
    with pytest.raises(ValueError, match="by the build, not by a request"):
        client.undeploy("films")


def test_one_bad_record_does_not_fail_the_others(served: str, golden: list[Row]) -> None:
    row = golden[0]
    rows = [row.rows[0], {**row.rows[1], "price": "cheap"}, row.rows[2]]
    asked = BatchEvaluationRequest("b", [EvaluationRequest(f"r{at}", one) for at, one in enumerate(rows)])
    answer = Openscoring(served).evaluateBatch("films", asked)
    assert (answer.id, [one.id for one in answer.responses]) == ("b", ["r0", "r1", "r2"])
    assert [one.message is None for one in answer.responses] == [True, False, True]
    assert answer.responses[2].results["score"] == near(row.scores[2])


def test_models_are_listed_and_described(served: str) -> None:
    for model in ("films", "shelves"):
        (one,) = told(f"{served}/{model}/model")["responses"]
        assert one["id"] == model
        described = ModelResponse(**told(f"{served}/model/{model}")).ensureSuccess()
        assert described.id == model
        assert described.schema["inputFields"]


def test_a_model_from_pmml_answers_as_openscoring_does(iris: str, tmp_path: Path) -> None:
    client = Openscoring(iris)
    for record, answer in zip(RECORDS, ANSWERS, strict=True):
        results = client.evaluate("iris", record)
        assert list(results)[: len(NAMES)] == list(NAMES)
        assert tuple(results[name] for name in NAMES) == answer
    frame = pd.DataFrame([{"Id": f"record-{at:03}", **record} for at, record in enumerate(RECORDS, start=1)])
    table = client.evaluateCsv("iris", frame).astype({"Node_Id": str})
    assert table["Id"].tolist() == ["record-001", "record-002", "record-003"]
    assert [tuple(row) for row in table[list(NAMES)].itertuples(index=False)] == ANSWERS


def test_a_value_that_the_pmml_calls_invalid_fails_its_record_alone(iris: str) -> None:
    records = [RECORDS[0], {**RECORDS[1], "Petal_Width": 9.0}, {}, RECORDS[2]]
    asked = BatchEvaluationRequest("b", [EvaluationRequest(str(at), one) for at, one in enumerate(records)])
    first, second, third, fourth = Openscoring(iris).evaluateBatch("iris", asked).responses
    assert "Petal_Width" in second.message
    assert third.message is None  # missing values have their way through a tree
    assert (first.results["Species"], fourth.results["Species"]) == ("setosa", "virginica")


def test_fields_of_a_model_from_pmml_are_those_of_its_dictionary(iris: str) -> None:
    schema = told(f"{iris}/model/iris")["schema"]
    length = {"id": "Petal_Length", "dataType": "double", "opType": "continuous", "values": ["[1.0, 6.9]"]}
    assert {name: value for name, value in schema["inputFields"][0].items() if name != "name"} == length
    assert schema["targetFields"] == [
        {
            "id": "Species",
            "dataType": "string",
            "opType": "categorical",
            "values": ["setosa", "versicolor", "virginica"],
        }
    ]
    assert [field["id"] for field in schema["outputFields"]] == [*NAMES[1:], "score"]


def test_the_pmml_document_is_the_one_that_the_author_laid_into_the_folder(iris: str) -> None:
    with urlopen(f"{iris}/model/iris/pmml", timeout=30) as answer:
        assert answer.headers["Content-Type"] == "application/xml"
        assert answer.read().decode() == IRIS
