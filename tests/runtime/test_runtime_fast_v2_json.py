"""The short way of V2 in JSON, of raw features and of a model's tensors: it answers as the long one, or not at all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fast_kit import FEATURES, INPUTS, REQUEST, SIZES, Pair, bundle, without
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runtime_kit import MODEL, body_of, document, event, write_bundle

from ranklet.bench.split.net import Net

PATH = f"/v2/models/{MODEL}/infer"
DATATYPES = {"int": "INT64", "float": "FP64", "string": "BYTES"}
OWN = {
    "user": {"datatype": "INT64", "shape": [1], "data": [3]},
    "profile": {"datatype": "FP32", "shape": [1, 2], "data": [0.1, 2]},
    "scaled": {"datatype": "FP32", "shape": [1, 1], "data": [0.25]},
    "id": {"datatype": "INT64", "shape": [3], "data": [7, 49, -1]},
    "shop": {"datatype": "INT64", "shape": [3, 1], "data": [0, 1, 3]},
    "offer": {"datatype": "FP32", "shape": [3, 3], "data": [0.1, 1, 2, 3, 4.5, 5, 6, 7, 8e10]},
    "logs": {"datatype": "FP32", "shape": [3, 1], "data": [0, 1.5, 3]},
}
"""The tensors that features make of a request without texts."""


def tensor(name: str, data: list[Any], datatype: str = "", shape: Any = None, **more: Any) -> dict[str, Any]:
    kind = datatype or DATATYPES[INPUTS[name]["type"]]
    return {"name": name, "datatype": kind, "shape": [len(data)] if shape is None else shape, "data": data, **more}


def raw(request: dict[str, Any] = REQUEST, **changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The request's inputs; changes: of a tensor, by its name."""
    once = {name: [value] for name, value in {**request["user"], **request["context"]}.items()}
    columns = {**once, **request["items"]}
    return [{**tensor(name, data), **changes.get(name, {})} for name, data in columns.items()]


def own(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, **one, **changes.get(name, {})} for name, one in OWN.items()]


