"""Anything at all is answered: with scores, or with an error that is the caller's and says nothing about us.

The model has an input of every type and a feature of every kind, so that whatever gets past the dialects meets all of
them. The default run is a few hundred examples of each sort; `-m slow` makes it thousands.
"""

import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runtime_kit import MODEL, VECTORS, Context, body_of, buffer, document, event, without_short_way, write_bundle

from ranklet_runtime.function import Function

INPUTS: dict[str, Any] = {
    "age": {"side": "user", "type": "int"},
    "taste": {"side": "user", "type": "float", "length": 2, "nan": "allow", "default": [0.0, 0.0]},
    "seen": {"side": "user", "type": "int", "list": True, "default": []},
    "country": {"side": "user", "type": "string", "default": "??"},
    "when": {"side": "context", "type": "int", "default": 0},
    "id": {"side": "item", "type": "int"},
    "name": {"side": "item", "type": "string", "default": ""},
    "price": {"side": "item", "type": "float", "nan": "default", "default": 1.0},
    "look": {"side": "item", "type": "float", "length": 2, "default": [0.0, 0.0]},
    "tags": {"side": "item", "type": "string", "list": True, "default": []},
}
FEATURES: dict[str, Any] = {
    "age": {"kind": "bucket", "of": ["age"], "options": {"boundaries": [18, 30, 60]}},
    "taste": {"kind": "dense", "of": ["taste"]},
    "seen": {"kind": "embedding", "of": ["seen"], "options": {"table": "films", "pool": "mean"}},
    "country": {"kind": "category", "of": ["country"], "options": {"vocabulary": ["at", "de"]}},
    "hour": {"kind": "time", "of": ["when"], "options": {"part": "hour"}},
    "vector": {"kind": "embedding", "of": ["id"], "options": {"table": "films"}},
    "name": {"kind": "category", "of": ["name"], "options": {"buckets": 8}},
    "price": {"kind": "dense", "of": ["price"], "options": {"clip": [0.0, 100.0], "log": True}},
    "look": {"kind": "dense", "of": ["look"]},
    "tags": {"kind": "bag", "of": ["tags"], "options": {"buckets": 8, "length": 3}},
    "name-age": {"kind": "cross", "of": ["name", "age"], "options": {"buckets": 16}},
}
SIZES = {"age": 4, "country": 3, "hour": 24, "name": 8, "tags": 8, "name-age": 16, "taste": 2, "seen": 2, "vector": 2,
         "price": 1, "look": 2}  # fmt: skip

REQUEST: dict[str, Any] = {
    "user": {"age": 31, "taste": [0.5, 1.0], "seen": [10, 20], "country": "de"},
    "context": {"when": 1_700_000_000},
    "items": {
        "id": [10, 99, 30],
        "name": ["a", "b", "c"],
        "price": [1.0, 2.5, 3],
        "look": [[0.5, 1], [1, 2], [0, 0]],
        "tags": [["x"], [], ["x", "y"]],
    },
    "top_k": 2,
}


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Function:
    """A model that reads every type and kind."""
    step = {
        "engine": "linear",
        "rows": "item",
        "inputs": {name: name for name in FEATURES},
        "outputs": {"score": "score"},
        "artefact": "weights.npz",
    }
    manifest = document(inputs=INPUTS, features=FEATURES, steps=[step], limits={"items": 50, "deadline_ms": 1000})
    bundle = write_bundle(tmp_path_factory.mktemp("wide") / "bundle", manifest)
    weights = {f"w.{name}": np.linspace(-1, 1, size, dtype=np.float32) for name, size in SIZES.items()}
    np.savez(bundle / "weights.npz", bias=np.zeros(1, np.float32), **weights)
    return both(bundle)


LONG: dict[Function, Function] = {}
"""The same model, without the short way of plain requests."""


def both(bundle: Path) -> Function:
    films = Function.open(bundle, {})
    LONG[films] = without_short_way(Function.open(bundle, {}))
    return films


OURS = re.compile(rb"Traceback|site-packages|ranklet_runtime|ranklet_features|numpy|internal error", re.IGNORECASE)
REPOSITORY = str(Path(__file__).parents[2]).encode()
STATUSES = {200, 400, 403, 404, 405, 413, 415, 422, 424}


