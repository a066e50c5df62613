"""What goes on from stage to stage, and what becomes of it when time runs out or a stage fails."""

from __future__ import annotations

import numpy as np
import pytest
from funnel_kit import Clock, Ranker, Retriever, plan, stage
from hypothesis import given
from hypothesis import strategies as st

from ranklet_runtime.errors import BadRequest, InternalFault, Unavailable
from ranklet_runtime.funnel.cascade import Cascade
from ranklet_runtime.funnel.messages import Asked, Recommended, Scored, StageFailed, StageLate
from ranklet_runtime.funnel.plan import Plan, Stage

NOBODY = Asked({}, {})
TWO = (stage("retrieve", 10), stage("rank", 4))


def run(
    first: Retriever,
    *others: Ranker,
    stages: tuple[Stage, ...] = TWO,
    asked: Asked = NOBODY,
    deadline_ms: int = 500,
) -> Recommended:
    found = plan(*stages, deadline_ms=deadline_ms)
    cascade = Cascade(found, first, others, clock=first.clock)
    return cascade.run(asked, first.clock.now + deadline_ms / 1000)


def ids(answer: Recommended) -> list[object]:
    return [one.id for one in answer.items]


def test_each_stage_lets_its_best_through_and_every_item_keeps_every_score() -> None:
    clock = Clock()
    stages = (stage("retrieve", 10), stage("pre-rank", 5), stage("rank", 3))
    answer = run(Retriever(clock), Ranker(clock), Ranker(clock, lambda one: -float(one)), stages=stages)
    assert ids(answer) == [6, 7, 8]
    assert answer.items[0].scores == {"retrieve": pytest.approx(2 - 5 / 9), "pre-rank": 6.0, "rank": -6.0}
    assert [one.score for one in answer.items] == [-6.0, -7.0, -8.0]
    assert [(one.name, one.count_in, one.scored, one.count_out) for one in answer.reports] == [
        ("retrieve", None, 10, 10),
        ("pre-rank", 10, 10, 5),
        ("rank", 5, 5, 3),
    ]
    assert {(one.model, one.version) for one in answer.reports[:1]} == {("m-retrieve", "3")}
    assert answer.degraded == {}
    assert not any(one.late for one in answer.reports)


def test_equal_scores_keep_the_order_of_the_stage_before() -> None:
    clock = Clock()
    assert ids(run(Retriever(clock), Ranker(clock, lambda one: 1.0))) == [1, 2, 3, 4]


def test_a_request_for_more_items_than_a_stage_lets_through_gets_them() -> None:
    clock = Clock()
    first = Retriever(clock)
    assert len(ids(run(first, Ranker(clock), asked=Asked({}, {}, k=25)))) == 25
    assert first.asked[0][1] == 25


def test_more_items_than_the_catalogue_has_are_all_that_there_are() -> None:
    clock = Clock()
    answer = run(Retriever(clock, catalogue=(5, 6, 7)), Ranker(clock), asked=Asked({}, {}, k=50))
    assert ids(answer) == [7, 6, 5]


def test_fewer_items_are_the_best_of_them() -> None:
    clock = Clock()
    assert ids(run(Retriever(clock), Ranker(clock), asked=Asked({}, {}, k=1))) == [10]


def test_nothing_found_is_an_empty_answer_and_no_ranker_is_asked() -> None:
    clock = Clock()
    ranker = Ranker(clock)
    answer = run(Retriever(clock, catalogue=()), ranker)
    assert answer.items == ()
    assert ranker.calls == []
    assert [(one.count_in, one.count_out, one.late) for one in answer.reports] == [(None, 0, False), (0, 0, False)]


def test_filters_and_what_was_seen_reach_retrieval_as_they_are() -> None:
    clock = Clock()
    first = Retriever(clock)
    asked = Asked({"age": 3}, {}, filter={"deny": [10, 9]}, seen=[8])
    assert not {8, 9, 10} & set(ids(run(first, Ranker(clock), asked=asked)))
    assert first.asked[0][0] is asked


