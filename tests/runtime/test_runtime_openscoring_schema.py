"""What Openscoring's clients are told of a model, and what nobody may do to it."""

import json
from pathlib import Path

import pytest
from openscoring_kit import asked, message
from runtime_kit import MODEL, body_of, document, json_of, write_bundle

from ranklet_runtime.dialects import openscoring_schema
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import from_document
from ranklet_runtime.served import Served

CHECKED = ["check", ["as", ["field", "price"], "integer"], {"whole": True, "intervals": [[0.5, None, "openClosed"]]},
           "error"]  # fmt: skip
VALID = ["check", ["field", "country"], {"valid": ["at", "fr"]}, "error"]


def test_models_are_listed_with_their_summary(films: Function) -> None:
    (one,) = json_of(films(asked("/model"), None))["responses"]
    assert one == {
        "id": MODEL,
        "miningFunction": "regression",
        "summary": "ranklet model: linear",
        "properties": {"model.version": "3"},
    }


def test_fields_are_described_with_types_and_values(films: Function, telling: Function) -> None:
    found = json_of(films(asked(f"/model/{MODEL}"), None))
    assert {field["id"]: field for field in found["schema"]["inputFields"]}["country"] == {
        "id": "country",
        "name": "of the user",
        "dataType": "string",
        "opType": "categorical",
        "values": ["at", "de", "fr"],
    }
    types = {field["id"]: (field["dataType"], field["opType"]) for field in found["schema"]["inputFields"]}
    assert types["price"] == ("double", "continuous")
    assert types["age"] == ("integer", "continuous")
    assert types["id"] == ("integer", "categorical")
    assert [field["id"] for field in found["schema"]["targetFields"]] == ["score"]
    assert "vector" in {field["id"] for field in found["schema"]["tensorFields"]}
    told = json_of(telling(asked(f"/{MODEL}/model/{MODEL}"), None))["schema"]
    assert [field["id"] for field in (*told["targetFields"], *told["outputFields"])] == ["margin", "where", "score"]
    assert told["outputFields"][0]["values"] == ["de", "fr"]


def test_what_expressions_check_is_what_fields_take() -> None:
    features = {
        **document()["features"],
        "price": {"kind": "expression", "of": ["price"], "options": {"expr": json.dumps(CHECKED)}},
        "country": {
            "kind": "expression",
            "of": ["country"],
            "options": {"expr": json.dumps(VALID), "vocabulary": ["at", "de", "fr"]},
        },
    }
    fields = openscoring_schema.schema(Served(from_document(document(features=features))))["inputFields"]
    by_name = {field["id"]: field for field in fields}
    assert by_name["price"]["values"] == ["(0.5, Infinity]"]
    assert (by_name["price"]["dataType"], by_name["price"]["opType"]) == ("integer", "continuous")
    assert by_name["country"]["values"] == ["at", "fr"]


def test_the_pmml_document_is_answered_where_a_bundle_has_one(films: Function, tmp_path: Path) -> None:
    assert "has no PMML document" in message(films(asked(f"/model/{MODEL}/pmml"), None), 404)
    bundle = write_bundle(tmp_path / "bundle")
    (bundle / "model.pmml").write_bytes(b"<PMML/>")
    answer = Function.open(bundle, {})(asked(f"/model/{MODEL}/pmml"), None)
    assert answer["headers"] == {"content-type": "application/xml", "x-application": "Openscoring/2.2"}
    assert body_of(answer) == b"<PMML/>"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("prefix", ["", f"/{MODEL}"])
def test_nobody_deploys_by_a_request(films: Function, method: str, prefix: str) -> None:
    assert "by the build" in message(films(asked(f"{prefix}/model/{MODEL}", method), None), 403)


def test_another_model_path_or_method_is_refused(films: Function) -> None:
    assert "no model 'other'" in message(films(asked("/model/other"), None), 404)
    assert "no model 'other'" in message(films(asked("/model/other/batch", "POST"), None), 404)
    answer = films(asked(f"/model/{MODEL}/batch"), None)
    assert (message(answer, 405), answer["headers"]["allow"]) == ("this path takes POST", "POST")
    assert films(asked(f"/model/{MODEL}/metrics"), None)["statusCode"] == 404
