"""Hashes of scikit-learn: the columns and signs of its FeatureHasher, and its own MurmurHash3."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction import FeatureHasher
from sklearn.utils import murmurhash3_32

from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.spec import Feature, Input

WORDS = ["", "a", "Action", "Żółć", "Film-Noir", "x" * 300, *(f"word {number}" for number in range(200))]


@pytest.mark.parametrize("columns", [7, 64, 2**20])
def test_a_bag_is_hashed_as_feature_hasher_does(columns: int) -> None:
    spec = FeatureSpec(
        {"tags": Input("item", "string", list=True)},
        {"ids": Feature("bag", ("tags",), {"buckets": 2 * columns, "hash": "murmur3"})},
    )
    rows = [[word] for word in WORDS]
    (ids,) = FeaturePlan.compile(spec, Path(), {}).assemble_columns({"tags": rows}).tensors["ids"].T
    own = FeatureHasher(columns, input_type="string").transform(rows).toarray()
    assert (ids // 2).tolist() == np.abs(own).argmax(axis=1).tolist()
    assert (1 - 2 * (ids % 2)).tolist() == own.sum(axis=1).tolist()
    assert (ids % 2).tolist() == [int(murmurhash3_32(word) < 0) for word in WORDS]