def test_a_stage_that_takes_portions_scores_the_best_of_the_one_before_until_its_time_is_up() -> None:
    clock = Clock()
    ranker = Ranker(clock, seconds=0.04)
    answer = run(Retriever(clock), ranker, stages=(stage("retrieve", 10), stage("rank", 8, portion=3)))
    # Two portions take 80 of 100 ms; a third would end after 120.
    assert ranker.calls == [[1, 2, 3], [4, 5, 6]]
    assert ids(answer) == [6, 5, 4, 3, 2, 1, 7, 8]
    assert [one.scores["rank"] for one in answer.items[6:]] == [None, None]
    assert answer.items[6].score == answer.items[6].scores["retrieve"]
    report = answer.reports[1]
    assert (report.count_in, report.scored, report.count_out, report.late) == (10, 6, 8, True)
    assert answer.degraded == {"late:rank": 1}


def test_the_time_of_all_stages_bounds_that_of_each() -> None:
    clock = Clock()
    ranker = Ranker(clock, seconds=0.04)
    late = run(
        Retriever(clock, seconds=0.09),
        ranker,
        stages=(stage("retrieve", 10), stage("rank", 8, portion=5)),
        deadline_ms=150,
    )
    assert ranker.calls == [[1, 2, 3, 4, 5]]
    assert late.reports[1].late


def test_a_stage_for_which_no_time_is_left_is_not_asked() -> None:
    clock = Clock()
    ranker = Ranker(clock)
    answer = run(Retriever(clock, seconds=0.6), ranker)
    assert ranker.calls == []
    assert ids(answer) == [1, 2, 3, 4]
    assert [one.late for one in answer.reports] == [True, True]


@pytest.mark.parametrize("on_late", ["skip", "truncate"])
def test_a_stage_that_gives_nothing_in_time_leaves_the_order_as_it_was(on_late: str) -> None:
    clock = Clock()
    ranker = Ranker(clock, fault=StageLate("no answer in time"), seconds=0.1)
    answer = run(Retriever(clock), ranker, stages=(stage("retrieve", 10), stage("rank", 4, on_late=on_late)))
    assert ids(answer) == [1, 2, 3, 4]
    assert answer.reports[1].late
    assert answer.reports[1].failed is None


def test_a_stage_that_skips_is_asked_for_all_at_once() -> None:
    clock = Clock()
    ranker = Ranker(clock)
    run(Retriever(clock), ranker, stages=(stage("retrieve", 10), stage("rank", 4, on_late="skip", portion=2)))
    assert [len(one) for one in ranker.calls] == [10]


def test_a_result_that_comes_late_is_used_all_the_same() -> None:
    clock = Clock()
    answer = run(Retriever(clock), Ranker(clock, seconds=0.2))
    assert ids(answer) == [10, 9, 8, 7]
    assert answer.reports[1].late


@pytest.mark.parametrize("fault", [StageFailed("its function failed"), InternalFault("no"), ValueError("a bug")])
def test_a_stage_that_fails_is_left_out_and_says_so(fault: Exception) -> None:
    clock = Clock()
    told: list[tuple[str, Exception]] = []
    found = plan(stage("retrieve", 10), stage("pre-rank", 6), stage("rank", 2))
    failing = Ranker(clock, fault=fault)
    others = (failing, Ranker(clock))
    cascade = Cascade(
        found, Retriever(clock), others, clock=clock, failed=lambda one, error: told.append((one.name, error))
    )
    answer = cascade.run(NOBODY, clock.now + 1)
    assert ids(answer) == [6, 5]
    assert answer.items[0].scores["pre-rank"] is None
    assert answer.reports[1].failed == (
        str(fault) if isinstance(fault, StageFailed) else "it failed; the function's log says why"
    )
    assert answer.degraded == {"failed:pre-rank": 1}
    assert told == [("pre-rank", fault)]


def test_what_was_scored_before_a_stage_failed_counts() -> None:
    clock = Clock()
    ranker = Ranker(clock, fault=ValueError("a bug"), at=2)
    answer = run(Retriever(clock), ranker, stages=(stage("retrieve", 10), stage("rank", 4, portion=3)))
    assert ids(answer) == [3, 2, 1, 4]
    assert answer.reports[1].scored == 3


def test_without_retrieval_there_is_nothing_to_answer_with() -> None:
    clock = Clock()
    with pytest.raises(Unavailable, match=r"retrieve.*its table") as raised:
        run(Retriever(clock, fault=StageFailed("its table does not answer")), Ranker(clock))
    assert raised.value.headers["retry-after"]


