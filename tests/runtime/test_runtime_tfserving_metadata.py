"""What TensorFlow Serving's metadata says of a model, in its own spelling and in OpenVINO's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from runtime_kit import MODEL, event, json_of

from ranklet_runtime.function import Function

TOLD: dict[str, Any] = {
    "told": {
        "margin": {"tensor": "logit"},
        "home": {"tensor": "country", "labels": ["first", "second", "third"]},
        "home_bytes": {"tensor": "country", "labels": ["ä", "second", "third"]},
    }
}
STEP = {
    "engine": "linear",
    "rows": "item",
    "inputs": {name: name for name in ("age", "country", "hour", "price", "rating", "vector")},
    "outputs": {"score": "score", "logit": "logit"},
    "artefact": "weights.npz",
}


@pytest.fixture
def telling(open_films: Callable[..., Function]) -> Function:
    """The kit's model, which also tells its logit and words of its user's country."""
    return open_films(**TOLD, steps=[STEP])


def tensor(dtype: str, *sizes: int, name: str) -> dict[str, Any]:
    dims = [{"size": str(size), "name": ""} for size in (-1, *sizes)]
    return {"dtype": dtype, "tensor_shape": {"dim": dims, "unknown_rank": False}, "name": f"{name}:0"}


@pytest.mark.parametrize("path", ["", "/versions/3"])
def test_metadata_has_the_features_and_the_tensors_as_signatures(telling: Function, path: str) -> None:
    document = json_of(telling(event(f"/v1/models/{MODEL}{path}/metadata", method="GET"), None))
    assert document["model_spec"] == {"name": MODEL, "signature_name": "", "version": "3"}
    signatures = document["metadata"]["signature_def"]["signature_def"]
    raw, tensors = signatures["serving_default"], signatures["serving_tensors"]
    assert raw["inputs"]["country"] == tensor("DT_STRING", name="country")
    assert raw["inputs"]["price"] == tensor("DT_DOUBLE", name="price")
    assert tensors["inputs"]["country"] == tensor("DT_INT64", name="country")
    assert tensors["inputs"]["vector"] == tensor("DT_FLOAT", 2, name="vector")
    for signature in (raw, tensors):
        assert signature["method_name"] == "tensorflow/serving/predict"
        assert signature["outputs"] == {
            "score": tensor("DT_FLOAT", name="score"),
            "margin": tensor("DT_DOUBLE", name="margin"),
            "home": tensor("DT_STRING", name="home"),
            "home_bytes": tensor("DT_STRING", name="home_bytes"),
        }
    assert signatures["classification"]["method_name"] == "tensorflow/serving/classify"
    assert signatures["regression"]["outputs"] == {"outputs": tensor("DT_FLOAT", name="outputs")}


def test_metadata_says_lists_vectors_and_kinds_of_labels(open_films: Callable[..., Function]) -> None:
    inputs = {
        "age": {"side": "user", "type": "int"},
        "taste": {"side": "user", "length": 4},
        "tags": {"side": "item", "type": "string", "list": True},
    }
    features = {"age": {"kind": "dense", "of": ["age"]}}
    step = {**STEP, "inputs": {"age": "age"}, "artefact": "one.npz"}
    labels = {"whole": [1, 2], "part": [1, 0.5], "yes": [True, False], "word": ["a", 1]}
    films = open_films(
        inputs=inputs,
        features=features,
        tables={},
        steps=[step],
        item_key=None,
        told={name: {"tensor": "logit", "labels": given} for name, given in labels.items()},
        weights={"one.npz": {"bias": [0.0], "w.age": [1.0]}},
    )
    document = json_of(films(event(f"/v1/models/{MODEL}/metadata", method="GET"), None))
    default = document["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert default["inputs"]["taste"] == tensor("DT_DOUBLE", 4, name="taste")
    assert default["inputs"]["tags"] == tensor("DT_STRING", -1, name="tags")
    kinds = {name: default["outputs"][name]["dtype"] for name in labels}
    assert kinds == {"whole": "DT_INT64", "part": "DT_DOUBLE", "yes": "DT_BOOL", "word": "DT_STRING"}


def test_openvinos_clients_read_names_as_their_server_spells_them(films: Function) -> None:
    document = json_of(films(event(f"/v1/models/{MODEL}/versions/0/metadata", method="GET"), None))
    assert document["modelSpec"] == {"name": MODEL, "signatureName": "", "version": "3"}
    (signatures,) = document["metadata"]["signature_def"].values()
    assert signatures["serving_default"]["methodName"] == "tensorflow/serving/predict"
    assert signatures["serving_default"]["inputs"]["age"]["tensorShape"] == {
        "dim": [{"size": "-1", "name": ""}],
        "unknownRank": False,
    }
