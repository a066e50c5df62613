"""Binary tensors that anybody may send: damaged heads, lengths and bytes are answered, and the fault is never ours."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_kit import MODEL, Context, event
from test_runtime_fuzz import REQUEST, SUPPRESSED, TENSORS, check, columns, tensors, wide

from ranklet_runtime.dialects.tensors import DATATYPES
from ranklet_runtime.function import Function

wide = wide
PATH = f"/v2/models/{MODEL}/infer"
NUMPY = {name: kind.dtype for name, kind in DATATYPES.items()}


def packed(document: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """A request in JSON as a head and the bytes after it."""
    heads, parts = [], []
    for one in document["inputs"]:
        data = np.ravel(one["data"])
        if one["datatype"] == "BYTES":
            part = b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in data.tolist())
        else:
            part = data.astype(NUMPY[one["datatype"]]).tobytes()
        parts.append(part)
        head = {key: value for key, value in one.items() if key != "data"}
        heads.append({**head, "parameters": {"binary_data_size": len(part)}})
    return {**document, "parameters": {"binary_data_output": True}, "inputs": heads}, b"".join(parts)


RAW, OWN = packed(tensors(columns(REQUEST)["inputs"])), packed(tensors(TENSORS))
SIZES = st.sampled_from([0, 1, 2, 3, 4, 8, 24, 51, 10**6, 2**31, 2**62, -1]) | st.integers(-2, 60)
SHAPES = st.lists(SIZES, max_size=3)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[bytes, str]:
    """A good request with some heads, bytes and the length of the JSON changed."""
    head, rest = draw(st.sampled_from([RAW, OWN]))
    inputs = [dict(one) for one in head["inputs"]]
    for _ in range(draw(st.integers(0, 3))):
        one = inputs[draw(st.integers(0, len(inputs) - 1))]
        change = draw(st.sampled_from(["datatype", "shape", "size", "name"]))
        if change == "datatype":
            one["datatype"] = draw(st.sampled_from([*DATATYPES, "FP8"]))
        elif change == "shape":
            one["shape"] = draw(SHAPES)
        elif change == "size":
            one["parameters"] = {"binary_data_size": draw(SIZES)}
        else:
            one["name"] = draw(st.sampled_from(["id", "vector", "x"]))
    body = bytearray(rest)
    for _ in range(draw(st.integers(0, 3))):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    end = draw(st.integers(0, len(body) + 9)) if draw(st.booleans()) else len(body)
    text = json.dumps({**head, "inputs": inputs}).encode()
    length = len(text) + draw(st.sampled_from([0, 0, 0, 0, -1, 1, 4, 10**6]))
    return text + bytes(body[:end]), str(length)


def fuzz(films: Function, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=SUPPRESSED)
    @given(damaged())
    def run(sent: tuple[bytes, str]) -> None:
        check(films, event(PATH, sent[0], inference_header_content_length=sent[1]), Context())

    run()


@pytest.mark.parametrize("request_of", [RAW, OWN], ids=["features", "tensors"])
def test_the_good_requests_are_good(wide: Function, request_of: tuple[dict[str, Any], bytes]) -> None:
    text = json.dumps(request_of[0]).encode()
    sent = event(PATH, text + request_of[1], inference_header_content_length=str(len(text)))
    assert check(wide, sent, Context()) == 200


def test_any_damage_is_answered(wide: Function) -> None:
    fuzz(wide, 400)


@pytest.mark.slow
def test_very_much_damage_is_answered(wide: Function) -> None:
    fuzz(wide, 20_000)
