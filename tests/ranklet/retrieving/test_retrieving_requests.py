"""Requests through the real handler: what is answered, and how what is malformed is refused."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from retrieving_kit import HISTORY, Catalogue, golden_row, toml, user_vector

from ranklet import pipeline
from ranklet.local.event_v2 import event_v2
from ranklet_runtime.function import Function

Ask = Callable[..., tuple[int, dict[str, Any]]]


def asking(function: Function, name: str) -> Ask:
    """Sends a body to a verb; the status and the document that comes back."""

    def ask(verb: str, body: Any, *, packed: bool = False, place: str = "") -> tuple[int, dict[str, Any]]:
        content = msgpack.packb(body) if packed else body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/msgpack" if packed else "application/json"}
        path = f"/{name}/v1/models/{name}{place}:{verb}"
        answer = function(event_v2("POST", path, headers=headers, body=content), None)
        if answer["headers"]["content-type"] == "application/json":
            return answer["statusCode"], json.loads(answer["body"])
        return answer["statusCode"], msgpack.unpackb(base64.b64decode(answer["body"]))

    return ask


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(80)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Ask:
    """A model with a user tower."""
    folder = tmp_path_factory.mktemp("models")
    place = catalogue.write(folder / "films", model=toml("films"))
    row = golden_row({"user": {"age": 1.0}, "k": 5}, catalogue.best(user_vector(1.0), 5))
    (place / "golden.jsonl").write_text(row)
    built = pipeline.build(place, out=folder / "out")
    return asking(Function.open(built.folder, {}), "films")


def history_model(folder: Path, catalogue: Catalogue, represent: str) -> Ask:
    """A model whose users are their recent items."""
    text = toml(
        "liking",
        head=HISTORY,
        retrieve=f'history = "liked"\nrepresent = "{represent}"\nmetric = "cosine"',
        key=catalogue.key,
    )
    place = catalogue.write(folder / "liking", model=text)
    item = catalogue.ids[3]
    best = catalogue.best(catalogue.vectors[3], 4, cosine=True, deny=[item])
    (place / "golden.jsonl").write_text(golden_row({"item": item, "k": 4}, best))
    return asking(Function.open(pipeline.build(place, out=folder / "out").folder, {}), "liking")


def test_best_items_for_a_user(films: Ask, catalogue: Catalogue) -> None:
    status, answer = films("retrieve", {"user": {"age": 0.25}, "context": {"hour": 3}, "k": 6})
    items, scores = catalogue.best(user_vector(0.25, 3), 6)
    assert status == 200 and answer["items"] == items
    assert answer["scores"] == pytest.approx(scores, rel=1e-6)


@pytest.mark.parametrize("place", ["", "/versions/1"])
def test_filters_and_seen_items_in_both_formats(films: Ask, catalogue: Catalogue, place: str) -> None:
    kept = {"allow": catalogue.ids[::2], "deny": catalogue.ids[:6], "where": {"genres": ["War", "Drama"]}}
    seen = catalogue.ids[10:30]
    body = {"user": {"age": 2.0}, "k": 50, "filter": kept, "seen": seen}
    denied = [*catalogue.ids[:6], *seen]
    items, _ = catalogue.best(user_vector(2.0), 50, allow=kept["allow"], deny=denied, where=kept["where"])
    status, answer = films("retrieve", body, place=place)
    assert (status, answer["items"]) == (200, items)
    buffer = np.array(seen, "<i4")
    packed = {**body, "seen": {"dtype": "<i4", "shape": [len(seen)], "data": buffer.tobytes()}}
    status, answer = films("retrieve", packed, packed=True, place=place)
    assert status == 200 and np.frombuffer(answer["items"]["data"], "<i8").tolist() == items
    assert answer["scores"]["dtype"] == "<f4"


def test_similar_items_leave_out_the_item_itself(films: Ask, catalogue: Catalogue) -> None:
    item = catalogue.ids[7]
    status, answer = films("similar", {"item": item, "k": 5})
    assert (status, answer["items"]) == (200, catalogue.best(catalogue.vectors[7], 5, deny=[item])[0])
    several = [catalogue.ids[1], -1, catalogue.ids[2]]
    status, answer = films("similar", {"items": several, "k": 5})
    mean = catalogue.vectors[1:3].astype(np.float64).mean(axis=0).astype(np.float32)
    assert answer["items"] == catalogue.best(mean, 5, deny=several)[0]
    assert answer["degraded"] == {"unknown_items": 1}


def test_filter_that_leaves_nothing_answers_nothing(films: Ask) -> None:
    for kept in ({"allow": []}, {"allow": [-3]}, {"where": {"year": []}}, {"where": {"year": [1812]}}):
        assert films("retrieve", {"user": {"age": 1.0}, "filter": kept}) == (200, {"items": [], "scores": []})


@pytest.mark.parametrize("represent", ["mean", "attention"])
@pytest.mark.parametrize("key", ["int", "string"])
def test_user_is_made_of_recent_items(tmp_path: Path, represent: str, key: str) -> None:
    catalogue = Catalogue(60, key=key)
    ask = history_model(tmp_path, catalogue, represent)
    liked = [catalogue.ids[at] for at in (4, 9, 20)]
    rows = catalogue.vectors[[4, 9, 20]].astype(np.float64)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32).astype(np.float64)
    logits = rows @ rows[-1] / np.sqrt(rows.shape[1])
    weights = np.exp(logits) / np.exp(logits).sum() if represent == "attention" else np.full(3, 1 / 3)
    items, scores = catalogue.best((weights @ rows).astype(np.float32), 8, cosine=True, deny=liked)
    status, answer = ask("retrieve", {"user": {"liked": liked}, "k": 8, "seen": liked})
    assert (status, answer["items"]) == (200, items)
    assert answer["scores"] == pytest.approx(scores, abs=1e-6)


def test_user_without_known_items_gets_the_middle_of_the_catalogue(tmp_path: Path) -> None:
    catalogue = Catalogue(60)
    ask = history_model(tmp_path, catalogue, "mean")
    status, answer = ask("retrieve", {"k": 3})
    assert (status, answer["degraded"], len(answer["items"])) == (200, {"no_history": 1}, 3)
    status, answer = ask("retrieve", {"user": {"liked": [-1, -2]}, "k": 3})
    assert answer["degraded"] == {"no_history": 1, "unknown_items": 2}


@pytest.mark.parametrize(
    ("verb", "body", "status", "path"),
    [
        ("retrieve", {"user": {"age": 1}, "k": 0}, 400, "$.k"),
        ("retrieve", {"user": {"age": 1}, "k": 2001}, 400, "$.k"),
        ("retrieve", {"user": {"age": 1}, "k": 1.5}, 400, "$.k"),
        ("retrieve", {"user": {"age": 1}, "k": True}, 400, "$.k"),
        ("retrieve", {"user": {"age": 1}, "seen": "all"}, 400, "$.seen"),
        ("retrieve", {"user": {"age": 1}, "seen": [1, "2"]}, 400, "$.seen[1]"),
        ("retrieve", {"user": {"age": 1}, "seen": [1, 2**63]}, 400, "$.seen[1]"),
        ("retrieve", {"user": {"age": 1}, "seen": [True]}, 400, "$.seen[0]"),
        ("retrieve", {"user": {"age": 1}, "filter": []}, 400, "$.filter"),
        ("retrieve", {"user": {"age": 1}, "filter": {"allowed": []}}, 400, "$.filter.allowed"),
        ("retrieve", {"user": {"age": 1}, "filter": {"allow": [1.0]}}, 400, "$.filter.allow[0]"),
        ("retrieve", {"user": {"age": 1}, "filter": {"deny": [None]}}, 400, "$.filter.deny[0]"),
        ("retrieve", {"user": {"age": 1}, "filter": {"where": []}}, 400, "$.filter.where"),
        ("retrieve", {"user": {"age": 1}, "filter": {"where": {"colour": ["red"]}}}, 400, "$.filter.where.colour"),
        ("retrieve", {"user": {"age": 1}, "filter": {"where": {"genres": "War"}}}, 400, "$.filter.where.genres"),
        ("retrieve", {"user": {"age": 1}, "filter": {"where": {"genres": [1]}}}, 400, "$.filter.where.genres[0]"),
        ("retrieve", {"user": {"age": 1}, "filter": {"where": {"year": [True]}}}, 400, "$.filter.where.year[0]"),
        ("retrieve", {"user": {"age": 1}, "filter": {"where": {"available": [1]}}}, 400, "$.filter.where.available[0]"),
        ("retrieve", {"user": {"age": "old"}}, 400, "$.user.age"),
        ("retrieve", {"user": {}}, 400, "$.user.age"),
        ("retrieve", {"user": {"age": 1, "height": 2}}, 400, "$.user.height"),
        ("retrieve", {"user": [1]}, 400, "$.user"),
        ("retrieve", {"user": {"age": 1}, "items": {"id": [1]}}, 400, "$.items"),
        ("retrieve", {"user": {"age": 1}, "top_k": 3}, 400, "$.top_k"),
        ("retrieve", {"user": {"age": 1e38}}, 422, None),
        ("retrieve", [1], 400, None),
        ("retrieve", b"{", 400, None),
        ("similar", {}, 400, "$.item"),
        ("similar", {"item": 1, "items": [1]}, 400, "$.item"),
        ("similar", {"item": [1]}, 400, "$.item"),
        ("similar", {"item": None}, 400, "$.item"),
        ("similar", {"items": []}, 400, "$.items"),
        ("similar", {"items": [1, "x"]}, 400, "$.items[1]"),
        ("similar", {"item": -5}, 404, "$.item"),
        ("similar", {"items": [-5]}, 404, "$.items"),
        ("similar", {"item": 1, "user": {"age": 1}}, 400, "$.user"),
        ("rank", {"user": {"age": 1}, "items": {}}, 404, None),
    ],
)
def test_malformed_requests_are_refused_with_their_place(
    films: Ask, verb: str, body: Any, status: int, path: str | None
) -> None:
    found, answer = films(verb, body)
    assert (found, answer.get("path")) == (status, path), answer


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["user", "context", "k", "filter", "seen", "item", "items", "age", "allow", "where", "year"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    verb=st.sampled_from(["retrieve", "similar"]),
    body=st.dictionaries(names, anything | st.dictionaries(names, anything, max_size=3), max_size=5) | anything,
    packed=st.booleans(),
)
def test_no_body_breaks_the_function(films: Ask, verb: str, body: Any, packed: bool) -> None:
    try:
        status, answer = films(verb, body, packed=packed)
    except (OverflowError, UnicodeEncodeError, ValueError):
        return  # what msgpack cannot write
    assert status in (200, 400, 404, 422), answer


def test_openapi_document_says_what_is_taken(catalogue: Catalogue, tmp_path: Path) -> None:
    place = catalogue.write(tmp_path / "films", model=toml("films"))
    (place / "golden.jsonl").write_text(golden_row({"user": {"age": 1.0}, "k": 5}, catalogue.best(user_vector(1.0), 5)))
    document = json.loads((pipeline.build(place, out=tmp_path / "out").folder / "openapi.json").read_bytes())
    paths = document["paths"]
    verbs = {path.rpartition(":")[2] for path in paths if ":" in path}
    assert verbs == {"retrieve", "similar"} and "/ping" in paths and "/v1/models/films:rank" not in paths
    schema = paths["/v1/models/films:retrieve"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    checker = jsonschema.Draft202012Validator(schema)
    asked = {"user": {"age": 1.0}, "context": {"hour": 3}, "k": 5, "seen": [1], "filter": {"where": {"year": [1950]}}}
    assert checker.is_valid(asked) and checker.is_valid({"user": {"age": 1.0}, "filter": None})
    for wrong in ({"k": 0}, {"k": 2001}, {"seen": ["x"]}, {"filter": {"where": {"colour": []}}}, {"items": []}):
        assert not checker.is_valid({"user": {"age": 1.0}, **wrong}), wrong
    assert not checker.is_valid({})  # age is required


def test_cold_start_imports_nothing_that_searching_does_not_need(tmp_path: Path) -> None:
    catalogue = Catalogue(40)
    text = toml("liking", head=HISTORY, retrieve='history = "liked"')
    place = catalogue.write(tmp_path / "liking", model=text)
    item = catalogue.ids[3]
    best = catalogue.best(catalogue.vectors[3], 4, deny=[item])
    (place / "golden.jsonl").write_text(golden_row({"item": item, "k": 4}, best))
    folder = pipeline.build(place, out=tmp_path / "out").folder
    script = """
