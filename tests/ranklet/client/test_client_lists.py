"""What the client makes of lists that are made of more than scores, and of tokens; and of answers that are neither."""

from __future__ import annotations

import json
from typing import Any

import httpx
import msgpack
import numpy as np
import pytest

from ranklet.client import BadAnswer, BadCall, Client, Prepared
from ranklet.client.bodies import prepared, ranked
from ranklet.client.messages import Reply

EXPLORED = {"method": "softmax", "seed": 7, "propensities": [0.5, 1.0]}
LIST = {"items": [3, 1], "scores": [0.25, 0.5], "ordered_by": ["cap", "explore"], "explored": EXPLORED}


def reply(document: Any, *, packed: bool = False) -> Reply:
    body = msgpack.packb(document) if packed else json.dumps(document).encode()
    return Reply(200, {"content-type": "application/msgpack" if packed else "application/json"}, body)


@pytest.mark.parametrize("packed", [False, True])
def test_list_comes_with_its_steps_and_propensities(packed: bool) -> None:
    buffer = {"dtype": "<f8", "shape": [2], "data": np.array([0.5, 1.0]).tobytes()}
    document = {**LIST, "explored": {**EXPLORED, "propensities": buffer}} if packed else LIST
    found = ranked(reply(document, packed=packed), 2, top=True)
    assert (found.items, found.ordered_by) == ([3, 1], ("cap", "explore"))
    assert found.explored is not None and (found.explored.method, found.explored.seed) == ("softmax", 7)
    assert found.explored.propensities.tolist() == [0.5, 1.0]


def test_list_that_caps_cut_short_is_taken_and_a_short_order_by_score_is_not() -> None:
    assert len(ranked(reply(LIST), 5, top=True)) == 2
    with pytest.raises(BadAnswer, match="must be 5"):
        ranked(reply({"items": [3, 1], "scores": [0.5, 0.25]}), 5, top=True)
    with pytest.raises(BadAnswer, match="must be 1"):
        ranked(reply(LIST), 1, top=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ordered_by": "cap"},
        {"ordered_by": [1]},
        {"explored": []},
        {"explored": {**EXPLORED, "seed": "7"}},
        {"explored": {**EXPLORED, "method": None}},
        {"explored": {**EXPLORED, "propensities": [1.0]}},
        {"explored": {**EXPLORED, "propensities": ["a", "b"]}},
    ],
)
def test_what_is_no_list_is_a_bad_answer(wrong: Any) -> None:
    with pytest.raises(BadAnswer):
        ranked(reply({**LIST, **wrong}), 2, top=True)


@pytest.mark.parametrize(
    "wrong", [{}, {"token": 3, "expires_in": 60}, {"token": "a", "expires_in": "60"}, {"token": "a"}]
)
def test_what_is_no_token_is_a_bad_answer(wrong: Any) -> None:
    with pytest.raises(BadAnswer, match="token"):
        prepared(reply(wrong))


def test_client_asks_for_a_token_and_sends_it_with_every_part() -> None:
    """More candidates than a request takes go in parts, and the token with each of them."""
    asked: list[tuple[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        verb, body = request.url.path.rpartition(":")[2], msgpack.unpackb(request.content)
        asked.append((verb, body))
        if verb == "prepare":
            return packed({"token": "abc", "expires_in": 60, "degraded": {"missing_rows:users": 1}})
        count = body["items"]["id"]["shape"][0]
        if count > 2:
            error = {"error": f"{count} candidates; this model takes 2 in one request"}
            return httpx.Response(413, headers={"content-type": "application/json"}, content=json.dumps(error))
        return packed({"scores": [0.5] * count})

    def packed(document: Any) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "application/msgpack"}, content=msgpack.packb(document))

    with httpx.Client(transport=httpx.MockTransport(answer)) as http, Client("http://x", "films", http=http) as client:
        token = client.prepare(user={"age": 3}, context={"hour": 4})
        assert token == Prepared("abc", 60, {"missing_rows:users": 1})
        found = client.rank(token=token, items={"id": [1, 2, 3, 4, 5]})
    assert len(found) == 5
    assert asked[0] == ("prepare", {"user": {"age": 3}, "context": {"hour": 4}})
    assert all(body["token"] == "abc" and "user" not in body for verb, body in asked[1:] if verb == "rank")


def test_list_of_too_many_candidates_is_refused_and_says_what_to_do() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        count = len(body["items"]["id"])
        if count > 2:
            error = {"error": f"{count} candidates; this model takes 2 in one request"}
            return httpx.Response(413, headers={"content-type": "application/json"}, content=json.dumps(error))
        document = {"items": body["items"]["id"][:1], "scores": [0.5], "ordered_by": ["cap"]}
        return httpx.Response(200, headers={"content-type": "application/json"}, content=json.dumps(document))

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as http,
        Client("http://x", "films", http=http, format="json", item_key="id") as client,
        pytest.raises(BadCall, match="without top_k"),
    ):
        client.rank(user={}, items={"id": [1, 2, 3, 4]}, top_k=1)
