"""Tensors that a client sends itself: which ones a model takes, what they are held to, and that they score the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runtime_kit import KEYS, REQUEST, VECTORS, document, expected, json_of, predict, write_bundle

from ranklet_features.errors import InputError, ShapeError
from ranklet_features.plan import FeaturePlan
from ranklet_features.stores import open_store
from ranklet_runtime.function import Function
from ranklet_runtime.given import Given
from ranklet_runtime.manifest import from_document
from ranklet_runtime.messages import RankRequest

ONCE: dict[str, Any] = {"age": [31.0], "country": 2}
CONTEXT: dict[str, Any] = {"hour": [20.0]}
ITEMS: dict[str, Any] = {
    "price": [[2.5], [4.0], [0.5]],
    "rating": [[4.5], [3.0], [1.0]],
    "vector": [VECTORS[KEYS.index(key)] for key in (10, 30, 40)],
}
"""The kit's request as the tensors that its features make of it."""

ALL = {**{name: [value] for name, value in {**ONCE, **CONTEXT}.items()}, **ITEMS}
Opens = Callable[..., Given]


@pytest.fixture
def given(tmp_path: Path) -> Opens:
    """Reads the tensors of the kit's model, with fields of its manifest changed."""

    def opened(**changes: Any) -> Given:
        written = document(**changes)
        folder = write_bundle(tmp_path / "bundle", written)
        manifest = from_document(written)
        stores = {name: open_store(table, folder, {}) for name, table in manifest.spec.tables.items()}
        return Given(manifest, FeaturePlan.compile(manifest.spec, folder, stores, stored=manifest.stored))

    return opened


def user_in(ids: dict[str, Any], outputs: dict[str, str], **options: Any) -> dict[str, Any]:
    """A step on the user's rows."""
    return {"engine": "linear", "rows": "user", "inputs": ids, "outputs": outputs, "artefact": "weights.npz", **options}


def test_a_model_takes_what_its_steps_read_of_its_features(given: Opens) -> None:
    assert {name: tuple(tensor) for name, tensor in given().tensors.items()} == {
        "age": ("float32", (1,), "user"),
        "country": ("int64", (), "user"),
        "hour": ("float32", (1,), "context"),
        "price": ("float32", (1,), "item"),
        "rating": ("float32", (1,), "item"),
        "vector": ("float32", (2,), "item"),
    }


def test_what_comes_once_is_one_row_and_items_are_as_many_as_were_sent(given: Opens) -> None:
    read = given().read(ONCE, CONTEXT, ITEMS, per_row=False)
    assert (read.n, read.degraded) == (3, {})
    assert {name: (tensor.dtype.name, tensor.shape) for name, tensor in read.tensors.items()} == {
        "age": ("float32", (1, 1)),
        "country": ("int64", (1,)),
        "hour": ("float32", (1, 1)),
        "price": ("float32", (3, 1)),
        "rating": ("float32", (3, 1)),
        "vector": ("float32", (3, 2)),
    }
    assert read.tensors["price"].tolist() == ITEMS["price"]


@pytest.mark.parametrize("price", [[2.5, 4.0, 0.5], [[2.5], [4.0], [0.5]], np.array([2.5, 4.0, 0.5]), [2, 4, 0]])
def test_a_column_may_come_with_its_last_dimension_of_one_or_without(given: Opens, price: Any) -> None:
    read = given().read({"age": 31, "country": [2]}, CONTEXT, {**ITEMS, "price": price}, per_row=False)
    assert read.tensors["price"].reshape(-1).tolist() == np.asarray(price, float).reshape(-1).tolist()
    assert (read.tensors["age"].shape, read.tensors["country"].shape) == ((1, 1), (1,))


def test_tensors_score_as_the_features_they_were_made_of(films: Function) -> None:
    wanted = pytest.approx(expected(REQUEST), abs=1e-6)
    assert json_of(films(predict({"inputs": ALL}), None)) == {"outputs": wanted}
    repeated = {name: column * 3 if len(column) == 1 else column for name, column in ALL.items()}
    assert json_of(films(predict({"inputs": repeated}), None)) == {"outputs": wanted}
    rows = [dict(zip(repeated, values, strict=True)) for values in zip(*repeated.values(), strict=True)]
    assert json_of(films(predict({"instances": rows}), None)) == {"predictions": wanted}
    assert films.scorer.score(RankRequest(ONCE, CONTEXT, ITEMS, tensors=True)).scores == wanted


