"""Both end-to-end models as they are served: cut by the build, held to the whole graph as it was exported."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from ranklet import model, pipeline
from ranklet.pipeline import Built
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_runtime.function import Function

GRAPHS = {"movie-deepfm": "deepfm.onnx", "movie-din": "din.onnx"}
EVERYTHING = [*range(1, 1683), 0, -1, 10**7]
PEOPLE: list[dict[str, Any]] = [
    {"user_id": 250, "age": 34, "gender": "M", "occupation": "engineer", "history": [174, 12, 56, 210, 204, 96]},
    {"user_id": 10**7, "age": 9, "gender": "F", "occupation": "astronaut", "history": list(range(1, 400))},
    {"user_id": 0, "age": 0, "gender": "", "occupation": "", "history": []},
]
NOW = 890_000_000


@pytest.fixture(scope="module", params=GRAPHS)
def built(request, root: Path, tmp_path_factory) -> Built:
    return pipeline.build(root / "functions" / request.param, out=tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def call(built: Built):
    """The end of a path, a body → the answer's document."""
    function = Function.open(built.folder, {})

    def ask(verb: str, body: dict[str, Any]) -> dict[str, Any]:
        path = f"/v1/models/{built.model}:{verb}"
        http = {"method": "POST", "path": path}
        event = {"version": "2.0", "rawPath": path, "headers": {"content-type": "application/json"}}
        reply = function(event | {"requestContext": {"http": http}, "body": json.dumps(body)}, None)
        assert reply["statusCode"] == 200, reply
        document: dict[str, Any] = json.loads(reply["body"])
        return document

    yield ask
    function.scorer.close()


@pytest.fixture(scope="module")
def uncut(built: Built, root: Path) -> Callable[[dict[str, Any], list[int]], np.ndarray]:
    """A person, films → the scores of the exported graph."""
    folder = root / "functions" / built.model
    described = model.load(folder)
    plan = FeaturePlan.compile(FeatureSpec(described.inputs, described.features), folder, {})
    session = onnxruntime.InferenceSession(folder / "export" / GRAPHS[built.model])

    def score(person: dict[str, Any], films: list[int]) -> np.ndarray:
        made = plan.assemble(person, {"timestamp": NOW}, {"movie_id": films}).tensors
        feeds = {name: np.broadcast_to(value, (len(films), *value.shape[1:])) for name, value in made.items()}
        return session.run(None, feeds)[0]

    return score


def test_the_split_of_model_toml_ships_with_rows_of_the_readmes_size(built: Built, root: Path) -> None:
    folder = root / "functions" / built.model
    assert built.split is not None
    declared = model.load(folder).split
    assert (built.split["shipped"], built.manifest.uncut_below) == (declared.variant, declared.uncut_below)
    table = built.manifest.spec.tables["item-rows"]
    numbers = re.search(r"(\d+) numbers a film, in a table", (folder / "README.md").read_text(encoding="utf-8"))
    assert (table.rows, table.dim) == (1682, int(numbers[1]))
    assert "item_record" in built.manifest.steps[0].inputs


@pytest.mark.parametrize("person", PEOPLE, ids=["known", "odd", "nobody"])
def test_few_candidates_score_as_in_a_long_list(built: Built, call, uncut, person) -> None:
    """On both sides of the number from which the split serves, films that nobody knows among them."""
    mine = _declared(built, person)
    for count in (1, 2, 3, 9, 10, 11):
        films = [10**7, *EVERYTHING[: count - 1]]
        document = call("rank", {"user": mine, "context": {"timestamp": NOW}, "items": {"movie_id": films}})
        np.testing.assert_allclose(document["scores"], uncut(mine, films), atol=1e-5)
        assert document["degraded"] == {"missing_rows:item-rows": 1}


@pytest.mark.parametrize("person", PEOPLE, ids=["known", "odd", "nobody"])
def test_the_whole_catalogue_scores_as_the_exported_graph_does(built: Built, call, uncut, person) -> None:
    mine = _declared(built, person)
    document = call("rank", {"user": mine, "context": {"timestamp": NOW}, "items": {"movie_id": EVERYTHING}})
    np.testing.assert_allclose(document["scores"], uncut(mine, EVERYTHING), atol=1e-5)
    assert document["degraded"] == {"missing_rows:item-rows": 3}


def test_many_users_in_one_request_each_get_their_own_scores(built: Built, call, uncut) -> None:
    rows = [(person, film) for film in (50, 313, 64, 1) for person in PEOPLE]
    instances = [{**_declared(built, person), "timestamp": NOW, "movie_id": film} for person, film in rows]
    found = call("predict", {"instances": instances})["predictions"]
    expected = [uncut(_declared(built, person), [film])[0] for person, film in rows]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def _declared(built: Built, person: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in person.items() if name in built.manifest.spec.inputs}