import json, sys
import numpy
import ranklet_runtime.handler as entry
from pathlib import Path
event = json.loads(Path(sys.argv[1]).read_text())
assert entry.handler(event, None)["statusCode"] == 200
print(json.dumps(sorted(sys.modules)))
"""
    body = json.dumps({"user": {"liked": [item]}, "k": 3, "filter": {"where": {"year": [1950]}}}).encode()
    event = event_v2("POST", "/v1/models/liking:retrieve", headers={"content-type": "application/json"}, body=body)
    (tmp_path / "event.json").write_text(json.dumps(event))
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "event.json")],
        env={**os.environ, "LAMBDA_TASK_ROOT": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[0])}
    assert not imported & {"hashlib", "socket", "ssl", "onnxruntime", "boto3", "botocore", "asyncio", "ranklet"}


def test_model_without_users_answers_similar_items_only(tmp_path: Path) -> None:
    catalogue = Catalogue(40)
    place = catalogue.write(tmp_path / "graph", model=toml("graph", head="", retrieve='metric = "cosine"'))
    item = catalogue.ids[0]
    best = catalogue.best(catalogue.vectors[0], 4, cosine=True, deny=[item])
    (place / "golden.jsonl").write_text(golden_row({"item": item, "k": 4}, best))
    built = pipeline.build(place, out=tmp_path / "out")
    ask = asking(Function.open(built.folder, {}), "graph")
    assert ask("retrieve", {"k": 3})[0] == 404
    assert ask("similar", {"item": item, "k": 4})[1]["items"] == best[0]
    document = json.loads((built.folder / "openapi.json").read_bytes())
    assert "/v1/models/graph:similar" in document["paths"] and "/v1/models/graph:retrieve" not in document["paths"]
