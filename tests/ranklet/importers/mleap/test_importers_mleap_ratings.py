"""Ratings by factors (ALS): ids that are known or not, of a raw field or of a stage, and what is refused."""

from __future__ import annotations

from typing import Any

import mleap_kit as kit
import mleap_protobuf as pb
import mleap_writing as w
import numpy as np
import pytest
from mleap_writing import Stage

from ranklet.errors import ImportRefused
from ranklet_features.errors import InputError

USERS, ITEMS, RANK = [7, -3, 2**31 - 1, 0], [10, 30, 20], 5
RANDOM = np.random.default_rng(5)
OF_USERS = RANDOM.normal(size=(4, RANK)).astype(np.float32)
OF_ITEMS = RANDOM.normal(size=(3, RANK)).astype(np.float32)


def als(user: str = "user_id", **changed: Any) -> Stage:
    given = {
        "rank": {"int": RANK},
        "users": w.ints(USERS),
        "user_factors": w.factors(OF_USERS.tolist()),
        "items": w.ints(ITEMS),
        "item_factors": w.factors(OF_ITEMS.tolist()),
    }
    return Stage("als", "als_1", given | changed, {"user": user, "item": "item_id"}, {"prediction": "rating"})


def mleaps(user: int, item: int) -> float | None:
    """MLeap's formula: products of 32 bits added up in 64, then rounded to 32."""
    if user not in USERS or item not in ITEMS:
        return None
    total = 0.0
    for one, other in zip(OF_USERS[USERS.index(user)], OF_ITEMS[ITEMS.index(item)], strict=True):
        total += float(one) * float(other)
    return float(np.float32(total))


ROWS = {
    "user_id": [user for user in (*USERS, 8, -(2**31)) for _ in range(5)],
    "item_id": [*ITEMS, 11, 0] * 6,
}
WANTED = [mleaps(*pair) for pair in zip(*ROWS.values(), strict=True)]


@pytest.mark.parametrize("protobuf", [False, True])
def test_ratings_are_mleaps_and_null_of_unknown_ids(protobuf: bool) -> None:
    bundle = w.bundle([als()])
    proposal = kit.proposed(pb.moved(bundle) if protobuf else bundle)
    found = kit.answers(proposal, ROWS)
    assert max(map(kit.apart, found["score"], WANTED)) <= 1e-7
    assert found["rating"] == found["score"]
    assert {one.fields["type"] for one in proposal.inputs.values()} == {"int"}
    assert proposal.nulls


def test_an_id_that_is_missing_is_refused_by_its_name() -> None:
    with pytest.raises(InputError, match="item_id"):
        kit.answers(kit.proposed(w.bundle([als()])), {"user_id": [7], "item_id": [None]})


def test_ids_may_be_made_by_a_stage() -> None:
    """Spark's ALS takes whole numbers only: texts are indexed before it."""
    indexed = {"labels": w.texts(["eve", "bob", "ann"]), "handle_invalid": w.text("skip")}
    stages = [
        Stage("string_indexer", "words", indexed, {"input": "name"}, {"output": "index"}),
        als("index", users=w.ints([2, 0, 1, 9])),
    ]
    rows = {"name": ["ann", "eve", "bob", "zoe", "ann"], "item_id": [10, 30, 20, 10, 11]}
    wanted = [mleaps(USERS[0], 10), mleaps(USERS[1], 30), mleaps(USERS[2], 20), None, None]
    found = kit.answers(kit.proposed(w.bundle(stages)), rows)["score"]
    assert max(map(kit.apart, found, wanted)) <= 1e-7


def test_numbers_that_are_no_ids_are_unknown() -> None:
    sums = {"operation": w.text("add"), "db": w.double(0.0)}
    stages = [
        Stage("math_binary", "same", sums, {"input_a": "number"}, {"output": "user_id"}),
        als(),
    ]
    rows = {"number": [7.0, 7.5, 2.0**40, -3.0, 1e300, 8.0], "item_id": [10] * 6}
    found = kit.answers(kit.proposed(w.bundle(stages)), rows)["score"]
    wanted = [mleaps(7, 10), None, None, mleaps(-3, 10), None, None]
    assert max(map(kit.apart, found, wanted)) <= 1e-7


@pytest.mark.parametrize("first", [True, False])
def test_an_id_may_be_a_number_as_well(first: bool) -> None:
    given = {"operation": w.text("mul")}
    product = Stage("math_binary", "m", given, {"input_a": "user_id", "input_b": "item_id"}, {"output": "product"})
    stages = [als(), product] if first else [product, als()]
    found = kit.answers(kit.proposed(w.bundle(stages), output="rating"), ROWS)
    assert max(map(kit.apart, found["rating"], WANTED)) <= 1e-7
    assert found["product"] == [one * other for one, other in zip(*ROWS.values(), strict=True)]


def test_an_id_is_no_vector() -> None:
    linear = {"coefficients": w.vector([1.0, 2.0]), "intercept": {}}
    stages = [als(), Stage("linear_regression", "sum", linear, {"features": "user_id"}, {"prediction": "p"})]
    refused(stages, r"node 'sum' \(linear_regression\) reads 2 numbers of 'user_id', which is an id")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "fewer factors": ({"user_factors": w.factors(OF_USERS[:3].tolist())}, "4 users and user_factors of 3"),
    "more factors": ({"items": w.ints([1, 2])}, "2 items and item_factors of 3"),
    "a rank": ({"rank": {"int": 4}}, "user_factors of 5 numbers each, and the rank 4"),
    "no rank": ({"rank": None}, "has no rank"),
    "an id twice": ({"items": w.ints([10, 30, 10])}, "items with an id that is there twice"),
    "half an id": ({"items": w.doubles([10, 30, 0.5])}, "items with an id that is no whole number"),
    "a long id": ({"users": w.longs([1, 2, 3, 2**31])}, "users with an id that is no whole number of 32 bits"),
    "no ids": ({"users": w.ints([])}, "has 0 users"),
    "texts": ({"users": w.texts(["a", "b", "c", "d"])}, "has users, which is no list of numbers"),
    "NaN": ({"item_factors": w.factors([[float("nan")] * RANK] * 3)}, "item_factors with a number that is not finite"),
    "large": ({"item_factors": w.factors([[1e300] * RANK] * 3)}, "item_factors of 15 numbers.*beyond 32 bits"),
    "no vectors": ({"item_factors": w.doubles([1.0])}, "item_factors, which is no list of vectors"),
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_factors_are_refused_by_place(name: str) -> None:
    changed, words = BAD[name]
    refused([als(**changed)], rf"node 'als_1' \(als\) has .*{words.removeprefix('has ')}")


def test_both_ids_are_needed() -> None:
    one = als()
    one.inputs = {"user": "user_id"}
    refused([one], "no input 'item'")


def refused(stages: list[Stage], words: str) -> None:
    with pytest.raises(ImportRefused, match=words) as found:
        kit.proposed(w.bundle(stages))
    assert "/tmp" not in str(found.value)
