"""Golden rows in every form: each says the same request, and every answer form is read back."""

import math
from dataclasses import replace

import msgpack
import numpy as np
import orjson
import pytest

from ranklet.dialects import FORMS
from ranklet.dialects.base import Message
from ranklet.golden import Golden
from ranklet.replay import apart, difference
from ranklet_features.spec import FeatureSpec, Input
from ranklet_runtime.manifest import Manifest, Told

MANIFEST = Manifest(
    model="m",
    version="1",
    spec=FeatureSpec(
        inputs={
            "age": Input(side="user"),
            "seen": Input(side="user", type="int", list=True),
            "id": Input(side="item", type="int"),
            "price": Input(side="item", type="float"),
            "tags": Input(side="item", type="string", list=True),
        },
        features={},
    ),
    steps=(),
    score="score",
)
GOLDEN = Golden({"age": 3, "seen": [7, 8]}, {}, {"id": [1, 2], "price": [0.5, None], "tags": [["a"], []]}, (0.25, 0.75))


def test_msgpack_sends_numbers_as_little_endian_buffers_and_the_rest_as_lists() -> None:
    sent = msgpack.unpackb(FORMS["native-msgpack"].encode(GOLDEN, MANIFEST).body)
    assert sent["items"]["id"] == {"dtype": "<i8", "shape": [2], "data": np.array([1, 2], "<i8").tobytes()}
    assert sent["items"]["price"] == [0.5, None]
    assert sent["items"]["tags"] == [["a"], []]


def test_rows_repeat_the_user_and_columns_send_it_once() -> None:
    rows = orjson.loads(FORMS["tfs-rows"].encode(GOLDEN, MANIFEST).body)["instances"]
    assert rows[1] == {"age": 3, "seen": [7, 8], "id": 2, "price": None, "tags": []}
    columns = orjson.loads(FORMS["tfs-columns"].encode(GOLDEN, MANIFEST).body)["inputs"]
    assert columns["seen"] == [[7, 8]]
    assert columns["id"] == [1, 2]


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ("native-json", b'{"scores":[0.25,0.75]}'),
        (
            "native-msgpack",
            msgpack.packb({"scores": {"dtype": "<f4", "data": np.array([0.25, 0.75], "<f4").tobytes()}}),
        ),
        ("tfs-rows", b'{"predictions":[0.25,0.75]}'),
        ("tfs-columns", b'{"outputs":[0.25,0.75]}'),
        ("tfs-rows", b'{"predictions":[{"score":0.25,"class":"a"},{"score":0.75,"class":null}]}'),
        ("tfs-columns", b'{"outputs":{"score":[0.25,0.75],"class":["a",null]}}'),
        ("tfs-classify", b'{"results":[[["",0.25]],[["",0.75]]]}'),
        ("tfs-classify", b'{"results":[[["score",0.25],["chance",NaN]],[["score",0.75],["chance",1.0]]]}'),
        ("tfs-regress", b'{"results":[0.25,0.75]}'),
    ],
)
def test_scores_are_read_from_every_answer(form: str, answer: bytes) -> None:
    assert FORMS[form].decode(Message(answer)) == [0.25, 0.75]


def test_classify_and_regress_send_the_user_as_context() -> None:
    for form in ("tfs-classify", "tfs-regress"):
        sent = orjson.loads(FORMS[form].encode(GOLDEN, MANIFEST).body)
        assert sent["context"] == {"age": 3, "seen": [7, 8]}
        assert sent["examples"] == [{"id": 1, "price": 0.5, "tags": ["a"]}, {"id": 2, "price": None, "tags": []}]


@pytest.mark.parametrize(
    ("scores", "gap"),
    [([0.25, 0.75], 0.0), ([0.25, 0.5], 0.25), ([0.25], math.inf), ([0.25, math.nan], math.inf)],
)
def test_difference_is_the_worst_and_nothing_hides_it(scores: list[float], gap: float) -> None:
    assert difference(scores, GOLDEN) == gap


def test_a_score_that_neither_has_is_no_difference() -> None:
    none = Golden({}, {}, {"id": [1, 2]}, (0.25, math.nan))
    assert FORMS["native-json"].decode(Message(b'{"scores":[0.25,null]}'))[0] == 0.25
    assert difference(FORMS["native-json"].decode(Message(b'{"scores":[0.25,null]}')), none) == 0.0
    assert difference([0.25, 0.5], none) == math.inf


TOLD = Golden({}, {}, {"id": [1, 2]}, (0.25, 0.75), {"class": ["a", None], "chance": [0.5, 200.0]})


