"""TensorFlow Serving's paths as documents: what is sent and answered is what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest

from ranklet.dialects import FORMS
from ranklet.dialects.tfserving import operations
from ranklet.golden import Golden
from ranklet_features.spec import FeatureSpec, Input
from ranklet_runtime.dialects.base import Call, Route
from ranklet_runtime.dialects.tfserving import PATHS, TfServing
from ranklet_runtime.dialects.tfserving_answers import classes, predictions, regressions
from ranklet_runtime.manifest import Manifest, Told
from ranklet_runtime.messages import HttpRequest, RankResult
from ranklet_runtime.served import Served

SPEC = FeatureSpec(
    inputs={
        "age": Input(side="user", type="int"),
        "seen": Input(side="user", type="int", list=True),
        "id": Input(side="item", type="int"),
        "price": Input(side="item", default=1.0),
        "tags": Input(side="item", type="string", list=True),
    },
    features={},
)
PLAIN = Manifest(model="m", version="1", spec=SPEC, steps=(), score="score")
TELLING = replace(PLAIN, told={"margin": Told("logit"), "word_bytes": Told("code", ("a", "b"))}, nulls=True)
GOLDEN = Golden({"age": 3, "seen": [7]}, {}, {"id": [1, 2], "price": [0.5, None], "tags": [["a"], []]}, (0.25, 0.75))
SCORES = np.array([0.25, 0.75], np.float32)


def schema(manifest: Manifest, id: str, part: str) -> Any:
    (found,) = (one for one in operations(manifest) if one.id == id)
    return (found.request if part == "request" else found.answer)["application/json"]


@pytest.mark.parametrize("manifest", [PLAIN, TELLING])
def test_golden_forms_are_what_the_document_says(manifest: Manifest) -> None:
    for form, id in (("tfs-rows", "predict"), ("tfs-columns", "predict"), ("tfs-classify", "classify")):
        body = json.loads(FORMS[form].encode(GOLDEN, manifest).body)
        jsonschema.validate(body, schema(manifest, id, "request"))
        assert FORMS[form].url(manifest) == f"/m/v1/models/m:{id}"
    assert schema(manifest, "regress", "request") == schema(manifest, "classify", "request")


@pytest.mark.parametrize(
    "body", [{}, {"instances": [], "inputs": {}}, {"instances": [{"age": "x"}]}, {"inputs": {"age": 3}}, [1]]
)
def test_what_is_refused_is_not_in_the_document(body: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, schema(PLAIN, "predict", "request"))


def test_answers_are_what_the_document_says() -> None:
    outputs: dict[str, Any] = {"margin": np.array([0.5, 2.0]), "word_bytes": ["a", None]}
    for manifest, told in ((PLAIN, {}), (TELLING, outputs)):
        result, served = RankResult(SCORES, {}, outputs=told), Served(manifest)
        for key in ("predictions", "outputs"):
            jsonschema.validate(json.loads(predictions(result, served, key)), schema(manifest, "predict", "answer"))
        jsonschema.validate(json.loads(classes(result, served)), schema(manifest, "classify", "answer"))
        jsonschema.validate(json.loads(regressions(result)), schema(manifest, "regress", "answer"))


@pytest.mark.parametrize(
    ("id", "path"), [("modelStatus", PATHS[0]), ("modelSignatures", f"{PATHS[0]}/metadata"), ("alive", "/")]
)
def test_descriptions_are_what_the_document_says(id: str, path: str) -> None:
    call = Call(Route("GET", path, scores=False), "m")
    answer = TfServing().describe(HttpRequest("GET", path.format(model="m"), {}, b""), call, Served(TELLING))
    jsonschema.validate(json.loads(answer.body), schema(TELLING, id, "answer"))


def test_every_path_is_in_the_document_and_of_versions_and_labels_those_that_score() -> None:
    routes = {
        (one.method, one.path.replace("{model}", "m"))
        for one in TfServing.routes
        if one.scores or one.path.count("{") < 2
    }
    assert {(one.method, one.path) for one in operations(PLAIN)} == routes
    assert all(422 not in one.faults for one in operations(PLAIN))
