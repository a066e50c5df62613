"""The short way of plain requests: what takes it, what does not, and that nobody can tell by the answer."""

import json
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runtime_kit import (
    MODEL,
    Context,
    body_of,
    buffer,
    document,
    event,
    rank,
    rank_packed,
    without_short_way,
    write_bundle,
)

from ranklet_runtime.fast import FORMS
from ranklet_runtime.function import Function

NUMBERS = ("price", "rating", "stock")
INPUTS: dict[str, Any] = {
    "user": {"side": "user", "type": "int"},
    "age": {"side": "user", "type": "float"},
    "days": {"side": "context", "type": "float", "default": 7.0},
    "country": {"side": "user", "type": "string", "default": "??"},
    "id": {"side": "item", "type": "int"},
    "shop": {"side": "item", "type": "int"},
    "brand": {"side": "item", "type": "string", "default": ""},
    **{name: {"side": "item", "type": "float"} for name in NUMBERS},
}
FEATURES: dict[str, Any] = {
    "user": {"kind": "category", "of": ["user"], "options": {"size": 5}},
    "profile": {"kind": "dense", "of": ["age", "days"]},
    "scaled": {"kind": "dense", "of": ["age"], "options": {"mean": 30.0, "std": 4.0}},
    "country": {"kind": "category", "of": ["country"], "options": {"vocabulary": ["at", "de"]}},
    "id": {"kind": "category", "of": ["id"], "options": {"size": 50}},
    "shop": {"kind": "category", "of": ["shop"], "options": {"vocabulary": [3, 5, 900_000]}},
    "brand": {"kind": "category", "of": ["brand"], "options": {"vocabulary": ["a", "b"]}},
    "offer": {"kind": "dense", "of": list(NUMBERS)},
    "logs": {"kind": "dense", "of": ["stock"], "options": {"clip": [0.0, 1e6], "log": True}},
}
SIZES = {"user": 6, "profile": 2, "scaled": 1, "country": 3, "id": 51, "shop": 4, "brand": 3, "offer": 3, "logs": 1}
REQUEST: dict[str, Any] = {
    "user": {"user": 3, "age": 31, "country": "de"},
    "context": {"days": 2.5},
    "items": {
        "id": [7, 49, 77],
        "shop": [3, 900_000, 4],
        "brand": ["b", "c", "a"],
        "price": [0.1, 2, 3.75],
        "rating": [1.0, 2.5, 4.25],
        "stock": [0, 17, 1e5],
    },
}


def bundle(folder: Path, *, texts: bool = True) -> Path:
    inputs = {name: one for name, one in INPUTS.items() if texts or one["type"] != "string"}
    features = {name: one for name, one in FEATURES.items() if inputs.keys() >= set(one["of"])}
    step = {
        "engine": "linear",
        "rows": "item",
        "inputs": {name: name for name in features},
        "outputs": {"score": "score"},
        "artefact": "weights.npz",
    }
    made = write_bundle(folder / "bundle", document(inputs=inputs, features=features, steps=[step], tables={}))
    weights = {f"w.{name}": np.linspace(-1, 1.5, SIZES[name], dtype=np.float32) for name in features}
    np.savez(made / "weights.npz", bias=np.zeros(1, np.float32), **weights)
    return made


