"""The measures by hand, held-out requests, and what the command says of a funnel whose answers are known."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from funnels_kit import IDS, expected, found, hot, warm
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score, roc_auc_score

from ranklet.cli import ranklet
from ranklet.errors import ModelError
from ranklet.funnels.evaluating import measures
from ranklet.funnels.evaluating.held_out import read
from ranklet.project import Project

EVERY = IDS.tolist()


def test_ndcg_by_hand() -> None:
    assert measures.ndcg([1, 2, 3], {1}, 10) == 1.0
    assert measures.ndcg([2, 1, 3], {1}, 10) == pytest.approx(1 / math.log2(3))
    assert measures.ndcg([2, 3, 1], {1}, 2) == 0.0
    assert measures.ndcg([1, 9, 2], {1, 2, 3}, 10) == pytest.approx(1.5 / (1 + 1 / math.log2(3) + 0.5))
    assert measures.recall([1, 9, 2], {1, 2, 3}, 2) == pytest.approx(1 / 3)


@given(st.lists(st.booleans(), min_size=2, max_size=30).filter(any), st.integers(1, 12), st.randoms())
def test_ndcg_is_that_of_scikit_learn(gains: list[bool], at: int, draw: Any) -> None:
    order = list(range(len(gains)))
    draw.shuffle(order)
    scores = [-order.index(one) for one in range(len(gains))]
    wanted = ndcg_score([[int(one) for one in gains]], [scores], k=at)
    relevant = {one for one, gain in enumerate(gains) if gain}
    assert measures.ndcg(order, relevant, at) == pytest.approx(wanted)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_auc_is_that_of_scikit_learn(pairs: list[tuple[bool, int]]) -> None:
    labels, scores = (np.array(column) for column in zip(*pairs, strict=True))
    ours = measures.auc(labels, scores)
    if labels.all() or not labels.any():
        assert ours is None
    else:
        assert ours == pytest.approx(roc_auc_score(labels, scores))


def write(path: Path, queries: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in queries))
    return path


def test_a_funnel_its_beginnings_and_each_model_alone_are_measured(
    built: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(built.root)
    people = [([110, 111], 6.0, 4.0), ([130], 40.0, 20.0)]
    relevant = [103, 117, 121, 140]
    labels = [one % 3 == 0 for one in EVERY]
    queries = write(
        tmp_path / "queries.jsonl",
        [
            {
                "request": {"user": {"history": history, "age": age}, "context": {"hour": hour}},
                "relevant": relevant,
                "judged": {"items": EVERY, "labels": list(map(int, labels))},
            }
            for history, age, hour in people
        ],
    )
    command = ["evaluate", "films", "--held-out", str(queries), "--at", "5", "--json"]
    done = CliRunner().invoke(ranklet, command, catch_exceptions=False)
    told = json.loads(done.stdout)
    assert (told["funnel"], told["split"], told["requests"]) == ("films", "queries.jsonl", 2)
    ways = {one["way"]: one for one in told["ways"]}
    assert list(ways) == ["funnel", "retrieve → pre-rank", "retrieve", "pre-rank alone", "rank alone"]

    def mean(ranked: list[list[int]]) -> Any:
        return pytest.approx(np.mean([measures.ndcg(one, relevant, 5) for one in ranked]), abs=1e-4)

    assert ways["funnel"]["ndcg@5"] == mean([[name for name, _ in expected(*person)] for person in people])
    assert ways["retrieve"]["ndcg@5"] == mean([found(history)[0] for history, _, _ in people])
    by_hot = [[EVERY[at] for at in np.argsort(-hot(age, hour, EVERY))] for _, age, hour in people]
    assert ways["rank alone"]["ndcg@5"] == mean(by_hot)
    auc = {one["stage"]: one for one in told["auc"]}
    assert {one["judged"] for one in auc.values()} == {2 * len(EVERY)}
    scores = np.concatenate([warm(age, EVERY) for _, age, _ in people])
    assert auc["pre-rank"]["auc"] == pytest.approx(roc_auc_score(labels * 2, scores), abs=1e-4)
    scores = np.concatenate([hot(age, hour, EVERY) for _, age, hour in people])
    assert auc["rank"]["auc"] == auc["funnel"]["auc"] == pytest.approx(roc_auc_score(labels * 2, scores), abs=1e-4)


def test_a_funnel_without_a_split_of_its_own_needs_a_file(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built.root)
    with pytest.raises(ModelError, match="give --held-out"):
        CliRunner().invoke(ranklet, ["evaluate", "films"], catch_exceptions=False)
    with pytest.raises(ModelError, match=r"functions/warm has no funnel\.toml"):
        CliRunner().invoke(ranklet, ["evaluate", "warm"], catch_exceptions=False)


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"request": 3}', '{"request": {}, "judged": {"items": [1], "labels": []}}']
)
def test_a_line_that_is_no_query_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text('{"request": {}}\n' + line)
    with pytest.raises(ModelError, match=r"queries\.jsonl:2"):
        read(path)