def asked(inputs: Any, **more: Any) -> dict[str, Any]:
    return event(PATH, json.dumps({"inputs": inputs, **more}), content_type="application/json")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(bundle(tmp_path_factory.mktemp("raw")), asked(raw()))


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The model without its texts."""
    return Pair(bundle(tmp_path_factory.mktemp("own"), texts=False), asked(own()))


PLAIN = {
    "a request": asked(raw()),
    "FP32": asked(raw(price={"datatype": "FP32"}, age={"datatype": "FP32", "data": [0.1]})),
    "ints as floats": asked(raw(price={"datatype": "INT64", "data": [1, -2, 3]}, age={"datatype": "INT64"})),
    "columns of one": asked(raw(price={"shape": [3, 1]}, age={"shape": [1, 1]})),
    "defaults": asked(raw(without(without(REQUEST, "user", "country"), "context", "days"))),
    "an id": asked(raw(), id="a-7"),
    "an id with a bracket": asked(raw(), id="a[7]"),
    "outputs": asked(raw(), outputs=[{"name": "score"}], parameters={"binary_data_output": False, "more": [1, [2]]}),
    "an output in bytes": asked(raw(), outputs=[{"name": "score", "parameters": {"binary_data": True}}]),
    "fields before": event(PATH, json.dumps({"id": "x", "inputs": raw()}), content_type="application/json"),
    "strangers": asked(raw(id={"data": [1000, -1, 49]}, shop={"data": [1, 2, 3]}, brand={"data": ["", "x", "\u00fc"]})),
}

PLAIN_OWN = {
    "a request": asked(own()),
    "columns without their last dimension": asked(own(shop={"shape": [3]})),
    "an id": asked(own(), id="b"),
    "in bytes": asked(own(), parameters={"binary_data_output": True}),
}

UNUSUAL = {
    "an item's default": asked(raw(without(REQUEST, "items", "brand"))),
    "nested": asked(raw(price={"data": [[1], [2], [3]], "shape": [3, 1]})),
    "nested once": asked(raw(price={"data": [1, [2], 3]})),
    "a null": asked(raw(price={"data": [1, None, 3]})),
    "a text": asked(raw(price={"data": [1, "2", 3]})),
    "a number as text": asked(raw(brand={"data": ["a", 2, "b"]})),
    "true": asked(raw(price={"data": [1, True, 3]})),
    "a fraction": asked(raw(id={"data": [1, 2.0, 3]})),
    "a fraction, by its datatype": asked(raw(id={"datatype": "FP64"})),
    "text for a number, by its datatype": asked(raw(id={"datatype": "BYTES", "data": ["1", "2", "3"]})),
    "beyond 64 bits": asked(raw(id={"data": [1, 2**63, 3]})),
    "beyond 32 bits": asked(raw(price={"datatype": "FP32", "data": [1, 1e39, 3]})),
    "32 bits, of an int": asked(raw(id={"datatype": "INT32"})),
    "an unknown datatype": asked(raw(id={"datatype": "INT65"})),
    "no datatype": asked([{key: value for key, value in one.items() if key != "datatype"} for one in raw()]),
    "a shape of others": asked(raw(price={"shape": [2]})),
    "a shape of fractions": asked(raw(price={"shape": [3.0]})),
    "a shape of truth": asked(raw(age={"shape": [True]})),
    "a shape of text": asked(raw(price={"shape": ["3"]})),
    "a shape of none": asked(raw(price={"shape": []})),
    "a shape below zero": asked(raw(price={"shape": [-3]})),
    "a wide shape": asked(raw(price={"shape": [1, 3]})),
    "another length": asked(raw(price={"shape": [2], "data": [1, 2]})),
    "no rows": asked([{**one, "shape": [0], "data": []} for one in raw()]),
    "every row its user": asked(raw(user={"shape": [3], "data": [1, 2, 3]})),
    "a name twice": asked([*raw(), tensor("price", [1, 2, 3])]),
    "an unknown name": asked([*raw(), {**tensor("price", [1, 2, 3]), "name": "colour"}]),
    "a name with a bracket": asked([*raw(), {**tensor("price", [1, 2, 3]), "name": "["}]),
    "a name that is none": asked([*raw(), {**tensor("price", [1, 2, 3]), "name": 7}]),
    "a tensor missing": asked(raw(without(REQUEST, "items", "price"))),
    "a user's value missing": asked(raw(without(REQUEST, "user", "age"))),
    "a parameter": asked(raw(price={"parameters": {"binary_data_size": 24}})),
    "a parameter that changes nothing": asked(raw(price={"parameters": {"a": 1}})),
    "data twice": asked(json.loads("[]"))
    | {"body": asked(raw())["body"].replace('"data":', '"data": [9], "data":', 1)},
    "inputs twice": asked([]) | {"body": asked(raw())["body"][:-1] + ', "inputs": []}'},
    "an output unknown": asked(raw(), outputs=[{"name": "other"}]),
    "an id that is none": asked(raw(), id=7),
    **{
        f"brackets that are written otherwise, {count}": event(
            PATH,
            json.dumps({"inputs": raw(price={"data": [[1], [2], [3]]}), "id": "?"}).replace("?", "\\u005b" * count),
            content_type="application/json",
        )
        for count in range(1, 50)
    },
    "a bracket in a text": asked(raw(brand={"data": ["[", "x", "b"]})),
    "too many": asked(raw({**REQUEST, "items": {name: column * 700 for name, column in REQUEST["items"].items()}})),
    "no object": event(PATH, "[1]", content_type="application/json"),
    "inputs that are none": asked({"a": 1}),
    "inputs of numbers": asked([1, 2]),
    "not JSON": event(PATH, asked(raw())["body"][:-2], content_type="application/json"),
    "NaN": event(PATH, asked(raw())["body"].replace("2.5", "NaN", 1), content_type="application/json"),
}

UNUSUAL_OWN = {
    "an id too large": asked(own(id={"data": [7, 51, 0]})),
    "an id too small": asked(own(id={"data": [7, -2, 0]})),
    "ids of fractions": asked(own(id={"datatype": "FP32"})),
    "numbers of 64 bits": asked(own(offer={"datatype": "FP64"})),
    "numbers beyond 32 bits": asked(own(offer={"data": [1e39] * 9})),
    "another width": asked(own(offer={"shape": [3, 2], "data": [1, 2, 3, 4, 5, 6]})),
    "the user's rows": asked(own(user={"shape": [3], "data": [1, 1, 1]})),
    "rows that disagree": asked(own(id={"shape": [2], "data": [1, 2]})),
    "one missing": asked(own()[:-1]),
    "one of a raw feature": asked([*own(), tensor("price", [1.0, 2, 3])]),
    "three dimensions": asked(own(offer={"shape": [3, 3, 1]})),
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_features_take_the_short_way(pair: Pair, name: str) -> None:
    assert pair.long(PLAIN[name], None)["statusCode"] == 200
    assert pair.both(PLAIN[name])


@pytest.mark.parametrize("name", PLAIN_OWN)
def test_plain_tensors_take_the_short_way(numbers: Pair, name: str) -> None:
    assert numbers.long(PLAIN_OWN[name], None)["statusCode"] == 200
    assert numbers.both(PLAIN_OWN[name])


@pytest.mark.parametrize("name", UNUSUAL)
def test_the_long_way_judges_unusual_features(pair: Pair, name: str) -> None:
    assert not pair.both(UNUSUAL[name])


@pytest.mark.parametrize("name", UNUSUAL_OWN)
def test_the_long_way_judges_unusual_tensors(numbers: Pair, name: str) -> None:
    assert not numbers.both(UNUSUAL_OWN[name])


def test_layouts_are_bounded_and_what_is_wrong_makes_none(pair: Pair) -> None:
    form = pair.short._fast._forms["/v2/models/{model}/infer"][1]
    known = len(form._layouts)  # type: ignore[attr-defined]
    for name in ("a shape of others", "an unknown name", "a fraction, by its datatype", "no rows", "too many"):
        pair.both(UNUSUAL[name])
    assert len(form._layouts) <= known + 1  # type: ignore[attr-defined]
    for count in range(1, 400):
        items = {name: (column * 200)[:count] for name, column in REQUEST["items"].items()}
        assert pair.both(asked(raw({**REQUEST, "items": items})))
    assert len(form._layouts) <= 256  # type: ignore[attr-defined]


def test_a_known_layout_does_not_excuse_its_next_request(pair: Pair) -> None:
    assert pair.both(asked(raw()))
    for name, one in UNUSUAL.items():
        pair.both(one)
        assert pair.both(asked(raw())), name


FINITE = st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6)
WHOLE = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 60)


@st.composite
def requests(draw: st.DrawFn) -> list[dict[str, Any]]:
    count = draw(st.integers(1, 6))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=count, max_size=count))

    words = st.sampled_from(["a", "b", "\u00fc", ""])
    items = {name: column({"int": WHOLE, "float": FINITE, "string": words}[one["type"]]) for name, one in INPUTS.items()
             if one["side"] == "item"}  # fmt: skip
    user = {"user": draw(WHOLE), "age": draw(FINITE), "country": draw(words)}
    narrow = {name: {"datatype": "FP32"} for name in draw(st.sets(st.sampled_from(["price", "stock", "age", "days"])))}
    return raw({"user": user, "context": {"days": draw(FINITE)}, "items": items}, **narrow)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests())
def test_scores_are_the_same_bits(pair: Pair, inputs: list[dict[str, Any]]) -> None:
    assert pair.both(asked(inputs))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.floats(-1e6, 1e6, width=32) | st.floats(-1e6, 1e6), min_size=9, max_size=9),
    st.lists(st.integers(-3, 52), min_size=3, max_size=3),
)
def test_scores_of_tensors_are_the_same_bits(numbers: Pair, offer: list[float], ids: list[int]) -> None:
    plain = all(-1 <= one < 51 for one in ids)
    assert numbers.both(asked(own(offer={"data": offer}, id={"data": ids}))) == plain


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A graph whose user comes once."""
    features = {name: FEATURES[name] for name in ("user", "profile", "id", "offer")}
    net = Net(seed=3)
    user = net.concat(net.embed(net.ids("user"), SIZES["user"], 4), net.dense("profile", 2))
    item = net.concat(net.embed(net.ids("id"), SIZES["id"], 4), net.dense("offer", 3))
    first = net.op("Add", net.linear(user, 6, 8), net.linear(item, 7, 8))
    graph = net.bytes(net.op("Sigmoid", net.mlp(net.op("Relu", first), 8, 1)), 1)
    step = {
        "engine": "onnx",
        "rows": "item",
        "inputs": {name: name for name in features},
        "outputs": {"score": "score"},
        "once": ["user", "profile"],
        "artefact": "graph.onnx",
    }
    names = {one for feature in features.values() for one in feature["of"]}
    inputs = {name: one for name, one in INPUTS.items() if name in names}
    made = tmp_path_factory.mktemp("onnx") / "bundle"
    write_bundle(made, document(inputs=inputs, features=features, steps=[step], tables={}))
    (made / "graph.onnx").write_bytes(graph)
    return Pair(made, asked([one for one in raw() if one["name"] in names]))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_graph_is_fed_what_the_engine_would_feed_it(onnx: Pair, count: int) -> None:
    assert onnx.short.scorer.straight is not None
    assert not onnx.short.scorer.waits
    columns = {name: column[:count] for name, column in REQUEST["items"].items()}
    names = onnx.short.manifest.spec.inputs
    given_ = [one for one in raw({**REQUEST, "items": columns}) if one["name"] in names]
    assert onnx.both(asked(given_))
    rows = {name: OWN[name]["data"] for name in ("id", "offer")}
    tensors = own(
        id={"shape": [count], "data": rows["id"][:count]},
        offer={"shape": [count, 3], "data": rows["offer"][: 3 * count]},
    )
    assert onnx.both(asked([one for one in tensors if one["name"] in ("user", "profile", "id", "offer")]))


def test_a_graph_that_has_to_be_fed_otherwise_is_left_to_the_engine(onnx: Pair, tmp_path: Path) -> None:
    document_ = json.loads((Path(str(onnx.short.served.folder)) / "manifest.json").read_text())
    document_["steps"][0]["once"] = []  # the user's row is copied for each candidate
    made = write_bundle(tmp_path / "bundle", document_)
    (made / "graph.onnx").write_bytes((Path(str(onnx.short.served.folder)) / "graph.onnx").read_bytes())
    names = document_["inputs"]
    given_ = [one for one in raw() if one["name"] in names]
    copied = Pair(made, asked(given_))
    assert copied.short.scorer.straight is None
    assert copied.both(asked(given_))
    alike = [
        np.array(json.loads(body_of(pair.long(asked(given_), None)))["outputs"][0]["data"]) for pair in (onnx, copied)
    ]
    assert np.allclose(*alike, atol=1e-6)
