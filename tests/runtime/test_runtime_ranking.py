"""The best candidates against a plain sort."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ranklet_runtime.ranking import best

SCORES = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 0.5]))


@given(SCORES, st.integers(1, 60))
def test_best_is_a_stable_sort_cut_short(scores: list[float], count: int) -> None:
    wanted = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:count]
    assert best(np.array(scores, np.float32), count).tolist() == wanted


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=1, max_size=200), st.integers(1, 200))
def test_ties_are_cut_by_position(scores: list[float], count: int) -> None:
    wanted = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:count]
    assert best(np.array(scores, np.float32), count).tolist() == wanted
