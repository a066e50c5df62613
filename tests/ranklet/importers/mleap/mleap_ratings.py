"""Ratings of users and items, whose factors Spark's ALS finds: ids that are known, unknown and negative."""

from __future__ import annotations

from typing import Any

import numpy as np

USERS, ITEMS, RANK = 60, 40, 8
TRAINED, ASKED = 900, 300


def case(session: Any) -> Any:
    """As make_models has its cases; Spark answers NaN of what it does not know."""
    from make_models import fitted
    from pyspark.ml.recommendation import ALS

    random = np.random.default_rng(4)
    trained = _ids(random, TRAINED, strangers=0)
    trained["rating"] = random.integers(1, 6, TRAINED).astype(float).tolist()
    found = ALS(
        rank=RANK, maxIter=5, seed=3, userCol="user_id", itemCol="item_id", ratingCol="rating", coldStartStrategy="nan"
    )
    name, bundle, rows, answers = fitted(session, "als", [found], trained, _ids(random, ASKED, strangers=3))
    return name, bundle, {column: [int(one) for one in values] for column, values in rows.items()}, answers


def _ids(random: np.random.Generator, count: int, *, strangers: int) -> dict[str, list[float]]:
    users = random.integers(0, USERS + strangers, count) * 7 - 100
    items = random.integers(0, ITEMS + strangers, count) * 1_000_003
    return {"user_id": users.astype(float).tolist(), "item_id": items.astype(float).tolist()}
