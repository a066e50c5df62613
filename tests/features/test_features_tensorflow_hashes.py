"""Hashes, crosses and buckets of TensorFlow: what tensorflow-cpu 2.21.0 itself gives for the same values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet_features import FeaturePlan, FeatureSpec, farmhash, siphash
from ranklet_features.errors import InputError, SpecError
from ranklet_features.spec import Feature, Input

BUCKETS = 2**62
TEXTS = ["", "a", "abc", "abcd", "seven 7", "eight 88", "sixteen chars 16", "seventeen chars17", "Zürich"]
TEXTS += ["x" * 32, "y" * 33, "z" * 64, "w" * 65, "0123456789" * 20]
FAST = [1936946117179621455, 3694432073954588131, 2640714258260161385, 1897425971756105985, 2461752518458585105]
FAST += [1555332934047874302, 4564041597714371878, 3423472261826028451, 4282268324657427643, 3678204687145032709]
FAST += [3999049019338133246, 294799756062990872, 3272011567211491968, 439712990348739477]
STRONG = [3437947914103704532, 3387607337699761173, 3691963185071312049, 1453064792246590267, 1224452210547992614]
STRONG += [3642408121776408498, 3031898154586891294, 3222522249173420753, 4124616376241475661, 4364717370197826924]
STRONG += [2453817389490492706, 3074816614254806623, 862253287331626667, 1288018994408243770]


def made(inputs: dict[str, Input], kind: str, of: Any, columns: dict[str, Any], **options: Any) -> list[Any]:
    """The ids of a feature called `it`."""
    spec = FeatureSpec(inputs, {"it": Feature(kind, of, options)})
    ids: list[Any] = FeaturePlan.compile(spec, Path(), {}).assemble_columns(columns).tensors["it"].tolist()
    return ids


def test_fingerprints_are_tensorflows() -> None:
    found = farmhash.fingerprints([text.encode() for text in TEXTS]) % np.uint64(BUCKETS)
    assert found.tolist() == FAST
    assert [int(farmhash.fingerprints([text.encode()])[0]) % BUCKETS for text in TEXTS] == FAST
    assert farmhash.fingerprints([]).tolist() == []


def test_keyed_hashes_are_tensorflows() -> None:
    found = siphash.siphashes([text.encode() for text in TEXTS], (1, -77 & (1 << 64) - 1)) % np.uint64(BUCKETS)
    assert found.tolist() == STRONG
    assert siphash.siphashes([], (1, 2)).tolist() == []


def test_a_category_is_hashed_as_tensorflow_does() -> None:
    words, large = {"word": Input("item", "string")}, 2**31
    fast = made(words, "category", ("word",), {"word": TEXTS}, buckets=large, hash="farmhash64")
    assert fast == [value % large for value in FAST]
    strong = made(words, "category", ("word",), {"word": TEXTS}, buckets=large, hash="siphash", hash_key=(1, -77))
    assert strong == [value % large for value in STRONG]


def test_integers_are_hashed_as_decimal_text() -> None:
    found = made(
        {"id": Input("item", "int")},
        "category",
        ("id",),
        {"id": [0, -1, 1234567890123]},
        buckets=2**20,
        hash="farmhash64",
    )
    assert found == [value % 2**20 for value in (1363911219970409023, 2722188246723688526, 1715865487700284114)]


def test_strangers_are_hashed_behind_the_vocabulary() -> None:
    options = {"vocabulary": ("abc", "x"), "oov": "hash", "oov_buckets": 1024, "hash": "farmhash64"}
    found = made({"word": Input("item", "string")}, "category", ("word",), {"word": ["x", "a", "abc"]}, **options)
    assert found == [1, 2 + FAST[1] % 1024, 0]


def test_crosses_of_lists_are_tensorflows() -> None:
    inputs = {"words": Input("item", "string", list=True, default=()), "number": Input("item", "int")}
    columns = {"words": [["a", "b"], [], ["c"]], "number": [3, 4, -5]}
    found = made(inputs, "cross", ("words", "number"), columns, buckets=1000, hash="farmhash64")
    assert found == [[486, 964], [-1, -1], [8, -1]]


def test_crosses_have_a_key() -> None:
    inputs = {name: Input("item", "string") for name in ("first", "second")}
    columns = {"first": ["a", "Zürich"], "second": ["x", ""]}
    found = made(inputs, "cross", ("first", "second"), columns, buckets=1000, hash="farmhash64", hash_key=99)
    assert found == [694, 582]


def test_buckets_compare_in_32_bits() -> None:
    numbers = [0.1, 0.0999999940395, 0.2, 2.0**24 + 1]
    options = {"boundaries": (0.1, 0.2, 2.0**24 + 2), "dtype": "float32"}
    assert made({"x": Input("item", "float")}, "bucket", ("x",), {"x": numbers}, **options) == [1, 0, 2, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"buckets": 4, "hash": "siphash"}, "hash_key, two integers, go together"),
        ({"buckets": 4, "hash": "farmhash64", "hash_key": (1, 2)}, "hash_key, two integers, go together"),
        ({"buckets": 4, "hash": "farmhash64", "seed": 3}, "takes no seed"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        made({"word": Input("item", "string")}, "category", ("word",), {"word": ["a"]}, **options)


def test_lists_need_tensorflows_hash() -> None:
    inputs = {"words": Input("item", "string", list=True), "number": Input("item", "int")}
    with pytest.raises(SpecError, match="words"):
        made(inputs, "cross", ("words", "number"), {}, buckets=10)
    with pytest.raises(SpecError, match="hash_key goes with"):
        made(inputs, "cross", ("words", "number"), {}, buckets=10, hash_key=1)


def test_a_lone_surrogate_is_refused_with_its_row() -> None:
    with pytest.raises(InputError, match="lone surrogate"):
        made(
            {"word": Input("item", "string")},
            "category",
            ("word",),
            {"word": ["a", "\ud800"]},
            buckets=9,
            hash="farmhash64",
        )
