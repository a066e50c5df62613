"""Split bundles score as the uncut graph does, through the real handler, in requests that no golden row holds."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import msgpack
import numpy as np
import pytest
from splitting_kit import CLOSE, Model, ask, deep_fm, din, scores, shuffled, two_tower

from ranklet import certificate, pipeline
from ranklet.local.dynamodb import LocalDynamo
from ranklet.local.event_v2 import event_v2
from ranklet.pipeline import Built
from ranklet_runtime.function import Function

ZOO: dict[str, Callable[[], Model]] = {"tower": two_tower, "fm": deep_fm, "din": din}
CATALOGUE = 'catalogue = "export/items.csv"'


def build(model: Model, root: Path, name: str, split: str) -> Built:
    folder = model.write(root / "functions", name, split=split)
    return pipeline.build(folder, out=root / ".build")


@pytest.mark.parametrize("variant", ["A", "A+", "B", "B+", "uncut"])
@pytest.mark.parametrize("name", ZOO)
def test_every_variant_gives_the_uncut_graphs_scores(tmp_path: Path, name: str, variant: str) -> None:
    model = ZOO[name]()
    # Tables of 40 rows leave the graph: the users' and films', a cross's, and in DIN the one that both sides read.
    built = build(model, tmp_path, name, f'variant = "{variant}"\ncut_rows = 40\n{CATALOGUE}')
    assert built.split is not None and built.split["shipped"] == variant, built.notes
    split = certificate.verify(built.folder).split
    assert split is not None and split.uncut <= split.bound == CLOSE
    function = Function.open(built.folder, {})
    for request in shuffled(model):
        np.testing.assert_allclose(scores(function, request), model.scores(request), rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("name", ZOO)
def test_rows_of_several_users_score_as_each_would_alone(tmp_path: Path, name: str) -> None:
    model = ZOO[name]()
    function = Function.open(build(model, tmp_path, name, f'variant = "A"\ncut_rows = 100\n{CATALOGUE}').folder, {})
    rows, wanted = [], []
    for request in model.requests:
        for at in range(min(2, len(request["items"]["movie_id"]))):
            once = {**request["user"], **request["context"]}
            if "history" in function.manifest.spec.inputs:
                once.setdefault("history", [])
            rows.append({**once, **{item: column[at] for item, column in request["items"].items()}})
        wanted += model.scores(request)[:2]
    found = ask(function, f"/{name}/v1/models/{name}:predict", {"instances": rows})["predictions"]
    np.testing.assert_allclose(np.ravel(found), wanted, rtol=CLOSE, atol=CLOSE)


def test_only_the_cross_part_runs_per_candidate(tmp_path: Path) -> None:
    manifest = build(two_tower(), tmp_path, "tower", f'variant = "A"\n{CATALOGUE}').manifest
    assert [(step.engine, step.rows) for step in manifest.steps] == [("onnx", "user"), ("onnx", "item")]
    cross = manifest.steps[1]
    assert set(cross.inputs.values()) - {"item/row"} == set(manifest.steps[0].outputs.values())
    assert set(cross.once) == set(cross.inputs) - {"item_record"}
    assert set(manifest.spec.features) == {"user", "about", "when", "item/row"}


def test_what_is_in_an_items_row_need_not_be_sent_and_may_be(tmp_path: Path) -> None:
    model = two_tower()
    built = build(model, tmp_path, "tower", f'variant = "B"\n{CATALOGUE}')
    assert {name for name, one in built.manifest.spec.inputs.items() if one.unread} == {"genre", "year"}
    function = Function.open(built.folder, {})
    request = model.requests[3]
    short = {**request, "items": {"movie_id": request["items"]["movie_id"]}}
    np.testing.assert_array_equal(scores(function, short), scores(function, request))
    answer = function(
        event_v2(
            "POST",
            "/tower/v1/models/tower:rank",
            body=json.dumps({**request, "items": {**request["items"], "colour": [1]}}).encode(),
        ),
        None,
    )
    assert answer["statusCode"] == 400 and "colour" in answer["body"]


def test_an_item_that_the_catalogue_lacks_scores_as_an_unknown_one_and_is_counted(tmp_path: Path) -> None:
    model = two_tower()
    function = Function.open(build(model, tmp_path, "tower", f'variant = "A"\n{CATALOGUE}').folder, {})
    request = model.requests[4]
    size = len(request["items"]["movie_id"])
    changed = {**request, "items": {**request["items"], "movie_id": [5000, *request["items"]["movie_id"][1:]]}}
    answer = ask(function, "/tower/v1/models/tower:rank", changed)
    assert answer["degraded"] == {"missing_rows:item-rows": 1}
    # By hand: the id of unknown films, the genre's default, no year.
    known = {name: column[1:] for name, column in request["items"].items()}
    stranger = {"movie_id": [5000], "genre": [""], "year": [0.0]}
    wanted = model.scores({**request, "items": stranger}) + model.scores({**request, "items": known})
    np.testing.assert_allclose(answer["scores"], wanted, rtol=CLOSE, atol=CLOSE)
    assert len(wanted) == size


def test_a_request_of_the_msgpack_form_reads_the_same_rows(tmp_path: Path) -> None:
    model = deep_fm()
    function = Function.open(build(model, tmp_path, "fm", f'variant = "A"\n{CATALOGUE}').folder, {})
    request = model.requests[2]
    event = event_v2(
        "POST", "/fm/v1/models/fm:rank", headers={"content-type": "application/msgpack"}, body=msgpack.packb(request)
    )
    answer = msgpack.unpackb(base64.b64decode(function(event, None)["body"]))
    found = np.frombuffer(answer["scores"]["data"], answer["scores"]["dtype"])
    np.testing.assert_allclose(found, model.scores(request), rtol=CLOSE, atol=CLOSE)


def test_a_matrix_of_both_sides_columns_is_taken_apart(tmp_path: Path) -> None:
    features = build(deep_fm(), tmp_path, "fm", f'variant = "A"\n{CATALOGUE}').manifest.spec.features
    # price comes with the request, weight is in the catalogue, age is the user's.
    assert features["numbers.user"].of == ("age",)
    assert features["numbers.cross"].of == ("price",)
    assert (features["numbers.cross"].options["mean"], features["numbers.cross"].options["std"]) == ([5.0], [2.0])
    assert "numbers" not in features
    assert features["near"].of == ("town", "seller")  # a cross of both sides stays per candidate


def test_an_input_declared_pair_is_read_from_the_request(tmp_path: Path) -> None:
    model = two_tower()
    pair = Model(
        model.graph,
        model.toml.replace('year     = { side = "item" }', 'year = { side = "pair" }'),
        model.feeds,
        model.requests,
        model.catalogue,
    )
    assert pair.toml != model.toml
    built = build(pair, tmp_path, "tower", f'variant = "A"\n{CATALOGUE}')
    assert built.split is not None and built.split["shipped"] == "A"
    assert {name for name, one in built.manifest.spec.inputs.items() if one.unread} == {"genre"}
    function = Function.open(built.folder, {})
    request = model.requests[3]
    moved = {**request, "items": {**request["items"], "year": [1951.0] * len(request["items"]["year"])}}
    assert not np.allclose(scores(function, moved), scores(function, request), atol=1e-4)
    np.testing.assert_allclose(scores(function, moved), model.scores(moved), rtol=CLOSE, atol=CLOSE)


def test_without_a_catalogue_the_user_part_alone_is_split_off(tmp_path: Path) -> None:
    model = din()
    built = build(model, tmp_path, "din", 'variant = "B"')
    assert built.split is not None and (built.split["shipped"], built.split["row"]) == ("B", None)
    assert not built.manifest.spec.tables
    assert "film" in built.manifest.spec.features
    function = Function.open(built.folder, {})
    for request in shuffled(model):
        np.testing.assert_allclose(scores(function, request), model.scores(request), rtol=CLOSE, atol=CLOSE)


def test_rows_and_cut_tables_are_read_from_dynamodb(tmp_path: Path) -> None:
    model = din()
    places = 'placement = "dynamodb"\ncut_placement = "dynamodb"'
    built = build(model, tmp_path, "din", f'variant = "B"\ncut_rows = 100\n{places}\n{CATALOGUE}')
    assert {one.placement for one in built.manifest.spec.tables.values()} == {"dynamodb"}
    assert set(built.manifest.spec.tables) == {"item-rows", "cut-films"}
    with LocalDynamo() as server:
        for one in built.manifest.spec.tables.values():
            server.load(tmp_path / ".build" / "tables" / one.physical)
        keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        function = Function.open(
            built.folder, {"AWS_ENDPOINT_URL_DYNAMODB": server.endpoint, "AWS_REGION": "us-east-1", **keys}
        )
        for request in shuffled(model):
            np.testing.assert_allclose(scores(function, request), model.scores(request), rtol=CLOSE, atol=CLOSE)
        function.scorer.close()
