"""The short way of plain requests: what takes it, what does not, and that nobody can tell by the answer."""

import json
import time
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from fast_kit import NUMBERS, REQUEST, Pair, bundle, infer, packed, with_items, without
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runtime_kit import MODEL, Context, body_of, buffer, document, rank, rank_packed, without_short_way, write_bundle

from ranklet_runtime.fast import FORMS
from ranklet_runtime.function import Function


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(bundle(tmp_path_factory.mktemp("fast")), rank(REQUEST), infer(TOLD))


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The model without its texts, which have no fixed width in bytes."""
    return Pair(bundle(tmp_path_factory.mktemp("numbers"), texts=False), infer(TOLD))


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
    assert (
        films._fast.answer({**rank(REQUEST), "rawPath": f"/{MODEL}/v1/models/{MODEL}:rank"}, time.monotonic(), None)
        is None
    )
    found = films._fast.answer(rank(REQUEST), time.monotonic(), None)
    assert found is not None and found[0] == first


def test_a_refused_request_teaches_no_path(tmp_path: Path) -> None:
    films = Function.open(bundle(tmp_path), {})
    assert films(rank("{"), None)["statusCode"] == 400
    assert films._fast.answer(rank(REQUEST), time.monotonic(), None) is None


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
    form, _ = numbers.short._fast._forms["/v2/models/{model}/infer"]
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
    form, _ = numbers.short._fast._forms["/v2/models/{model}/infer"]
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
        found = short._fast.answer(asked, time.monotonic(), None)
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


def test_the_short_way_is_timed_by_phase_as_well(tmp_path: Path) -> None:
    films = Function.open(bundle(tmp_path), {})
    films(rank(REQUEST), None)
    films.scorer.phases.wanted = True
    answers: list[Any] = []
    short = films._fast.answer
    films._fast.answer = lambda *given: answers.append(short(*given)) or answers[-1]  # type: ignore[func-returns-value,method-assign]
    films(rank(REQUEST), None)
    assert answers[-1] is not None
    measured = films.scorer.phases.last
    assert all(measured[name] > 0 for name in ("decode", "assemble", "run", "encode"))


def test_scores_whose_squares_overflow_are_scores_even_where_overflow_is_a_fault(tmp_path: Path) -> None:
    made = bundle(tmp_path)
    with np.load(made / "weights.npz") as weights:
        scaled = {name: one * np.float32(1e25) for name, one in weights.items()}
    np.savez(made / "weights.npz", **scaled)
    written = json.loads((made / "manifest.json").read_text())
    written["steps"][0]["options"] = {"link": "identity"}
    (made / "manifest.json").write_text(json.dumps(written))
    pair = Pair(made, rank(REQUEST))
    for mode in ("ignore", "raise"):
        with np.errstate(over=mode, invalid=mode):  # type: ignore[call-overload]
            assert pair.both(rank(REQUEST))
            scores = json.loads(body_of(pair.short(rank(REQUEST), None)))["scores"]
            assert max(map(abs, scores)) > 1e20