def test_rows_of_several_users_are_scored_each_with_its_own(films: Function) -> None:
    tensors = {**ALL, "age": [[20.0], [30.0], [40.0]], "country": [0, 3, 1]}
    users = ((20, "at"), (30, "xx"), (40, "de"))
    wanted = [
        expected({**REQUEST, "user": {"age": age, "country": country}})[at] for at, (age, country) in enumerate(users)
    ]
    assert json_of(films(predict({"inputs": tensors}), None))["outputs"] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("price", [["a"], ["b"], ["c"]], "numbers of float32 are expected, not text"),
        ("price", [[True], [False], [True]], "numbers of float32 are expected, not true and false"),
        ("price", [[None], [1.0], [1.0]], "numbers of float32 are expected, not other values"),
        ("price", [{}, {}, {}], "numbers of float32 are expected, not other values"),
        ("price", [2**64, 1, 1], "numbers of float32 are expected, not other values"),
        ("price", np.array([b"1", b"2", b"3"]), "not bytes"),
    ],
)
def test_values_of_another_kind_are_refused(given: Opens, name: str, value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        given().read(ONCE, CONTEXT, {**ITEMS, name: value}, per_row=False)
    assert (refused.value.side, refused.value.name) == ("item", name)


@pytest.mark.parametrize("ids", [1.0, [0.5], "at", True, None, 2**63, 2**64 - 1])
def test_ids_are_whole_numbers_of_64_bits(given: Opens, ids: Any) -> None:
    with pytest.raises(InputError) as refused:
        given().read({**ONCE, "country": ids}, CONTEXT, ITEMS, per_row=False)
    assert (refused.value.side, refused.value.name) == ("user", "country")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vector", [[1.0], [2.0], [3.0]]),
        ("vector", [[1.0, 2.0, 3.0]] * 3),
        ("vector", [1.0, 2.0, 3.0]),
        ("vector", [[[1.0, 2.0]]] * 3),
        ("vector", [[], [], []]),
        ("vector", [[1.0, 2.0], [1.0], [1.0, 2.0]]),
        ("vector", 5.0),
        ("price", [[1.0, 2.0]] * 3),
        ("price", 5.0),
        ("price", [[1.0], [2.0]]),
    ],
)
def test_rows_of_another_shape_or_number_are_refused(given: Opens, name: str, value: Any) -> None:
    with pytest.raises(ShapeError):
        given().read(ONCE, CONTEXT, {**ITEMS, name: value}, per_row=False)


@pytest.mark.parametrize("value", [[1.0, 2.0], [[1.0]] * 2, [[1.0, 2.0]]])
def test_what_comes_once_has_no_rows(given: Opens, value: Any) -> None:
    with pytest.raises(ShapeError) as refused:
        given().read({**ONCE, "age": value}, CONTEXT, ITEMS, per_row=False)
    assert refused.value.side == "user"


@pytest.mark.parametrize("id", [-2, 4, 2**62])
def test_ids_out_of_range_are_refused_with_their_place(given: Opens, films: Function, id: int) -> None:
    read = given()
    with pytest.raises(InputError, match="an id from 0 to 3, or -1, is expected") as refused:
        read.read({**ONCE, "country": id}, CONTEXT, ITEMS, per_row=False)
    assert refused.value.index == ()
    columns = {**ALL, "age": [[1.0]] * 3, "country": [0, 1, id], "hour": [[1.0]] * 3}
    with pytest.raises(InputError) as refused:
        read.read({}, {}, columns, per_row=True)
    assert refused.value.index == (2,)
    for sent, place in (({**ALL, "country": [id]}, "$.inputs.country[0]"), (columns, "$.inputs.country[2]")):
        answer = films(predict({"inputs": sent}), None)
        assert (answer["statusCode"], json_of(answer)["error"].split(": ")[0]) == (400, place)
    assert read.read({**ONCE, "country": -1}, CONTEXT, ITEMS, per_row=False).tensors["country"].tolist() == [-1]


def test_missing_and_surplus_tensors_are_named(given: Opens) -> None:
    read = given()
    for name in ("age", "hour", "vector"):
        sides = ({key: value for key, value in side.items() if key != name} for side in (ONCE, CONTEXT, ITEMS))
        with pytest.raises(InputError, match="missing; a model's tensors are sent all or not at all") as refused:
            read.read(*sides, per_row=False)
        assert refused.value.name == name
    with pytest.raises(InputError, match="not a tensor of this model; tensors: age, country") as refused:
        read.read(ONCE, CONTEXT, {**ITEMS, "more" * 100: [1]}, per_row=False)
    assert refused.value.name == ("more" * 100)[:80]


def test_surplus_tensors_are_ignored_where_the_manifest_says_so(given: Opens) -> None:
    assert given(surplus="ignore").read(ONCE, CONTEXT, {**ITEMS, "more": [1]}, per_row=False).n == 3


