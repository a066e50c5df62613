"""Golden rows in SageMaker's and MLflow's forms: each says the same, and those that cannot are skipped."""

import csv
import io
import json
from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest

from ranklet import dialects
from ranklet.dialects.base import Form, Message
from ranklet.golden import Golden
from ranklet_features.spec import FeatureSpec, Input
from ranklet_runtime.manifest import Manifest, Told

MANIFEST = Manifest(
    model="m",
    version="7",
    spec=FeatureSpec(
        inputs={
            "age": Input(side="user", type="int", default=40),
            "price": Input(side="item", nan="allow"),
            "look": Input(side="item", length=2),
            "id": Input(side="item", type="int"),
        },
        features={},
    ),
    steps=(),
    score="score",
)
GOLDEN = Golden(
    {"age": 31}, {}, {"price": [0.1, None], "look": [[1.0, 2.5], [-3.0, 0.0]], "id": [7, 2**53]}, (0.25, 0.75)
)
NAMES = [*dialects.DIALECTS["sagemaker"], *dialects.DIALECTS["mlflow"]]
TABLES = {"sagemaker-csv", "sagemaker-npy", "mlflow-csv"}


def form(name: str) -> Form:
    return dialects.FORMS[name]


def changed(**inputs: Input) -> Manifest:
    """The manifest with other inputs."""
    return replace(MANIFEST, spec=replace(MANIFEST.spec, inputs={**MANIFEST.spec.inputs, **inputs}))


def having(**items: Any) -> Golden:
    """The golden row with other columns."""
    return replace(GOLDEN, items={**GOLDEN.items, **items})


def test_csv_and_npy_hold_the_inputs_in_their_declared_order() -> None:
    sent = form("sagemaker-csv").request(GOLDEN, MANIFEST)
    assert sent.headers == {"content-type": "text/csv", "accept": "text/csv"}
    rows = list(csv.reader(io.StringIO(sent.body.decode(), newline="")))
    assert rows == [["31", "0.1", "1.0", "2.5", "7"], ["31", "", "-3.0", "0.0", str(2**53)]]
    table = np.load(io.BytesIO(form("sagemaker-npy").encode(GOLDEN, MANIFEST).body))
    assert np.array_equal(table, [[31, 0.1, 1, 2.5, 7], [31, np.nan, -3, 0, 2**53]], equal_nan=True)


def test_what_a_row_leaves_out_is_an_empty_field() -> None:
    without = replace(GOLDEN, user={})
    assert form("sagemaker-csv").encode(without, MANIFEST).body.startswith(b",0.1,")


def test_documents_say_the_same_in_every_form() -> None:
    rows = json.loads(form("sagemaker-json").encode(GOLDEN, MANIFEST).body)["instances"]
    assert rows[0] == {"age": 31, "price": 0.1, "look": [1.0, 2.5], "id": 7}
    assert list(map(json.loads, form("sagemaker-jsonlines").encode(GOLDEN, MANIFEST).body.splitlines())) == rows
    assert json.loads(form("mlflow-records").encode(GOLDEN, MANIFEST).body)["dataframe_records"] == rows
    frame = json.loads(form("mlflow-split").encode(GOLDEN, MANIFEST).body)["dataframe_split"]
    assert [dict(zip(frame["columns"], row, strict=True)) for row in frame["data"]] == rows
    assert json.loads(form("mlflow-inputs").encode(GOLDEN, MANIFEST).body)["inputs"]["age"] == [31]


@pytest.mark.parametrize(
    ("golden", "manifest", "skipped"),
    [
        (GOLDEN, MANIFEST, {"mlflow-csv"}),
        (GOLDEN, changed(look=Input(side="item", type="int", list=True)), TABLES),
        (having(word=["a", "b"]), changed(word=Input(side="item", type="string")), {"sagemaker-npy", "mlflow-csv"}),
        (having(word=["a", ""]), changed(word=Input(side="item", type="string")), TABLES),
        (having(id=[7, 2**53 + 2]), MANIFEST, {"sagemaker-npy", "mlflow-csv"}),
        (GOLDEN, changed(price=Input(side="item", default=1.0)), {"sagemaker-npy", "mlflow-csv"}),
        (having(look=[[1, 2], [3, None]]), MANIFEST, TABLES),
    ],
)  # fmt: skip
def test_forms_that_cannot_hold_a_row_are_skipped(golden: Golden, manifest: Manifest, skipped: set[str]) -> None:
    assert {name for name in NAMES if not form(name).takes([golden], manifest)} == skipped
    for name in set(NAMES) - skipped:
        assert form(name).request(golden, manifest).body


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("sagemaker-json", b'{"predictions":[0.25,null]}'),
        ("sagemaker-json", b'{"predictions":[{"score":0.25,"label":"a"},{"score":null,"label":null}]}'),
        ("sagemaker-jsonlines", b'{"score":0.25,"label":"a"}\n{"score":null,"label":null}\n'),
        ("sagemaker-csv", b'0.25,a\n,"b,\nc"\n'),
        ("sagemaker-csv", b'0.25\n""\n'),
        ("mlflow-csv", b'{"predictions":[0.25,null]}'),
    ],
)
def test_answers_are_read_back(name: str, body: bytes) -> None:
    assert form(name).decode(Message(body)) == pytest.approx([0.25, np.nan], nan_ok=True)
    told = form(name).outputs
    if told is not None:
        wanted = {"column 1": ["a", "b,\nc"]} if b"b," in body else {"label": ["a", None]} if b"label" in body else {}
        assert dict(told(Message(body))) == wanted


def test_scores_in_npy_are_read_back() -> None:
    file = io.BytesIO()
    np.save(file, np.array([0.25, 0.5], np.float32))
    assert form("sagemaker-npy").decode(Message(file.getvalue())) == [0.25, 0.5]


@pytest.mark.parametrize("told", [{}, {"label": Told("x", ("a", "b"))}])
def test_openapi_describes_what_is_sent_and_answered(told: dict[str, Told]) -> None:
    manifest = replace(MANIFEST, told=told)
    for name in ("sagemaker", "mlflow"):
        scoring = [one for one in dialects.OPERATIONS[name](manifest) if one.method == "POST"]
        for one in scoring:
            for sent in ("sagemaker-json", "mlflow-split", "mlflow-records", "mlflow-inputs"):
                document = json.loads(form(sent).encode(GOLDEN, manifest).body)
                jsonschema.validate(document, one.request["application/json"])
            answer = {"predictions": [{"score": 0.5, "label": None}] if told else [0.5]}
            jsonschema.validate(answer, one.answer["application/json"])
