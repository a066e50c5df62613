"""Hashes are part of a trained model: these tests pin them to published values for ever."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranklet_features.hashing import cross_codes, hash_codes, mix, start, string_codes, to_buckets

# The stream of SplitMix64 from seed 1234567, as published with its reference implementation.
STREAM = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]
WORD = (1 << 64) - 1


def splitmix64(state: int, count: int) -> list[int]:
    """The reference generator, after Vigna's splitmix64.c."""
    found = []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & WORD
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
        found.append(z ^ (z >> 31))
    return found


def test_reference_in_this_test_gives_the_published_stream() -> None:
    assert splitmix64(1234567, 5) == STREAM


@pytest.mark.parametrize("seed", range(5))
def test_an_int_hashes_to_the_stream_that_starts_at_it(seed: int) -> None:
    codes = np.array([1234567, 1234567], np.int64).view(np.uint64)
    assert hash_codes(codes, start(seed)).tolist() == [STREAM[seed]] * 2


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20), st.integers(0, 6))
def test_ints_hash_to_the_reference(values: list[int], seed: int) -> None:
    codes = np.array(values, np.int64).view(np.uint64)
    expected = [splitmix64(value & WORD, seed + 1)[seed] for value in values]
    assert hash_codes(codes, start(seed)).tolist() == expected


@given(st.lists(st.integers(0, WORD), min_size=2, max_size=9))
def test_one_row_hashes_as_it_does_among_many(states: list[int]) -> None:
    together = mix(np.array(states, np.uint64))
    assert [int(mix(np.array([state], np.uint64))[0]) for state in states] == together.tolist()


def test_mix_leaves_its_argument_and_shape_alone() -> None:
    states = np.arange(6, dtype=np.uint64).reshape(2, 3)
    assert mix(states).shape == (2, 3)
    assert mix(states[:1, :1]).shape == (1, 1)
    assert states.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_strings_are_their_crc_of_utf8() -> None:
    assert string_codes(["123456789", "", "Amélie"]).tolist() == [0xCBF43926, 0, crc32("Amélie".encode())]
    assert string_codes([]).tolist() == []


@given(st.lists(st.integers(0, WORD), min_size=1, max_size=20), st.integers(1, 2**31))
def test_buckets_are_the_remainder(hashes: list[int], buckets: int) -> None:
    found = to_buckets(np.array(hashes, np.uint64), buckets)
    assert found.dtype == np.int64
    assert found.tolist() == [value % buckets for value in hashes]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4), st.integers(0, 3))
def test_a_cross_folds_its_parts_in_order(parts: list[int], seed: int) -> None:
    state = (seed + 1) * 0x9E3779B97F4A7C15 & WORD
    for part in parts:
        state = splitmix64(state ^ (part & WORD), 1)[0]
    columns = [np.array([part, part], np.int64) for part in parts]
    assert cross_codes(columns, start(seed)).tolist() == [state, state]


def test_the_order_and_the_seed_of_a_cross_matter() -> None:
    a, b = np.array([3]), np.array([8])
    found = {int(cross_codes(parts, start(seed))[0]) for parts in ([a, b], [b, a]) for seed in (0, 1)}
    assert len(found) == 4


def test_buckets_fill_evenly() -> None:
    ids = to_buckets(hash_codes(np.arange(100_000).view(np.uint64), start(0)), 100)
    counts = np.bincount(ids, minlength=100)
    # 1000 expected in each; 200 is over six standard deviations of a multinomial.
    assert counts.min() > 800
    assert counts.max() < 1200