def check(films: Function, asked: Any, context: Any = None) -> int:
    """The invariants of every answer; its status. The short way answers as the long one."""
    answer = films(asked, context)
    long = LONG[films](asked, context)
    assert answer == long
    assert answer.keys() == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert answer["statusCode"] in STATUSES, answer
    assert all(isinstance(text, str) for pair in answer["headers"].items() for text in pair)
    json.dumps(answer).encode()
    body = body_of(answer)
    body = body[: int(answer["headers"].get("inference-header-content-length", len(body)))]
    packed = answer["headers"]["content-type"] == "application/msgpack"
    if answer["headers"]["content-type"] == "application/jsonlines":
        assert all(math.isfinite(json.loads(line)["score"]) for line in body.splitlines())
        return 200
    read = msgpack.unpackb(body) if packed else json.loads(body, parse_constant=pytest.fail)
    if answer["statusCode"] != 200:
        assert not OURS.search(body), answer
        assert REPOSITORY not in body, answer
        assert len(body) < 10_000
        assert isinstance(next(read[name] for name in ("message", "Message", "error") if name in read), str)
        return int(answer["statusCode"])
    for name in ("scores", "predictions", "outputs"):
        if name in read:
            scores = np.frombuffer(read[name]["data"], read[name]["dtype"]).tolist() if packed else read[name]
            if scores and isinstance(scores[0], dict):
                scores = scores[0].get("data", [])
            assert all(math.isfinite(score) for score in scores)
    return 200


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-5, 50)
    | st.floats()
    | st.floats(width=16)
    | st.text(max_size=8)
    | st.sampled_from([2**63, -(2**63) - 1, 2**64, 10**400, 1e308, "", "de", "NaN"])
)
NAMES = st.sampled_from(
    [
        "user",
        "context",
        "items",
        "instances",
        "inputs",
        "examples",
        "dataframe_split",
        "dataframe_records",
        "columns",
        "data",
        "features",
        "top_k",
        "signature_name",
        "b64",
        "requests",
        "arguments",
        "id",
        "name",
        "datatype",
        "shape",
        "outputs",
        "parameters",
        "binary_data_size",
        "binary_data_output",
        *INPUTS,
    ]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
PACKABLE = st.recursive(
    LEAVES.filter(lambda value: not isinstance(value, int) or -(2**63) <= value < 2**64)
    | st.binary(max_size=8)
    | st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=4))
    | st.builds(msgpack.Timestamp, st.integers(0, 2**32), st.integers(0, 10**9 - 1))
    | st.builds(
        lambda dtype, shape, data: {"dtype": dtype, "shape": shape, "data": data},
        st.sampled_from(["<f4", "<i8", "|u1", "<f2", "|O", ">f8", 5]),
        st.lists(st.integers(-1, 4), max_size=3),
        st.binary(max_size=24),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
PATHS = st.sampled_from(
    [
        f"/v1/models/{MODEL}:rank",
        f"/{MODEL}/v1/models/{MODEL}:predict",
        f"/v1/models/{MODEL}:predict",
        f"/v1/models/{MODEL}:classify",
        f"/v1/models/{MODEL}:regress",
        f"/v2/models/{MODEL}/infer",
        f"/{MODEL}/model/{MODEL}",
        f"/model/{MODEL}/batch",
        "/invocations",
        f"/endpoints/{MODEL}/invocations",
    ]
)
TYPES = st.sampled_from(
    [
        None,
        "application/json",
        "application/msgpack",
        "application/octet-stream",
        "text/plain",
        "text/csv",
        "application/jsonlines",
        "application/x-npy",
    ]
)


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def rows(request: dict[str, Any]) -> dict[str, Any]:
    once = {**request["user"], **request["context"]}
    count = len(request["items"]["id"])
    return {
        "instances": [{**once, **{name: column[i] for name, column in request["items"].items()}} for i in range(count)]
    }


def records(request: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "b",
        "requests": [{"id": str(i), "arguments": row} for i, row in enumerate(rows(request)["instances"])],
    }


def columns(request: dict[str, Any]) -> dict[str, Any]:
    once = {name: [value] for name, value in {**request["user"], **request["context"]}.items()}
    return {"inputs": {**once, **request["items"]}}


def tensors(columns: dict[str, Any]) -> dict[str, Any]:
    """Columns as V2 writes them."""
    found: list[dict[str, Any]] = []
    for name, values in columns.items():
        ragged = isinstance(values[0], list) and len(set(map(len, values))) > 1
        texts = np.array([json.dumps(row) for row in values] if ragged else values)
        kind = {"U": "BYTES", "i": "INT64", "f": "FP64"}[texts.dtype.kind]
        found.append({"name": name, "datatype": kind, "shape": list(texts.shape), "data": texts.tolist()})
    return {"id": "a", "parameters": {"binary_data_output": False}, "inputs": found, "outputs": [{"name": "score"}]}


def frame(request: dict[str, Any]) -> dict[str, Any]:
    table = rows(request)["instances"]
    return {"columns": list(table[0]), "data": [list(row.values()) for row in table]}


def saved(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def raw(request: dict[str, Any]) -> dict[str, Any]:
    items = {
        **request["items"],
        "id": buffer(request["items"]["id"], "<i4"),
        "price": buffer(request["items"]["price"], "<f4"),
    }
    return {**request, "items": items}


def examples(request: dict[str, Any]) -> dict[str, Any]:
    own = [dict(zip(request["items"], values, strict=True)) for values in zip(*request["items"].values(), strict=True)]
    return {"context": {**request["user"], **request["context"]}, "examples": own}


TENSORS: dict[str, Any] = {
    "age": [2],
    "taste": [[0.5, 1.0]],
    "seen": [[0.375, -0.4375]],
    "country": [1],
    "hour": [22],
    "vector": [[0.5, -1.0], [0.0, 0.0], [-0.75, 2.0]],
    "name": [6, 7, 4],
    "price": [[0.75], [1.25], [1.5]],
    "look": [[0.5, 1.0], [1.0, 2.0], [0.0, 0.0]],
    "tags": [[2, -1, -1], [-1, -1, -1], [2, 4, -1]],
    "name-age": [1, 13, 4],
}
"""The model's own tensors, such as its features make of the request."""

RANK, PREDICT = "/v1/models/{model}:rank", "/v1/models/{model}:predict"
FORMS: list[tuple[str, str, Any]] = [
    (RANK, "application/json", REQUEST),
    (RANK, "application/msgpack", REQUEST),
    (RANK, "application/msgpack", raw(REQUEST)),
    (PREDICT, "application/json", rows(REQUEST)),
    (PREDICT, "application/json", columns(REQUEST)),
    (PREDICT, "application/json", {"inputs": TENSORS}),
    ("/v1/models/{model}:classify", "application/json", examples(REQUEST)),
    ("/v1/models/{model}:regress", "application/json", examples(REQUEST)),
    ("/v2/models/{model}/infer", "application/json", tensors(columns(REQUEST)["inputs"])),
    ("/v2/models/{model}/infer", "application/json", tensors(TENSORS)),
    ("/model/{model}", "application/json", {"id": "a", "arguments": rows(REQUEST)["instances"][0]}),
    ("/model/{model}/batch", "application/json", records(REQUEST)),
    ("/invocations", "application/json", {"dataframe_split": frame(REQUEST)}),
    ("/invocations", "application/json", columns(REQUEST)),
    ("/endpoints/{model}/invocations", "application/json", rows(REQUEST)),
    ("/endpoints/{model}/invocations", "application/jsonlines", rows(REQUEST)["instances"][0]),
]
FILES: list[tuple[str, str, Any]] = [
    ("/invocations", "text/csv", b"age,id,price\n31,10,2.5\n31,99,3\n31,30,\n"),
    (
        "/invocations",
        "application/x-npy",
        saved(np.array([(31, 10, 2.5)], [("age", "<i8"), ("id", "<f4"), ("price", "<f8")])),
    ),
]
"""Bodies that are no documents."""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """The document with what stands at a place changed; the rest is shared."""
    if not path:
        return change(value)
    if isinstance(value, dict):
        return {key: replaced(part, path[1:], change) if key == path[0] else part for key, part in value.items()}
    return [replaced(part, path[1:], change) if i == path[0] else part for i, part in enumerate(value)]


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, str, Any]:
    """A good request with up to three places changed."""
    path, content_type, body = draw(st.sampled_from(FORMS))
    values = PACKABLE if content_type == "application/msgpack" else VALUES
    for _ in range(draw(st.integers(0, 3))):
        found = places(body)
        place = found[draw(st.integers(0, len(found) - 1))]
        kind = draw(st.sampled_from(["value", "double", "drop", "wrap", "number"]))
        new = draw(LEAVES.filter(lambda leaf: isinstance(leaf, float | int)) if kind == "number" else values)
        if isinstance(new, int) and content_type == "application/msgpack":
            new = max(-(2**63), min(new, 2**64 - 1))
        changes: dict[str, Callable[[Any], Any]] = {
            "value": lambda old, new=new: new,
            "number": lambda old, new=new: new,
            "double": lambda old: old * 2 if isinstance(old, list | str) else old,
            "drop": lambda old: old[1:] if isinstance(old, list | str) else {},
            "wrap": lambda old: [old],
        }
        body = replaced(body, place, changes[kind])
    return path, content_type, body


def written(content_type: str, body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    packed: bytes = msgpack.packb(body) if content_type == "application/msgpack" else dumped(body)
    return packed


def test_the_good_requests_are_good(wide: Function) -> None:
    for path, content_type, body in FORMS + FILES:
        sent = event(f"/{MODEL}{path.format(model=MODEL)}", written(content_type, body), content_type=content_type)
        assert check(wide, sent, Context()) == 200
    assert len(VECTORS) == 4


def any_event(films: Function, asked: Any) -> None:
    check(films, asked)


def any_body(films: Function, sent: tuple[str, str | None, bytes]) -> None:
    path, content_type, body = sent
    check(films, event(path, body, content_type=content_type), Context())


def any_mutation(films: Function, sent: tuple[str, str, Any]) -> None:
    path, content_type, body = sent
    check(
        films,
        event(f"/{MODEL}{path.format(model=MODEL)}", written(content_type, body), content_type=content_type),
        Context(),
    )


def any_damage(films: Function, sent: tuple[tuple[str, str, Any], list[tuple[int, int]], int]) -> None:
    (path, content_type, body), flips, cut = sent
    content = bytearray(written(content_type, body))
    for position, byte in flips:
        content[position % len(content)] = byte
    end = len(content) - cut % 5 if cut < 20 else cut % len(content)
    any_body(films, (f"/{MODEL}{path.format(model=MODEL)}", content_type, bytes(content[:end])))


SOME_EVENT = st.fixed_dictionaries(
    {},
    optional={
        "version": st.sampled_from(["1.0", "2.0", 2]) | VALUES,
        "rawPath": PATHS | st.text(max_size=20) | VALUES,
        "path": PATHS | st.text(max_size=20) | VALUES,
        "httpMethod": st.sampled_from(["GET", "POST", "get"]) | VALUES,
        "headers": st.dictionaries(st.sampled_from(["Content-Type", "accept"]), st.text(max_size=30) | VALUES) | VALUES,
        "requestContext": VALUES
        | st.fixed_dictionaries(
            {"http": st.fixed_dictionaries({"method": st.sampled_from(["GET", "POST", "PUT"]) | VALUES})},
            optional={"stage": st.sampled_from(["$default", "v1", "prod"]) | VALUES, "requestId": VALUES},
        ),
        "body": st.text(max_size=40) | VALUES.map(json.dumps) | VALUES,
        "isBase64Encoded": st.booleans() | VALUES,
    },
)
BODIES = st.tuples(PATHS, TYPES, st.binary(max_size=80) | VALUES.map(dumped) | PACKABLE.map(msgpack.packb))
DAMAGES = st.tuples(
    st.sampled_from(FORMS + FILES),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=4),
    st.integers(0, 5000),
)
SORTS: dict[str, tuple[Callable[[Function, Any], None], st.SearchStrategy[Any]]] = {
    "event": (any_event, SOME_EVENT | VALUES),
    "body": (any_body, BODIES),
    "mutation": (any_mutation, mutated()),
    "damage": (any_damage, DAMAGES),
}
SUPPRESSED = [
    HealthCheck.function_scoped_fixture,
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
]


def fuzz(films: Function, sort: str, examples: int) -> None:
    ask, strategy = SORTS[sort]

    @settings(max_examples=examples, deadline=None, suppress_health_check=SUPPRESSED)
    @given(strategy)
    def run(value: Any) -> None:
        ask(films, value)

    run()


@pytest.mark.parametrize("sort", SORTS)
def test_anything_is_answered(wide: Function, sort: str) -> None:
    fuzz(wide, sort, 250)


@pytest.mark.slow
@pytest.mark.parametrize("sort", SORTS)
def test_very_much_of_anything_is_answered(wide: Function, sort: str) -> None:
    fuzz(wide, sort, 10_000)
