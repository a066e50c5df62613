"""Candidates in parts and their answers put together, against NumPy on the whole."""

from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from ranklet.client import Ranked
from ranklet.client.columns import packed, unpacked
from ranklet.client.splitting import best, merged, parts
from ranklet_runtime import buffers, ranking

SCORES = st.lists(st.sampled_from([0.5, 0.25, 0.75, -1.0, float("nan"), float("-inf")]), max_size=40)


@given(st.integers(0, 500), st.integers(0, 2000), st.integers(1, 60))
def test_parts_cover_the_candidates_in_order_and_are_as_equal_as_can_be(start: int, count: int, limit: int) -> None:
    found = parts(start, start + count, limit)
    sizes = [part.stop - part.start for part in found]
    assert [at for part in found for at in range(part.start, part.stop)] == list(range(start, start + count))
    assert max(sizes) <= limit
    assert max(sizes) - min(sizes) <= 1
    assert len(found) == max(-(-count // limit), 1)


@given(SCORES, st.integers(1, 50))
def test_the_best_are_those_of_the_runtime(scores: list[float], top_k: int) -> None:
    array = np.array(scores, np.float32)
    finite = np.where(np.isnan(array), -np.inf, array).astype(np.float32)
    np.testing.assert_array_equal(best(array, top_k), ranking.best(finite, top_k))


@given(SCORES, st.integers(1, 9), st.integers(1, 50) | st.none(), st.booleans(), st.booleans())
def test_merged_parts_are_the_answer_for_all(
    scores: list[float], limit: int, top_k: int | None, keyed: bool, arrays: bool
) -> None:
    whole = np.array(scores, np.float32)
    ids = np.arange(len(scores)) * 7 % 5
    words = [f"w{at}" for at in range(len(scores))]

    def answer(part: slice) -> Ranked:
        own, own_ids = whole[part], ids[part]
        order = np.arange(len(own)) if top_k is None else best(own, top_k)
        told = own_ids[order] if keyed else order
        items: Any = None if top_k is None else (told if arrays else told.tolist())
        margin: Any = (own * 2)[order] if arrays else (own * 2)[order].tolist()
        word = [words[part][at] for at in order]
        return Ranked(own[order], items, {"margin": margin, "word": word}, {"missing": 1} if len(own) > 2 else {})

    cut = parts(0, len(scores), limit)
    found = merged([(part, answer(part)) for part in reversed(cut)], top_k, positions=not keyed)
    order = np.arange(len(scores)) if top_k is None else best(whole, top_k)
    np.testing.assert_array_equal(found.scores, whole[order])
    np.testing.assert_array_equal(np.asarray(found.outputs["margin"], np.float32), (whole * 2)[order])
    assert found.outputs["word"] == [words[at] for at in order]
    assert found.degraded == ({"missing": n} if (n := sum(part.stop - part.start > 2 for part in cut)) else {})
    if top_k is None:
        assert found.items is None
    else:
        np.testing.assert_array_equal(np.asarray(found.items, np.int64), (ids if keyed else np.arange(len(ids)))[order])


ARRAYS = st.sampled_from(["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"])


@given(st.lists(st.integers(0, 1), max_size=6), ARRAYS, st.sampled_from("<>"), st.booleans())
def test_arrays_travel_as_the_runtime_reads_them(values: list[int], kind: str, order: str, wide: bool) -> None:
    array = np.array(values).astype(np.dtype(kind).newbyteorder(order))
    array = np.stack([array, array], 1)[:, ::-1] if wide else array
    sent = packed(array)
    if kind == "b1":
        assert sent == array.tolist()
        return
    np.testing.assert_array_equal(buffers.read(sent, "$"), array)
    np.testing.assert_array_equal(unpacked(sent, "x"), array)


def test_lists_of_one_kind_are_buffers_and_all_others_stay() -> None:
    np.testing.assert_array_equal(buffers.read(packed([1, -(2**63)]), "$"), [1, -(2**63)])
    assert packed([1.5])["dtype"] == "<f8"
    for value in ([], [1, 2.5], [True, False], [1, None], [2**63], ["a"], [[1.0], []], [1, True]):
        assert packed(value) == value
    assert packed(np.array([2**63], np.uint64)) == [2**63]
    assert packed(np.float32(0.5)) == 0.5
