"""Golden rows in Openscoring's forms, and what its answers say."""

import math

import orjson
import pytest

from ranklet.dialects import FORMS
from ranklet.dialects.base import Message
from ranklet.dialects.openscoring import operations
from ranklet.errors import ParityError
from ranklet.golden import Golden
from ranklet_features.spec import FeatureSpec, Input
from ranklet_runtime.dialects.openscoring import Openscoring
from ranklet_runtime.manifest import Manifest

SPEC = FeatureSpec(
    inputs={"age": Input(side="user"), "id": Input(side="item", type="int"), "word": Input(side="item", type="string")},
    features={},
)
MANIFEST = Manifest(model="m", version="1", spec=SPEC, steps=(), score="score")
WORDS = Manifest(model="m", version="1", spec=SPEC, steps=(), score="score", ranks=False)
GOLDEN = Golden({"age": 0.1}, {}, {"id": [1, 2], "word": ["a, b", None]}, (0.25, 0.75))
BATCH, TABLE = FORMS["openscoring-batch"], FORMS["openscoring-csv"]


def test_a_batch_repeats_the_user_in_every_record() -> None:
    sent = orjson.loads(BATCH.encode(GOLDEN, MANIFEST).body)
    assert [record["arguments"] for record in sent["requests"]] == [
        {"age": 0.1, "id": 1, "word": "a, b"},
        {"age": 0.1, "id": 2, "word": None},
    ]
    assert BATCH.url(MANIFEST) == "/m/model/m/batch"


def test_a_table_repeats_the_user_in_every_line() -> None:
    sent = TABLE.request(GOLDEN, MANIFEST)
    assert sent.body == b'age,id,word\n0.1,1,"a, b"\n0.1,2,\n'
    assert sent.headers["content-type"] == "text/plain"


@pytest.mark.parametrize(
    ("items", "fits"),
    [
        ({"id": [1]}, True),
        ({"word": [None]}, True),
        ({"word": [""]}, False),  # which would come back as a missing one
        ({"id": [[1, 2]]}, False),
    ],
)
def test_a_table_takes_rows_of_single_values(items: dict, fits: bool) -> None:
    golden = Golden({"age": 1}, {}, items, (0.5,))
    assert TABLE.takes([golden], MANIFEST) == fits
    assert not TABLE.takes([golden], WORDS)
    assert BATCH.takes([golden], WORDS)


def test_scores_are_the_last_of_the_results_where_the_model_has_some() -> None:
    rows = [{"word": "x", "score": 0.5}, {"word": None, "score": None}]
    for manifest, scores in ((MANIFEST, [0.5, None]), (WORDS, [None, None])):
        name = orjson.loads(BATCH.encode(GOLDEN, manifest).body)["id"]
        answer = Message(orjson.dumps({"id": name, "responses": [{"results": row} for row in rows]}))
        read = [None if math.isnan(score) else score for score in BATCH.decode(answer)]
        assert read == scores
        assert BATCH.outputs is not None
        assert BATCH.outputs(answer)["word"] == ["x", None]
        assert ("score" in BATCH.outputs(answer)) == (manifest is WORDS)


def test_a_tables_scores_are_its_last_column() -> None:
    assert TABLE.decode(Message(b'word,score\n"a, b",0.5\nc,0.25\n')) == [0.5, 0.25]
    assert math.isnan(TABLE.decode(Message(b"word,score\nc,\n"))[0])


def test_a_refused_record_ends_the_proof_with_its_message() -> None:
    answer = Message(orjson.dumps({"responses": [{"results": {"score": 1.0}}, {"message": "$.arguments.id: wrong"}]}))
    with pytest.raises(ParityError, match=r"candidate 1 was refused: \$\.arguments\.id: wrong"):
        BATCH.decode(answer)


def test_openapi_has_every_route_of_the_dialect() -> None:
    routes = {(one.method, one.path.replace("{model}", "m")) for one in Openscoring.routes}
    assert {(one.method, one.path) for one in operations(MANIFEST)} == routes


def test_openapi_tells_the_score_only_of_a_model_that_has_one() -> None:
    for manifest in (MANIFEST, WORDS):
        (one,) = (one for one in operations(manifest) if one.id == "evaluate")
        told = one.answer["application/json"]["properties"]["results"]["properties"]
        assert ("score" in told) == manifest.ranks
        assert one.request["application/json"]["properties"]["arguments"]["required"] == ["age", "id", "word"]
