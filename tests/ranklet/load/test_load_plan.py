"""Requests leave when the plan says, and the plan is the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from ranklet.errors import LoadError
from ranklet.load.plan import Candidates, plan


def test_even_times_after_a_warm_up_whose_rate_grows() -> None:
    found = plan(20, 3, warmup_s=2, kinds=4)
    warm, counted = np.array(found.due[: found.warm]), np.array(found.due[found.warm :])
    assert len(warm) == 20 and warm[0] == 0 and warm[-1] < 2
    assert np.all(np.diff(np.diff(warm)) < 0)
    assert np.allclose(counted, 2 + np.arange(60) / 20)
    assert found.end_s == 5
    assert set(found.which) == {0, 1, 2, 3}


def test_a_poisson_process_has_its_rate_and_its_spread() -> None:
    found = plan(200, 50, warmup_s=0, kinds=1, poisson=True)
    gaps = np.diff(found.due)
    assert found.due == sorted(found.due) and found.warm == 0
    assert len(found.due) == pytest.approx(10_000, rel=0.05)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)
    assert max(found.due) < 50


def test_the_seed_decides() -> None:
    def drawn(seed: int) -> object:
        return plan(50, 5, warmup_s=1, kinds=9, poisson=True, seed=seed)

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_low_rate_sends_at_least_one_request() -> None:
    assert plan(0.01, 1, warmup_s=0, kinds=1).due == [0.0]


def test_more_than_can_be_kept_is_refused() -> None:
    with pytest.raises(LoadError, match="ask for fewer at a time"):
        plan(1e6, 3600, warmup_s=0, kinds=1)


@pytest.mark.parametrize(
    ("text", "counts"), [("500", [500]), ("10,100,500", [10, 100, 500]), ("3-6", [3, 4, 5, 6]), (" 1 - 2", [1, 2])]
)
def test_numbers_of_candidates(text: str, counts: list[int]) -> None:
    assert list(Candidates.of(text).counts) == counts


@pytest.mark.parametrize("text", ["", "0", "-5", "5-", "9-3", "1,0", "a", "1,2-3", "1.5", "0-4"])
def test_what_is_no_number_of_candidates(text: str) -> None:
    with pytest.raises(ValueError, match=r"none of 500|at least one"):
        Candidates.of(text)
