"""V2's tensors in JSON read by their numbers' own parser: as the long way reads them, or not at all."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet_runtime.dialects import tensors
from ranklet_runtime.dialects.v2_inputs import head
from ranklet_runtime.dialects.v2_numbers import Numbers

LIMIT = 50
NUMBERS = Numbers()


def tensor(name: str, datatype: str, data: list[Any], shape: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)] if shape is None else shape, "data": data, **more}


GOOD = [
    tensor("age", "INT64", [31]),
    tensor("price", "FP32", [0.1, 2, -3.5e10]),
    tensor("rating", "FP64", [0.1, 2, 1e300]),
    tensor("id", "INT64", [1, -(2**63), 2**63 - 1], [3, 1]),
    tensor("look", "FP64", [1.5, 2, 3, 4, 5, 6], [3, 2]),
    tensor("name", "BYTES", ["a", "\u00fc", ""]),
]


def body(inputs: Any, **more: Any) -> bytes:
    return json.dumps({"inputs": inputs, **more}).encode()


def test_brackets_that_are_written_otherwise_hide_no_lists() -> None:
    nested = [tensor("a", "INT64", [[1], [2]], [2])]
    for count in range(20):
        written = body(nested, id="?").replace(b"?", b"\\u005B" * count)
        assert NUMBERS.read(written, LIMIT) is None


def test_numbers_are_those_of_the_long_way() -> None:
    read = NUMBERS.read(body(GOOD, id="a[", outputs=[{"name": "score"}], parameters={"a": [1, [2]]}), LIMIT)
    assert read is not None
    more, found = read
    assert more == {"id": "a[", "outputs": [{"name": "score"}], "parameters": {"a": [1, [2]]}}
    for one in GOOD:
        kind, shape = head(one, LIMIT, path="$")
        expected = tensors.read_json(kind, one["data"], shape, path="$")
        got = found[one["name"]]
        assert (got.kind, got.shape) == (kind, shape)
        assert np.asarray(got.values).tobytes() == np.asarray(expected).tobytes()
        assert np.asarray(got.values).dtype == np.asarray(expected).dtype


@pytest.mark.parametrize(
    "inputs",
    [
        [tensor("a", "INT64", [1, 2.0])],
        [tensor("a", "INT64", [1, True])],
        [tensor("a", "INT64", [1, None])],
        [tensor("a", "INT64", [2**63])],
        [tensor("a", "INT64", [[1], [2]], [2])],
        [tensor("a", "INT64", [[1], [2]], [2, 1])],
        [tensor("a", "INT64", [1, [2]])],
        [tensor("a", "FP32", [3e38, 1e39])],
        [tensor("a", "FP64", [1], [2])],
        [tensor("a", "FP64", [1], [True])],
        [tensor("a", "FP64", [1], [])],
        [tensor("a", "FP64", [1], [-1])],
        [tensor("a", "FP64", [0] * 51)],
        [tensor("a", "FP16", [1])],
        [tensor("a", "BOOL", [True])],
        [tensor("a", "BYTES", ["a", 1])],
        [tensor("a", "NONE", ["a"])],
        [tensor("a", "INT64", [1], parameters={})],
        [tensor("a", "INT64", [1]), tensor("a", "INT64", [1])],
        [tensor("a[", "INT64", [1])],
        [{**tensor("a", "INT64", [1]), "name": 5}],
        [[]],
        {},
        None,
    ],
    ids=str,
)
def test_what_is_not_plain_is_left(inputs: Any) -> None:
    assert NUMBERS.read(body(inputs), LIMIT) is None


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b"{} x", b'{"inputs": []', b'{"inputs": [], "inputs": []}', b"\xff"]
)
def test_what_is_no_document_is_left(text: bytes) -> None:
    assert NUMBERS.read(text, LIMIT) is None


FLOATS = st.lists(st.floats(-1e18, 1e18) | st.integers(-(10**9), 10**9), min_size=1, max_size=9)


@settings(max_examples=200, deadline=None)
@given(FLOATS, st.sampled_from(["FP32", "FP64"]))
def test_rounding_is_that_of_the_long_way(data: list[float], datatype: str) -> None:
    read = NUMBERS.read(body([tensor("a", datatype, data)]), LIMIT)
    assert read is not None
    kind = tensors.DATATYPES[datatype]
    expected = tensors.read_json(kind, data, [len(data)], path="$")
    assert np.asarray(read[1]["a"].values).tobytes() == np.asarray(expected).tobytes()
