"""Both clients against the real function: what arrives, what comes back, and more candidates than it takes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import msgpack
import numpy as np
import pandas as pd
import pytest
from client_asks import Ask
from client_fleet import LIMIT, Answer, Fleet, scores, write_bundle

from ranklet.client import AsyncClient, BadCall, Client, Refused, bodies

USER = {"age": 0.5}


def _items(count: int, *, seed: int = 0) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    return {"id": np.arange(1000, 1000 + count), "price": draw.integers(-8, 8, count).astype(np.float32) / 4}


@pytest.mark.parametrize("form", ["msgpack", "json"])
@pytest.mark.parametrize("count", [0, 1, LIMIT, LIMIT + 1, 1000])
def test_scores_come_in_the_order_of_the_candidates(ask: Ask, fleet: Fleet, form: str, count: int) -> None:
    items = _items(count)
    ranked = ask(fleet.url, options={"format": form}, user=USER, items=items)
    np.testing.assert_array_equal(ranked.scores, scores(0.5, items["price"]))
    assert ranked.scores.dtype == np.float32
    assert ranked.items is None
    np.testing.assert_allclose(ranked.outputs["margin"], items["price"] + 0.5)


@pytest.mark.parametrize("form", ["msgpack", "json"])
@pytest.mark.parametrize("top_k", [1, 5, LIMIT, 12, 5000])
@pytest.mark.parametrize("count", [0, 1, LIMIT, LIMIT + 1, 100])
def test_the_best_of_split_candidates_are_those_of_all(
    ask: Ask, fleet: Fleet, form: str, top_k: int, count: int
) -> None:
    items = _items(count, seed=count)
    shelves = ["comedy", "drama", "", "western"]
    items["shelf"] = [shelves[at % 4] for at in range(count)]
    ranked = ask(fleet.url, options={"format": form}, user=USER, items=items, top_k=top_k)
    whole = scores(0.5, items["price"])
    order = np.argsort(-whole, kind="stable")[:top_k]
    np.testing.assert_array_equal(ranked.scores, whole[order])
    np.testing.assert_array_equal(np.asarray(ranked.items, np.int64), items["id"][order])
    assert list(ranked.outputs["genre"]) == [items["shelf"][at] or None for at in order.tolist()]


def test_candidates_without_a_key_are_told_by_their_place_among_all(ask: Ask, tmp_path: Path) -> None:
    items = _items(40)
    with Fleet(write_bundle(tmp_path / "films", item_key=None)) as fleet:
        ranked = ask(fleet.url, user=USER, items=items, top_k=10)
    order = np.argsort(-scores(0.5, items["price"]), kind="stable")[:10]
    np.testing.assert_array_equal(np.asarray(ranked.items), order)


def test_the_user_travels_once_a_part_and_numbers_as_buffers(ask: Ask, fleet: Fleet) -> None:
    ask(fleet.url, user=USER, context={"hour": np.int64(3)}, items=_items(LIMIT * 3 - 1))
    messages = [msgpack.unpackb(said.body) for said in fleet.ranked[1:]]  # the first one told the limit
    assert [message["user"] for message in messages] == [USER] * 3
    assert [message["context"] for message in messages] == [{"hour": 3}] * 3
    assert sorted(message["items"]["id"]["shape"] for message in messages) == [[6], [7], [7]]
    assert {message["items"]["price"]["dtype"] for message in messages} == {"<f4"}


def test_a_limit_is_learned_from_the_refusal_once(fleet: Fleet) -> None:
    with Client(fleet.url, "films") as client:
        for _ in range(2):
            client.rank(user=USER, items=_items(LIMIT + 1))
    assert len(fleet.said) == 1 + 2 + 2


def test_of_many_candidates_the_limit_is_asked_before_anything_is_sent(fleet: Fleet) -> None:
    with Client(fleet.url, "films") as client:
        for _ in range(2):
            client.rank(user=USER, items=_items(2002))
    assert [said.path for said in fleet.said if said not in fleet.ranked] == ["/prod/films/openapi.json"]
    assert len(fleet.ranked) == 2 * 286


def test_a_given_limit_is_neither_asked_nor_exceeded(fleet: Fleet) -> None:
    with Client(fleet.url, "films", limit=3) as client:
        client.rank(user=USER, items=_items(10))
    assert len(fleet.said) == 4


def test_without_a_document_the_best_of_several_parts_need_to_know_the_key(ask: Ask, tmp_path: Path) -> None:
    items = _items(20)
    with Fleet(write_bundle(tmp_path / "films", described=False)) as fleet:
        with pytest.raises(BadCall, match="item_key"):
            ask(fleet.url, user=USER, items=items, top_k=3)
        ranked = ask(fleet.url, options={"item_key": "id"}, user=USER, items=items, top_k=3)
        np.testing.assert_array_equal(ask(fleet.url, user=USER, items=items).scores, scores(0.5, items["price"]))
    order = np.argsort(-scores(0.5, items["price"]), kind="stable")[:3]
    np.testing.assert_array_equal(np.asarray(ranked.items), items["id"][order])


def test_a_body_above_the_limit_is_halved_until_it_fits(ask: Ask, fleet: Fleet) -> None:
    gateway = Answer(413, b'{"message":"Request Entity Too Large"}')
    fleet.faults.extend([gateway, gateway, None, None])
    items = _items(6)
    np.testing.assert_array_equal(ask(fleet.url, user=USER, items=items).scores, scores(0.5, items["price"]))
    assert len(fleet.said) == 5


def test_one_candidate_that_is_too_large_is_refused(ask: Ask, fleet: Fleet) -> None:
    fleet.faults.extend([Answer(413, b'{"message":"Request Entity Too Large"}')] * 9)
    with pytest.raises(Refused, match="413 Request Entity Too Large"):
        ask(fleet.url, user=USER, items=_items(4))


def test_a_refusal_has_the_servers_words_and_the_callers_place(ask: Ask, fleet: Fleet) -> None:
    prices: list[Any] = [1.0] * 20
    prices[15] = "dear"
    with pytest.raises(Refused) as refused:
        ask(fleet.url, options={"limit": LIMIT}, user=USER, items={"id": list(range(20)), "price": prices})
    assert refused.value.status == 400
    assert refused.value.path == "$.items.price[15]"
    assert "$.items" not in refused.value.message
    assert str(refused.value).startswith("400 $.items.price[15]: ")


def test_columns_may_be_what_callers_have(ask: Ask, fleet: Fleet) -> None:
    frame = pd.DataFrame({"id": [1, 2, 3], "price": [0.5, 1.5, -1.0], "shelf": ["drama", "", "comedy"]})
    expected = scores(0.5, [0.5, 1.5, -1.0])
    for items in (
        dict(frame.items()),
        {"id": range(1, 4), "price": (0.5, 1.5, -1.0), "shelf": np.array(["drama", "", "comedy"])},
        {"id": np.array([1, 2, 3], np.uint64), "price": np.array([0.5, 1.5, -1.0], ">f8")},
        {"id": np.array([1, 2, 3], np.uint8), "price": np.array([0.5, 1.5, -1.0], np.float16)},
        {"id": [1, 2, 3], "price": [0.5, 1.5, -1]},
    ):
        np.testing.assert_array_equal(ask(fleet.url, user=USER, items=items).scores, expected)


@pytest.mark.parametrize("compress", [True, "gzip", "zstd"])
@pytest.mark.parametrize("form", ["msgpack", "json"])
def test_large_bodies_travel_compressed(ask: Ask, fleet: Fleet, form: str, compress: Any) -> None:
    items = {**_items(3), "shelf": ["drama"] * 3, "note": ["x" * 4000] * 3}
    if compress == "zstd" and bodies.zstd() is None:
        with pytest.raises(BadCall, match=r"pip install backports\.zstd"):
            ask(fleet.url, options={"format": form, "compress": compress}, user=USER, items=items)
        return
    ranked = ask(fleet.url, options={"format": form, "compress": compress}, user=USER, items=items)
    np.testing.assert_array_equal(ranked.scores, scores(0.5, items["price"]))
    assert len(fleet.said[0].body) < 4000
    assert fleet.said[0].headers["content-encoding"] == (
        "gzip" if compress == "gzip" or bodies.zstd() is None else "zstd"
    )


def test_without_zstd_it_is_gzip(ask: Ask, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "zstd", lambda: None)
    test_large_bodies_travel_compressed(ask, fleet, "json", True)
    test_large_bodies_travel_compressed(ask, fleet, "json", "zstd")


def test_small_bodies_and_unasked_ones_travel_as_they_are(ask: Ask, fleet: Fleet) -> None:
    ask(fleet.url, options={"compress": True}, user=USER, items=_items(2))
    ask(fleet.url, user=USER, items={**_items(2), "note": ["x" * 4000] * 2})
    assert all("content-encoding" not in said.headers for said in fleet.said)


def test_what_describes_a_model_is_asked_for(fleet: Fleet, bundle: Path) -> None:
    with Client(fleet.url, "films") as client:
        assert client.health() == {"status": "ok", "model": "films", "version": "3"}
        assert client.metadata() == json.loads((bundle / "openapi.json").read_bytes())
        assert asyncio.run(_described(fleet.url)) == (client.health(), client.metadata())


async def _described(url: str) -> tuple[Any, Any]:
    async with AsyncClient(url, "films") as client:
        return await client.health(), await client.metadata()


def test_a_client_of_the_callers_own_stays_open(fleet: Fleet) -> None:
    async def views() -> None:
        async with httpx.AsyncClient(verify=False) as http:
            async with AsyncClient(fleet.url, "films", http=http) as client:
                for view in (client.at("2"), client.labelled("live")):
                    with pytest.raises(Refused, match="404"):
                        await view.rank(user=USER, items=_items(1))
                    await view.close()
                await client.rank(user=USER, items=_items(LIMIT + 1))
            await http.get(f"{fleet.url}/films/health")

    asyncio.run(views())
    with httpx.Client(verify=False) as http:
        with Client(fleet.url, "films", http=http) as client:
            client.rank(user=USER, items=_items(LIMIT + 1))
        http.get(f"{fleet.url}/films/health")
    assert [said.path.rpartition("/")[2] for said in fleet.said].count("health") == 2


def test_versions_and_labels_have_paths_of_their_own(fleet: Fleet) -> None:
    with Client(fleet.url, "films", headers={"x-tenant": "a"}) as client:
        for view in (client.at(2), client.labelled("canary/b")):
            with pytest.raises(Refused) as refused:
                view.rank(user=USER, items=_items(1))
            assert refused.value.status == 404
            view.close()
        client.rank(user=USER, items=_items(1))
    paths = [said.path for said in fleet.said]
    assert paths == [
        "/prod/films/v1/models/films/versions/2:rank",
        "/prod/films/v1/models/films/labels/canary%2Fb:rank",
        "/prod/films/v1/models/films:rank",
    ]
    assert {said.headers["x-tenant"] for said in fleet.said} == {"a"}
