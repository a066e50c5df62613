"""`ranklet.client` against a local cloud: the golden scores, by threads and by asyncio, whole and split."""

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from clients_kit import Row

from ranklet.client import AsyncClient, BadCall, Client, Ranked, Refused

FORMS: tuple[dict[str, Any], ...] = ({}, {"format": "json"}, {"compress": "gzip"}, {"limit": 2, "parallel": 4})


async def _ranked(url: str, row: Row, options: dict[str, Any], top_k: int | None) -> Ranked:
    async with AsyncClient(url, row.model, **options) as client:
        return await client.rank(user=row.user, context=row.context, items=row.items, top_k=top_k)


def _both(url: str, row: Row, options: dict[str, Any], top_k: int | None = None) -> Iterator[Ranked]:
    with Client(url, row.model, **options) as client:
        yield client.rank(user=row.user, context=row.context, items=row.items, top_k=top_k)
    yield asyncio.run(_ranked(url, row, options, top_k))


@pytest.mark.parametrize("options", FORMS)
def test_the_scores_are_the_golden_ones(served: str, golden: list[Row], options: dict[str, Any]) -> None:
    for row in golden:
        for ranked in _both(served, row, options):
            np.testing.assert_allclose(ranked.scores, row.scores, atol=1e-6, rtol=0)
            assert ranked.outputs.keys() == row.outputs.keys()
            if row.outputs:
                assert list(ranked.outputs["genre"]) == row.outputs["genre"]
                np.testing.assert_allclose(ranked.outputs["margin"], row.outputs["margin"], atol=1e-6)
            missing = sum(key not in (10, 20, 30, 40) for key in row.items.get("id", []))
            assert ranked.degraded == ({"missing_rows:films": missing} if missing else {})


@pytest.mark.parametrize("options", FORMS)
def test_the_best_are_named_by_key_or_by_place(served: str, golden: list[Row], options: dict[str, Any]) -> None:
    for row in (row for row in golden if len(row.scores) < 20):
        order = np.argsort(-np.array(row.scores, np.float32), kind="stable")[:2]
        names = row.items["id"] if row.model == "films" else list(range(len(row.scores)))
        for ranked in _both(served, row, options, top_k=2):
            np.testing.assert_allclose(ranked.scores, np.array(row.scores)[order], atol=1e-6, rtol=0)
            assert np.asarray(ranked.items).tolist() == [names[at] for at in order]


def test_candidates_above_the_models_limit_are_ranked_as_one(served: str, golden: list[Row]) -> None:
    row = golden[3]
    times = 31  # 6 200 candidates, of which the model takes 2 000
    items = {name: column * times for name, column in row.items.items()}
    with Client(served, "films") as client:
        ranked = client.rank(user=row.user, context=row.context, items=items)
        best = client.rank(user=row.user, context=row.context, items=items, top_k=50)
    np.testing.assert_allclose(ranked.scores, row.scores * times, atol=1e-6, rtol=0)
    order = np.argsort(-ranked.scores, kind="stable")[:50]
    np.testing.assert_array_equal(best.scores, ranked.scores[order])
    assert np.asarray(best.items).tolist() == [items["id"][at] for at in order]


def test_a_refusal_names_status_and_place(served: str) -> None:
    with Client(served, "films") as client:
        with pytest.raises(Refused) as refused:
            client.rank(user={"age": "old"}, items={"id": [10], "price": [1.0]})
        assert (refused.value.status, refused.value.path) == (400, "$.user.age")
        with pytest.raises(BadCall):
            client.rank(user={"age": 3}, items={"id": [10], "price": [1.0, 2.0]})
        with pytest.raises(Refused) as refused:
            client.at(17).rank(user={"age": 3}, items={"id": [10], "price": [1.0]})
        assert refused.value.status == 404


def test_a_version_is_asked_for_by_its_number(served: str, golden: list[Row]) -> None:
    row = golden[0]
    with Client(served, row.model) as client:
        ranked = client.at(3).rank(user=row.user, context=row.context, items=row.items)
    np.testing.assert_allclose(ranked.scores, row.scores, atol=1e-6, rtol=0)


def test_health_and_document_are_told(served: str) -> None:
    with Client(served, "shelves") as client:
        assert client.health()["model"] == "shelves"
        assert "/v1/models/shelves:rank" in client.metadata()["paths"]
