"""MurmurHash3 against scikit-learn's build of the reference code."""

from __future__ import annotations

import random

import pytest
from sklearn.utils import murmurhash3_32

from ranklet_features.murmur3 import FEW, LONG, murmur3_32


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize("count", [1, FEW - 1, FEW, 200])
def test_it_is_the_reference_codes(seed: int, count: int) -> None:
    chance = random.Random(seed + count)
    texts = [chance.randbytes(chance.randrange(41)) for _ in range(count)]
    wanted = [murmurhash3_32(text, seed, positive=True) for text in texts]
    assert murmur3_32(texts, seed).tolist() == wanted


def test_texts_of_any_length_together() -> None:
    texts = [b"a" * length for length in (0, 1, 2, 3, 4, 5, LONG, LONG + 1, 5000)]
    assert murmur3_32(texts, 9).tolist() == [murmurhash3_32(text, 9, positive=True) for text in texts]
    assert murmur3_32([], 9).tolist() == []
