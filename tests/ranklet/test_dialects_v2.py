"""Golden rows as V2's tensors, what its answers say, and its paths as documents."""

import math
from typing import Any

import numpy as np
import orjson
import pytest

from ranklet.dialects import FORMS
from ranklet.dialects.base import Message
from ranklet.dialects.v2 import operations
from ranklet.golden import Golden
from ranklet_features.spec import FeatureSpec, Input
from ranklet_runtime.dialects.tensors import FP64, write_bytes
from ranklet_runtime.dialects.v2 import HEADER, V2
from ranklet_runtime.manifest import Manifest, Told

SPEC = FeatureSpec(
    inputs={
        "age": Input(side="user"),
        "seen": Input(side="user", type="int", list=True),
        "id": Input(side="item", type="int"),
        "word": Input(side="item", type="string", default=""),
        "tags": Input(side="item", type="string", list=True),
    },
    features={},
)
MANIFEST = Manifest(model="m", version="1", spec=SPEC, steps=(), score="score")
GOLDEN = Golden(
    {"age": 0.5, "seen": [3, 4, 5]},
    {},
    {"id": [1, 2], "word": ["ä", None], "tags": [["a"], ["b", "c"]], "other": [1, 2]},
    (0.25, 0.75),
)
TEXT, PACKED = FORMS["v2-json"], FORMS["v2-binary"]


def tensors(body: bytes) -> dict[str, dict[str, Any]]:
    return {one.pop("name"): one for one in orjson.loads(body)["inputs"]}


def test_the_user_is_one_row_and_lists_of_different_lengths_are_texts() -> None:
    assert tensors(TEXT.encode(GOLDEN, MANIFEST).body) == {
        "age": {"datatype": "FP64", "shape": [1], "data": [0.5]},
        "seen": {"datatype": "INT64", "shape": [1, 3], "data": [3, 4, 5]},
        "id": {"datatype": "INT64", "shape": [2], "data": [1, 2]},
        "word": {"datatype": "BYTES", "shape": [2], "data": ["ä", None]},
        "tags": {"datatype": "BYTES", "shape": [2], "data": ['["a"]', '["b","c"]']},
    }
    assert TEXT.url(MANIFEST) == "/m/v2/models/m/infer"


def test_all_but_what_has_gaps_is_bytes_and_so_is_the_answer() -> None:
    sent = PACKED.encode(GOLDEN, MANIFEST)
    length = int(sent.headers[HEADER])
    head = tensors(sent.body[:length])
    assert [name for name, one in head.items() if "data" in one] == ["word"]
    assert sum(one["parameters"]["binary_data_size"] for one in head.values() if "data" not in one) == len(
        sent.body[length:]
    )
    assert sent.body[length:].startswith(np.array([0.5]).tobytes() + np.array([3, 4, 5]).tobytes())
    assert orjson.loads(sent.body[:length])["parameters"] == {"binary_data_output": True}


def test_scores_come_first_and_what_is_told_after_them() -> None:
    def output(name: str, datatype: str, data: list[Any]) -> dict[str, Any]:
        return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data}

    told = [output("score", "FP32", [0.5, None]), output("word", "BYTES", ["x", None])]
    answer = Message(orjson.dumps({"outputs": told}))
    assert TEXT.decode(answer)[0] == 0.5
    assert math.isnan(TEXT.decode(answer)[1])
    assert TEXT.outputs is not None
    assert TEXT.outputs(answer) == {"word": ["x", None]}
    parts = [write_bytes(FP64, np.array([0.5, math.nan])), b"\1\0\0\0x\0\0\0\0"]
    for one, part in zip(told, parts, strict=True):
        del one["data"]
        one["parameters"] = {"binary_data_size": len(part)}
    told[0]["datatype"] = "FP64"
    head = orjson.dumps({"outputs": told})
    answer = Message(b"".join([head, *parts]), {HEADER: str(len(head))})
    assert PACKED.decode(answer)[0] == 0.5
    assert math.isnan(PACKED.decode(answer)[1])
    assert PACKED.outputs is not None
    assert PACKED.outputs(answer) == {"word": ["x", None]}


@pytest.mark.parametrize(
    ("labels", "column", "text", "packed"),
    [
        (None, [1.5, None], [1.5, None], [1.5, None]),
        (None, [math.inf, -math.inf], [None, None], [math.inf, -math.inf]),
        (("a", "b"), ["a", None], ["a", None], ["a", None]),
        (("", "b"), ["", "b"], ["", "b"], [None, "b"]),
        (("a", 1), ["a", 1], ["a", "1"], ["a", "1"]),
        ((1, 2), [1, None], [1.0, None], [1.0, None]),
        ((False, True), [True, False], [True, False], [True, False]),
        ((False, True), [True, None], [1.0, None], [1.0, None]),
    ],
)
def test_what_is_told_is_expected_as_its_datatype_holds_it(labels: Any, column: Any, text: Any, packed: Any) -> None:
    manifest = Manifest("m", "1", SPEC, (), "score", told={"t": Told("t", labels)})
    golden = Golden({"age": 0.5}, {}, {"id": [1, 2]}, (0.25, 0.75), outputs={"t": column})
    for form, wanted in ((TEXT, text), (PACKED, packed)):
        found = form.told(golden, manifest)["t"]
        assert (found, list(map(type, found))) == (wanted, list(map(type, wanted)))


def test_every_path_is_told_to_openapi_and_of_versions_those_that_score() -> None:
    told = {(one.method, one.path) for one in operations(MANIFEST)}
    routes = {
        (one.method, one.path.replace("{model}", "m")) for one in V2.routes if one.scores or "{version}" not in one.path
    }
    assert told == routes - {("GET", "/v2/")}
    for one in operations(MANIFEST):
        assert 422 not in one.faults
        orjson.dumps([dict(one.request), dict(one.answer), one.fault])