class Pair:
    """The same model with the short way, which it knows already, and without it."""

    def __init__(self, made: Path, *known: dict[str, Any]) -> None:
        self.short, self.long = Function.open(made, {}), without_short_way(Function.open(made, {}))
        for asked in known:
            assert self.short(asked, None)["statusCode"] == 200

    def both(self, asked: dict[str, Any]) -> bool:
        """Ask both; whether the short way answered."""
        found = self.short._fast.answer(asked, 1e9)
        expected = self.long(asked, None)
        assert self.short(asked, None) == expected
        assert found is None or found[0] == expected
        return found is not None


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(bundle(tmp_path_factory.mktemp("fast")), rank(REQUEST), infer(TOLD))


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The model without its texts, which have no fixed width in bytes."""
    return Pair(bundle(tmp_path_factory.mktemp("numbers"), texts=False), infer(TOLD))


def packed(request: dict[str, Any], number: str = "<f8", whole: str = "<i8") -> dict[str, Any]:
    kinds = {"int": whole, "float": number}
    items = {
        name: column if (kind := INPUTS[name]["type"]) == "string" else buffer(column, kinds[kind])
        for name, column in request["items"].items()
    }
    return {**request, "items": items}


def infer(request: dict[str, Any], number: str = "FP64", **changes: Any) -> dict[str, Any]:
    """V2 with its tensors as bytes; texts, which have no fixed width, are left out."""
    once = {name: [value] for name, value in {**request["user"], **request["context"]}.items()}
    inputs, parts = [], []
    for name, values in {**once, **request["items"]}.items():
        if INPUTS[name]["type"] == "string":
            continue
        kind = "INT64" if INPUTS[name]["type"] == "int" else number
        part = np.array(values, {"INT64": "<i8", "FP64": "<f8", "FP32": "<f4"}[kind]).tobytes()
        shape = [len(values)]
        inputs.append({"name": name, "datatype": kind, "shape": shape, "parameters": {"binary_data_size": len(part)}})
        parts.append(part)
    head = json.dumps({"inputs": inputs, **changes}).encode()
    sent = event(f"/v2/models/{MODEL}/infer", head + b"".join(parts), content_type="application/octet-stream")
    sent["headers"]["inference-header-content-length"] = str(len(head))
    return sent


def with_items(**columns: Any) -> dict[str, Any]:
    return {**REQUEST, "items": {**REQUEST["items"], **columns}}


def without(request: dict[str, Any], side: str, name: str) -> dict[str, Any]:
    return {**request, side: {key: value for key, value in request[side].items() if key != name}}


BINARY = {"binary_data_output": True}
TOLD = without(REQUEST, "items", "brand")

PLAIN = {
    "json": rank(REQUEST),
    "json of one candidate": rank(with_items(**{name: column[:1] for name, column in REQUEST["items"].items()})),
    "json, the best": rank({**REQUEST, "top_k": 2}),
    "json with defaults": rank(without(without(REQUEST, "user", "country"), "context", "days")),
    "json without a context": rank({"user": REQUEST["user"], "items": REQUEST["items"]}),
    "json of strangers": rank(with_items(id=[1000, -1, 49], brand=["", "x", "b"])),
    "json with escapes": rank({**REQUEST, "user": {**REQUEST["user"], "country": 'd\u00e9 " \\'}}),
    "msgpack": rank_packed(packed(REQUEST)),
    "msgpack of 32 bits": rank_packed(packed(REQUEST, "<f4", "<i4")),
    "msgpack of 16 bits": rank_packed(packed(without(REQUEST, "items", "shop") | {"items": {
        **REQUEST["items"], "shop": [3, 5, 4], "stock": [0, 17, 2]}}, "<f2", "<i2")),
    "msgpack, the best": rank_packed({**packed(REQUEST), "top_k": 1}),
}  # fmt: skip

PLAIN_V2 = {
    "fp64": infer(TOLD, parameters=BINARY),
    "fp32": infer(TOLD, "FP32", parameters=BINARY),
    "scores in JSON": infer(TOLD),
    "an id": infer(TOLD, id="c0ffee-7"),
    "an id, binary": infer(TOLD, id="a.b:c", parameters=BINARY),
    "an id with a quote": infer(TOLD, id='a"b'),
    "outputs by name": infer(TOLD, outputs=[{"name": "score", "parameters": {"binary_data": True}}]),
}

UNUSUAL = {
    "null in a column": rank(with_items(price=[1, None, 2])),
    "null for one": rank({**REQUEST, "user": {**REQUEST["user"], "age": None}}),
    "text for a number": rank(with_items(price=[1, "2", 3])),
    "true for a number": rank(with_items(price=[1, True, 3])),
    "true for an int": rank(with_items(id=[1, True, 3])),
    "true for the user": rank({**REQUEST, "user": {**REQUEST["user"], "user": True}}),
    "a fraction for an int": rank(with_items(id=[1, 2.0, 3])),
    "an int beyond 64 bits": rank(with_items(id=[1, 2**63, 3])),
    "a number beyond 64 bits": rank(with_items(price=[1, 10**400, 3])),
    "a number beyond 32 bits": rank(with_items(price=[1, 1e39, 3])),
    "a user's number beyond 32 bits": rank({**REQUEST, "user": {**REQUEST["user"], "age": 1e39}}),
    "a large number": rank(with_items(price=[1, 3e38, 3])),
    "lists of one": rank(with_items(price=[1, [2], 3])),
    "all lists of one": rank(with_items(price=[[1], [2], [3]])),
    "a list in a column": rank(with_items(price=[[1, 2], [], [3]])),
    "another length": rank(with_items(price=[1, 2])),
    "no candidates": rank({**REQUEST, "items": {name: [] for name in REQUEST["items"]}}),
    "a column missing": rank(without(REQUEST, "items", "price")),
    "a value missing": rank(without(REQUEST, "user", "age")),
    "a column unknown": rank(with_items(colour=[1, 2, 3])),
    "a value on the wrong side": rank({**REQUEST, "context": {"days": 1, "age": 3}}),
    "a field unknown": rank({**REQUEST, "limit": 3}),
    "a field twice": rank(json.dumps(REQUEST)[:-1] + ', "items": {}}'),
    "a column twice": rank(json.dumps(REQUEST).replace('"price":', '"price": [9, 9, 9], "price":')),
    "no object": rank([1, 2]),
    "not JSON": rank(json.dumps(REQUEST)[:-2]),
    "not UTF-8": rank(json.dumps(REQUEST).encode().replace(b"de", b"\xff\xfe")),
    "a bracket in a text": rank({**REQUEST, "user": {**REQUEST["user"], "country": "[de"}}),
    "top_k of none": rank({**REQUEST, "top_k": 0}),
    "top_k true": rank({**REQUEST, "top_k": True}),
    "too many": rank({**REQUEST, "items": {name: column * 700 for name, column in REQUEST["items"].items()}}),
    "msgpack asked, json wanted": rank_packed(packed(REQUEST), accept="application/json"),
    "compressed": rank(REQUEST, content_encoding="br"),
    "another payload": {**rank(REQUEST), "version": "1.0"},
    "a method": {**rank(REQUEST), "requestContext": {"http": {"method": "GET"}}},
    "msgpack of lists": rank_packed(REQUEST),
    "msgpack of another shape": rank_packed(packed(REQUEST) | {"items": {**packed(REQUEST)["items"], "price": {
        "dtype": "<f8", "shape": [True], "data": b"\0" * 8}}}),
    "msgpack, fractions for ints": rank_packed(packed(REQUEST) | {"items": {**packed(REQUEST)["items"], "id": buffer(
        [1, 2, 3], "<f4")}}),
    "msgpack, NaN": rank_packed(packed(with_items(price=[1, float("nan"), 2]))),
    "msgpack, infinite": rank_packed(packed(with_items(stock=[1, float("inf"), 2]))),
    "v2 with an id that is none": infer(TOLD, id=7),
    "v2 with a parameter that is none": infer(TOLD, parameters={"binary_data_output": 1}),
    "v2 of another length": infer(without(TOLD, "items", "price") | {"items": {**TOLD["items"], "price": [1, 2]}}),
    "v2 cut short": {**infer(TOLD), "body": infer(TOLD)["body"][:-8]},
    "v2 without its length": {**infer(TOLD), "headers": {"content-type": "application/octet-stream"}},
    "v2 of NaN": infer(without(TOLD, "items", "price") | {"items": {**TOLD["items"], "price": [1, float("nan"), 2]}}),
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_plain_requests_take_the_short_way(pair: Pair, name: str) -> None:
    assert pair.long(PLAIN[name], None)["statusCode"] == 200
    assert pair.both(PLAIN[name])


@pytest.mark.parametrize("name", PLAIN_V2)
def test_plain_tensors_take_the_short_way(numbers: Pair, name: str) -> None:
    assert numbers.long(PLAIN_V2[name], None)["statusCode"] == 200
    assert numbers.both(PLAIN_V2[name])


@pytest.mark.parametrize("name", UNUSUAL)
def test_the_long_way_judges_what_is_unusual(pair: Pair, numbers: Pair, name: str) -> None:
    assert not (numbers if name.startswith("v2") else pair).both(UNUSUAL[name])


def test_a_path_is_learnt_from_its_first_request(tmp_path: Path) -> None:
    films = Function.open(bundle(tmp_path), {})
    first = films(rank(REQUEST), None)
    assert films._fast.answer({**rank(REQUEST), "rawPath": f"/{MODEL}/v1/models/{MODEL}:rank"}, 1e9) is None
    found = films._fast.answer(rank(REQUEST), 1e9)
    assert found is not None and found[0] == first


def test_a_refused_request_teaches_no_path(tmp_path: Path) -> None:
    films = Function.open(bundle(tmp_path), {})
    assert films(rank("{"), None)["statusCode"] == 400
    assert films._fast.answer(rank(REQUEST), 1e9) is None


def test_paths_that_are_remembered_are_bounded(tmp_path: Path) -> None:
    films = Function.open(bundle(tmp_path), {})
    for letter in range(200):
        path = f"/v1/models/{MODEL}" + "%3" * (letter % 2) + ("A" if letter % 2 else ":") + "rank"
        films({**rank(REQUEST), "rawPath": path if letter < 2 else "/" + MODEL + path}, None)
    assert len(films._fast._paths) + len(films._fast._new) <= 64


def test_the_short_way_is_counted(tmp_path: Path) -> None:
    films = Function.open(bundle(tmp_path), {})
    for _ in range(3):
        films(rank(REQUEST), Context())
    assert films.telemetry._items == 9
    assert len(films.telemetry._latencies) == 3


def test_ids_are_each_requests_own(numbers: Pair) -> None:
    (form,) = numbers.short._fast._forms["/v2/models/{model}/infer"]
    known = len(form._layouts)  # type: ignore[attr-defined]
    for number in range(20):
        assert numbers.both(infer(TOLD, id=f"request-{number}", parameters=BINARY))
    assert len(form._layouts) <= known + 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {"id": "a"}},
        {"parameters": {"id": "a"}, "id": "b"},
        {"parameters": {"id": "a"}, "id": "a"},
        {"id": ""},
    ],
)
def test_what_is_called_id_elsewhere_is_no_id(numbers: Pair, changes: dict[str, Any]) -> None:
    for _ in range(2):
        numbers.both(infer(TOLD, **changes))
        numbers.both(infer(TOLD, id="a"))
        numbers.both(infer(TOLD))


def test_a_large_body_leaves_no_large_parser(pair: Pair) -> None:
    assert pair.both(rank(REQUEST))
    form = pair.short._fast._forms["/v1/models/{model}:rank"][0]
    before = form._parser  # type: ignore[attr-defined]
    assert pair.both(rank(REQUEST))
    assert form._parser is before  # type: ignore[attr-defined]
    assert pair.both(rank(json.dumps(REQUEST) + " " * 600_000))
    assert form._parser is not before  # type: ignore[attr-defined]


def test_layouts_of_v2_are_bounded(numbers: Pair) -> None:
    for count in range(1, 400):
        items = {name: (column * 200)[:count] for name, column in TOLD["items"].items()}
        assert numbers.both(infer({**TOLD, "items": items}, parameters=BINARY))
    (form,) = numbers.short._fast._forms["/v2/models/{model}/infer"]
    assert len(form._layouts) <= 256  # type: ignore[attr-defined]


def test_every_form_can_be_opened() -> None:
    from importlib import import_module

    for dotted in [one for forms in FORMS.values() for one in forms]:
        module, _, name = dotted.partition(":")
        assert hasattr(import_module(module), name)


@pytest.mark.parametrize("missing", ["zero", "mean"])
def test_rows_of_tables_and_what_is_missing_are_told_alike(tmp_path: Path, missing: str) -> None:
    from runtime_kit import REQUEST as films_request
    from runtime_kit import table

    default = {"default": [0.5, 0.25]} if missing == "mean" else {}
    made = write_bundle(tmp_path / "bundle", document(tables={"films": table(missing=missing, **default)}))
    short, long = Function.open(made, {}), without_short_way(Function.open(made, {}))
    unknown = {**films_request, "items": {**films_request["items"], "id": [10, 31, 77]}}
    for asked in (rank(films_request), rank(unknown), rank({**unknown, "top_k": 2})):
        short(asked, None)
        found = short._fast.answer(asked, 1e9)
        assert found is not None
        assert found[0] == long(asked, None)
    assert b"degraded" in body_of(found[0])


FINITE = st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6)
WHOLE = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 60)


@st.composite
def plain(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(1, 6))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=count, max_size=count))

    items = {name: column(FINITE) for name in NUMBERS}
    items |= {"id": column(WHOLE), "shop": column(WHOLE), "brand": column(st.sampled_from(["a", "b", "\u00fc", ""]))}
    user = {"user": draw(WHOLE), "age": draw(FINITE), "country": draw(st.text(max_size=3))}
    return {"user": user, "context": {"days": draw(FINITE)}, "items": items}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plain())
def test_scores_are_the_same_bits(pair: Pair, numbers: Pair, request_: dict[str, Any]) -> None:
    country = request_["user"]["country"]
    assert pair.both(rank(request_)) or "[" in country or "\ud800" <= max(country, default="") <= "\udfff"
    assert pair.both(rank_packed(msgpack.packb(packed(request_))))
    assert numbers.both(infer(request_, parameters=BINARY))