@pytest.mark.parametrize(
    ("outputs", "place"),
    [
        ({"class": ["a", None], "chance": [0.5, 200.0]}, ("class", 0, 0.0)),
        ({"class": ["a", None], "chance": [0.5, 201.0]}, ("chance", 1, 0.005)),
        ({"class": ["a", "b"], "chance": [0.5, 200.0]}, ("class", 1, math.inf)),
        ({"class": ["b", None], "chance": [0.5, 200.0]}, ("class", 0, math.inf)),
        ({"chance": [0.5, 200.0]}, ("class", 0, math.inf)),
        ({"class": ["a", None], "chance": [None, 200.0]}, ("chance", 0, math.inf)),
        ({"class": ["a", None], "chance": [0.5]}, ("chance", 0, math.inf)),
    ],
)
def test_outputs_that_are_told_otherwise_are_found(outputs: dict, place: tuple[str, int, float]) -> None:
    assert apart(outputs, TOLD) == place


def test_outputs_are_read_from_both_native_forms() -> None:
    plain = orjson.dumps({"scores": [1.0], "outputs": {"class": ["a"], "chance": [0.5]}})
    assert FORMS["native-json"].outputs(Message(plain)) == {"class": ["a"], "chance": [0.5]}
    chance = {"dtype": "<f8", "shape": [1], "data": np.array([0.5]).tobytes()}
    packed = msgpack.packb({"scores": chance, "outputs": {"class": ["a"], "chance": chance}})
    assert FORMS["native-msgpack"].outputs(Message(packed)) == {"class": ["a"], "chance": [0.5]}


def test_outputs_and_bare_nan_are_read_from_tf_servings_forms() -> None:
    rows = b'{"predictions":[{"score":1.0,"chance":NaN,"class_bytes":{"b64":"YQ=="}}]}'
    columns = b'{"outputs":{"score":[1.0],"chance":[NaN],"class_bytes":[{"b64":"YQ=="}]}}'
    for form, answer in (("tfs-rows", rows), ("tfs-columns", columns)):
        outputs = FORMS[form].outputs(Message(answer))
        assert math.isnan(outputs["chance"][0])
        assert outputs["class_bytes"] == ["a"]
    assert math.isnan(FORMS["tfs-rows"].decode(Message(b'{"predictions":[NaN]}'))[0])


def test_an_infinite_output_is_null_in_json_and_itself_where_there_is_room() -> None:
    wanted = Golden({}, {}, {"id": [1, 2]}, (0.25, 0.75), {"y": [math.inf, 1.0]})
    buffer = {"dtype": "<f8", "shape": [2], "data": np.array([math.inf, 1.0]).tobytes()}
    answers = {
        "native-json": b'{"scores":[0.25,0.75],"outputs":{"y":[null,1.0]}}',
        "native-msgpack": msgpack.packb({"scores": [0.25, 0.75], "outputs": {"y": buffer}}),
        "tfs-columns": b'{"outputs":{"score":[0.25,0.75],"y":[Infinity,1.0]}}',
        "sagemaker-json": b'{"predictions":[{"score":0.25,"y":null},{"score":0.75,"y":1.0}]}',
    }
    for name, body in answers.items():
        told = FORMS[name].outputs(Message(body))
        assert apart(told, replace(wanted, outputs=FORMS[name].told(wanted, MANIFEST)))[2] == 0.0, name
    for other in (-math.inf, 1e308, math.nan, None):
        assert apart({"y": [other, 1.0]}, wanted)[2] == math.inf


def test_a_table_tells_truth_in_words_and_what_looks_like_a_number_as_one() -> None:
    told = {"yes": Told("a", (False, True)), "word": Told("b", ("7", "x")), "y": Told("c")}
    manifest = replace(MANIFEST, told=told)
    wanted = Golden(
        {}, {}, {"id": [1, 2]}, (0.25, 0.75), {"yes": [True, None], "word": ["7", "x"], "y": [math.inf, 0.5]}
    )
    form = FORMS["sagemaker-csv"]
    found = form.outputs(Message(b"0.25,true,7,\n0.75,,x,0.5\n"))
    assert apart(found, replace(wanted, outputs=form.told(wanted, manifest)))[2] == 0.0
    table = FORMS["openscoring-csv"]
    found = table.outputs(Message(b"yes,word,y,score\ntrue,7,,0.25\n,x,0.5,0.75\n"))
    assert apart(found, replace(wanted, outputs=table.told(wanted, manifest)))[2] == 0.0
    wrong = form.outputs(Message(b"0.25,1,7,\n0.75,,x,0.5\n"))
    assert apart(wrong, replace(wanted, outputs=form.told(wanted, manifest)))[2] == math.inf