def test_no_candidates_give_no_rows(given: Opens) -> None:
    read = given()
    for empty in ([], np.zeros((0, 1)), np.zeros((0,))):
        assembled = read.read(ONCE, CONTEXT, dict.fromkeys(ITEMS, empty), per_row=False)
        assert assembled.n == 0
        assert assembled.tensors["vector"].shape == (0, 2)
    assert read.read({}, {}, {name: [] for name in ALL}, per_row=True).n == 0


def test_no_candidates_give_no_scores(films: Function) -> None:
    sent = {**ALL, **{name: [] for name in ITEMS}}
    assert json_of(films(predict({"inputs": sent}), None)) == {"outputs": []}


def test_ragged_tensors_have_any_length_but_the_same_in_all_rows(given: Opens) -> None:
    lists = {
        "inputs": {"tags": {"side": "item", "type": "string", "list": True}},
        "features": {"tags": {"kind": "bag", "of": ["tags"], "options": {"vocabulary": ["a", "b"]}}},
        "tables": {},
        "steps": [{"engine": "linear", "rows": "item", "inputs": {"country": "tags"}, "outputs": {"score": "score"}}],
        "item_key": None,
    }
    read = given(**lists)
    assert read.tensors["tags"].shape == (None,)
    assert read.read({}, {}, {"tags": [[0, 1], [1, -1]]}, per_row=False).tensors["tags"].shape == (2, 2)
    assert read.read({}, {}, {"tags": [[], []]}, per_row=False).tensors["tags"].shape == (2, 0)
    with pytest.raises(ShapeError):
        read.read({}, {}, {"tags": [[0], [1, 0]]}, per_row=False)
    with pytest.raises(InputError) as refused:
        read.read({}, {}, {"tags": [[0, 1], [0, 7]]}, per_row=False)
    assert refused.value.index == (1, 1)


def test_what_one_step_makes_is_not_asked_of_the_next(given: Opens) -> None:
    steps = [
        user_in({"age": "age", "country": "country"}, {"logit": "taste"}),
        {
            "engine": "dot",
            "rows": "item",
            "inputs": {"user": "taste", "item": "price"},
            "outputs": {"logit": "score"},
        },
    ]
    assert list(given(steps=steps).tensors) == ["age", "country", "price"]


def test_ids_of_a_table_that_left_the_graph_are_asked_for_and_its_rows_are_not(given: Opens) -> None:
    steps = [
        {
            "engine": "lookup",
            "rows": "item",
            "inputs": {"films": "film"},
            "outputs": {"films": "rows"},
            "options": {"films": {"table": "films", "rank": 1}},
        },
        {"engine": "dot", "rows": "item", "inputs": {"user": "rows", "item": "rows"}, "outputs": {"logit": "score"}},
    ]
    features = {"film": {"kind": "category", "of": ["id"], "options": {"vocabulary": KEYS}}}
    assert list(given(steps=steps, features=features).tensors) == ["film"]


def test_a_told_tensor_of_the_features_is_asked_for(given: Opens) -> None:
    features = {**document()["features"], "shelf": {"kind": "dense", "of": ["price"]}}
    assert "shelf" in given(features=features, told={"shelf": {"tensor": "shelf"}}).tensors


STORED = {
    "inputs": {"key": {"side": "user", "type": "int"}, "age": {"side": "user"}, "price": {"side": "item"}},
    "features": {
        "age": {"kind": "dense", "of": ["age"]},
        "price": {"kind": "dense", "of": ["price"]},
        "kept": {"kind": "embedding", "of": ["key"], "options": {"table": "films"}},
    },
    "steps": [
        user_in({"age": "age"}, {"logit": "taste"}, stored={"taste": "kept"}),
        {
            "engine": "dot",
            "rows": "item",
            "inputs": {"user": "taste", "item": "price"},
            "outputs": {"logit": "score"},
        },
    ],
    "item_key": None,
}


def test_what_stands_in_for_a_step_may_be_left_out_and_the_step_computes(given: Opens) -> None:
    read = given(**STORED)
    assert list(read.tensors) == ["age", "price", "kept", "kept_found"]
    assembled = read.read({"age": [1.0]}, {}, {"price": [1.0, 2.0]}, per_row=False)
    assert assembled.tensors["kept"].tolist() == [[0.0, 0.0]]
    assert assembled.tensors["kept_found"].tolist() == [False]
    assembled = read.read({}, {}, {"age": [1.0, 2.0], "price": [1.0, 2.0]}, per_row=True)
    assert assembled.tensors["kept_found"].tolist() == [False, False]


def test_what_stands_in_for_a_step_may_be_sent(given: Opens) -> None:
    user = {"age": [1.0], "kept": [0.5, 0.25], "kept_found": True}
    assembled = given(**STORED).read(user, {}, {"price": [1.0]}, per_row=False)
    assert assembled.tensors["kept"].tolist() == [[0.5, 0.25]]
    assert assembled.tensors["kept_found"].tolist() == [True]