def test_what_the_caller_did_wrong_is_no_failure_of_a_stage() -> None:
    clock = Clock()
    with pytest.raises(BadRequest, match="age"):
        run(Retriever(clock), Ranker(clock, fault=BadRequest("no", path="$.user.age")))


def test_a_candidate_without_a_score_stands_behind_those_that_have_one() -> None:
    clock = Clock()
    answer = run(Retriever(clock), Ranker(clock, lambda one: np.nan if one in (9, 10) else float(one)))
    assert ids(answer) == [8, 7, 6, 5]


def test_a_model_that_makes_a_list_decides_the_order_and_gets_all_at_once() -> None:
    clock = Clock()

    class Lists(Ranker):
        def rank(self, asked: Asked, ids: list[int | str], deadline: float, *, best: int) -> Scored:
            scored = super().rank(asked, ids, deadline, best=best)
            return Scored(scored.scores, {}, np.array([4, 0, 9][:best], np.intp))

    ranker = Lists(clock)
    answer = run(Retriever(clock), ranker, stages=(stage("retrieve", 10), stage("rank", 3, portion=2, orders=True)))
    assert ids(answer) == [5, 1, 10]
    assert [len(one) for one in ranker.calls] == [10]


def test_what_stages_defaulted_is_added_up() -> None:
    clock = Clock()
    stages = (stage("retrieve", 10), stage("pre-rank", 5, portion=5), stage("rank", 3))
    rankers = [Ranker(clock, degraded={"missing_rows:movies": 2}) for _ in range(2)]
    assert run(Retriever(clock), *rankers, stages=stages).degraded == {"missing_rows:movies": 6}


@given(
    st.lists(st.integers(1, 40), min_size=0, max_size=40, unique=True),
    st.integers(1, 12),
    st.integers(1, 12),
    st.floats(0, 0.06),
    st.sampled_from(["truncate", "skip"]),
)
def test_whatever_is_late_nobody_is_lost_who_fills_the_page_and_nobody_stands_twice(
    catalogue: list[int], portion: int, k: int, seconds: float, on_late: str
) -> None:
    clock = Clock()
    first, ranker = Retriever(clock, catalogue=catalogue), Ranker(clock, seconds=seconds)
    stages = (stage("retrieve", 12), stage("rank", k, portion=portion, on_late=on_late))
    answer = run(first, ranker, stages=stages)
    found = ids(answer)
    assert len(found) == min(k, len(catalogue), 12)
    assert len(set(found)) == len(found)
    scored = [one.scores["rank"] for one in answer.items if one.scores["rank"] is not None]
    assert scored == sorted(scored, reverse=True)
    assert found[len(scored) :] == [one for one in catalogue if one in found and one not in found[: len(scored)]]


def test_similar_items_are_the_first_stages_affair() -> None:
    clock = Clock()
    ranker = Ranker(clock)
    found: Plan = plan(*TWO)
    answer = Cascade(found, Retriever(clock), (ranker,), clock=clock).similar(
        Asked({}, {}, like={"item": 2}), 3, clock.now + 1
    )
    assert ids(answer) == [1, 3, 4]
    assert ranker.calls == []
    assert [one.name for one in answer.reports] == ["retrieve"]


def test_a_formula_orders_by_several_scores_and_leaves_behind_what_it_has_no_number_for() -> None:
    clock = Clock()
    # 10 * retrieve - log(rank - 3): the rankers' scores are the ids, so that 1, 2 and 3 have no number.
    operations = (
        *(("number", 10.0), ("head", "retrieve"), ("do", "*")),
        *(("head", "pre_rank"), ("number", 3.0), ("do", "-"), ("do", "log"), ("do", "-")),
    )
    stages = (stage("retrieve", 10), stage("pre-rank", 8, order=operations))
    answer = run(Retriever(clock), Ranker(clock), stages=stages)
    assert ids(answer) == [4, 5, 6, 7, 8, 9, 10, 1]
    assert answer.items[1].score == pytest.approx(10 * (2 - 4 / 9) - np.log(2))
    assert answer.items[1].scores == {"retrieve": pytest.approx(2 - 4 / 9), "pre-rank": 5.0}
    assert answer.items[7].score == 2.0
