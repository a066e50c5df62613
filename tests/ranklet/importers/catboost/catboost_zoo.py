"""CatBoost models over losses, kinds of trees and kinds of features, trained on MovieLens-100K."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from lines_kit import Row, row

from ranklet.demo import movielens

NUMBERS = ["age", "year", "tags"]
TEXTS = ["gender", "occupation", "genre"]
IDS = ["user_id", "movie_id"]
TRAINED, ASKED, LIKED = 3000, 160, 4
QUIET = {"verbose": 0, "allow_writing_files": False, "thread_count": 1, "random_seed": 1}
MANY = {"max_ctr_complexity": 4, "model_size_reg": 0}
BOTH = {"numbers", "films", "counts", "means", "classes", "lossguide", "depthwise one by one", "sum"}
LOST = {"two targets", "two labels", "two cuts"}
COUNTED = {**MANY, "simple_ctr": ["Counter", "Buckets:TargetBorderCount=2"], "combinations_ctr": ["Counter", "Buckets"]}

Scores = Callable[[Any, Any], Any]
"""(model, pool) → what the import must give, [n]."""


class Case(NamedTuple):
    """params: of the training. features: its columns. label: from the ratings. scores: under each set of options.

    form: json, or cbm where CatBoost misreads its own JSON; pool: whether the JSON has the categories' texts.
    """

    name: str
    params: Mapping[str, Any]
    features: list[str]
    label: str
    scores: Mapping[str, Scores]
    rounds: int = 12
    pool: bool = False
    grouped: bool = False
    named: bool = True

    @property
    def forms(self) -> tuple[str, ...]:
        """The files that are stored: JSON, a .cbm, or the latter alone where JSON loses tables."""
        return ("cbm",) if self.name in LOST else ("json", "cbm") if self.name in BOTH else ("json",)


def raw(column: int | None = None) -> Scores:
    """The sums."""
    return _of("RawFormulaVal", column)


def likely(column: int = 1) -> Scores:
    """Of a classifier."""
    return _of("Probability", column)


def _of(kind: str, column: int | None) -> Scores:
    def scores(model: Any, pool: Any) -> Any:
        found = np.asarray(model.predict(pool, prediction_type=kind, thread_count=1))
        return found if column is None else found[:, column]

    return scores


def cases() -> Iterator[Case]:
    """All of them. An option's text is as `-o` gives it, several with blanks between."""
    all_of = NUMBERS + TEXTS
    yield Case("numbers", {"nan_mode": "Min"}, NUMBERS, "stars", {"": raw(), "output=raw": raw()})
    yield Case("missing last", {"nan_mode": "Max", "loss_function": "Logloss"}, NUMBERS, "liked", {"": likely()})
    yield Case(
        "never missing", {"nan_mode": "Forbidden", "loss_function": "MAE"}, ["tags", "day"], "stars", {"": raw()}
    )
    yield Case("unnamed", {}, NUMBERS, "stars", {"": raw()}, named=False)
    ones = {"one_hot_max_size": 64, "loss_function": "Logloss"}
    yield Case("one by one", ones, all_of, "liked", {"": likely(), "output=raw": raw()})
    single = {"loss_function": "Logloss", "max_ctr_complexity": 1}
    yield Case("statistics", single, [*all_of, "movie_id"], "liked", {"": likely(), "output=probability": likely()})
    yield Case("films", {**MANY, "loss_function": "Logloss"}, all_of, "liked", {"": likely()}, rounds=30, pool=True)
    ids = {**MANY, "loss_function": "CrossEntropy", "nan_mode": "Max", "one_hot_max_size": 1}
    yield Case("ids", ids, [*IDS, "year", "gender"], "share", {"": likely(), "ints=user_id": likely()})
    yield Case("counts", COUNTED, all_of, "stars", {"": raw()})
    means = {**MANY, "simple_ctr": ["BinarizedTargetMeanValue:TargetBorderCount=4"], "combinations_ctr": ["Counter"]}
    yield Case("means", means, all_of, "stars", {"": raw()})
    borders = {**MANY, "simple_ctr": ["Borders:TargetBorderCount=4:CtrBorderCount=40:Prior=0.2"]}
    yield Case("borders", borders, all_of, "stars", {"": raw()})
    words = {"column=bad": likely(0), "column=fair": likely(1), "column=good output=raw": raw(2), "column=0": likely(0)}
    yield Case("classes", {**MANY, "loss_function": "MultiClass"}, all_of, "word", words)
    yield Case("each class", {"loss_function": "MultiClassOneVsAll"}, all_of, "word", {"column=good": likely(2)})
    deep = {**MANY, "grow_policy": "Depthwise", "depth": 5, "nan_mode": "Max"}
    yield Case("depthwise", deep, all_of, "stars", {"": raw()})
    wide = {**MANY, "grow_policy": "Lossguide", "max_leaves": 20, "loss_function": "MultiClass"}
    yield Case("lossguide", wide, all_of, "word", {"column=fair": likely(1)})
    yield Case("depthwise one by one", {**deep, **ones}, TEXTS, "liked", {"": likely()})
    for loss in ("YetiRank", "PairLogit", "QueryRMSE", "QuerySoftMax", "LambdaMart", "StochasticRank:metric=NDCG"):
        yield Case(loss, {"loss_function": loss}, all_of, "liked", {"": raw()}, rounds=6, grouped=True)
    yield Case(
        "Poisson", {"loss_function": "Poisson"}, all_of, "stars", {"": _of("Exponent", None), "output=raw": raw()}
    )
    tweedie = {"loss_function": "Tweedie:variance_power=1.5"}
    yield Case("Tweedie", tweedie, NUMBERS, "stars", {"output=exponent": _of("Exponent", None)})
    sure = _of("RMSEWithUncertainty", 0), _of("RMSEWithUncertainty", 1)
    uncertain = {"": sure[0], "column=variance": sure[1], "output=raw column=1": raw(1)}
    yield Case("RMSEWithUncertainty", {"loss_function": "RMSEWithUncertainty"}, all_of, "stars", uncertain)
    yield Case("MultiRMSE", {"loss_function": "MultiRMSE"}, NUMBERS, "two", {"column=1": raw(1)})
    yield Case(
        "MultiQuantile", {"loss_function": "MultiQuantile:alpha=0.1,0.9"}, NUMBERS, "stars", {"column=1": raw(1)}
    )
    yield Case(
        "MultiLogloss",
        {"loss_function": "MultiLogloss", "one_hot_max_size": 99},
        all_of,
        "both",
        {"column=1": likely(1)},
    )
    yield Case("two targets", {**MANY, "loss_function": "MultiRMSE"}, all_of, "two", {"column=1": raw(1)})
    both = {**MANY, "loss_function": "MultiLogloss", "nan_mode": "Max"}
    yield Case("two labels", both, all_of, "both", {"column=0": likely(0)})
    cuts = {**MANY, "simple_ctr": ["Borders:TargetBorderCount=1", "Borders:TargetBorderCount=3"]}
    yield Case("two cuts", cuts, all_of, "stars", {"": raw()})
    focal = {"loss_function": "Focal:focal_alpha=0.4;focal_gamma=1.5"}
    yield Case("Focal", focal, all_of, "liked", {"": likely()})
    for loss in ("Quantile:alpha=0.7", "Huber:delta=0.5", "Expectile:alpha=0.3", "LogCosh", "Lq:q=1.5", "MAPE"):
        yield Case(loss, {"loss_function": loss}, NUMBERS, "stars", {"": raw()}, rounds=4)
    yield Case("custom", {"loss_function": Own(), "eval_metric": "RMSE"}, all_of, "stars", {"": raw()}, rounds=4)
    yield Case("bayesian", {"bootstrap_type": "Bayesian", "boosting_type": "Ordered"}, all_of, "stars", {"": raw()})


class Own:
    """An objective of one's own: squared error."""

    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> list[tuple[float, float]]:
        """As CatBoost asks for it."""
        return [(target - approx, -1.0) for approx, target in zip(approxes, targets, strict=True)]


def features(data: Any, user: int, film: int) -> Row:
    """Of a row of MovieLens-100K's."""
    given = row(data, user, film)
    genres = given["genres"]
    return {
        "age": given["age"],
        "year": given["year"],
        "tags": float(len(genres)),
        "day": float(film % 31),
        "gender": given["gender"],
        "occupation": given["occupation"],
        "genre": genres[0] if genres else "",
        "user_id": user,
        "movie_id": film,
    }


def trained() -> tuple[list[Row], dict[str, Any]]:
    """Rows to train on, some ages and years missing, and their labels."""
    data, random = movielens.load(), np.random.default_rng(3)
    chosen = random.permutation(len(data.ratings["rating"]))[:TRAINED]
    given = [features(data, int(data.ratings["user_id"][at]), int(data.ratings["movie_id"][at])) for at in chosen]
    for one in given:
        for name in ("age", "year"):
            if random.random() < 0.1:
                one[name] = None
    stars = data.ratings["rating"][chosen].astype(float)
    liked = (stars >= LIKED).astype(int)
    word = np.array(["bad", "fair", "good"])[np.digitize(stars, [2.5, 3.5])]
    labels = {
        "liked": liked,
        "stars": stars,
        "share": stars / 5,
        "word": word,
        "two": np.stack([stars, liked - stars], axis=1),
        "both": np.stack([liked, stars > 2], axis=1).astype(int),
    }
    return given, labels


def asked() -> list[Row]:
    """Rows of people and films put together at random, among them missing and unknown values."""
    data, random = movielens.load(), np.random.default_rng(2)
    found = []
    for at in range(ASKED):
        one = features(data, int(random.integers(1, 944)), int(random.integers(1, 1683)))
        for name, odd in ODD.items():
            if random.random() < 0.15:
                one[name] = odd[at % 2]
        found.append(one)
    return found


ODD: Mapping[str, tuple[Any, Any]] = {
    "age": (None, 1e6),
    "year": (None, -1e9),
    "occupation": ("", "astronaut"),
    "genre": ("Opera, that nobody filmed, in a version longer than sixty-four bytes", "film"),
    "user_id": (-1, 999_999),
    "movie_id": (0, 888_888),
}
"""Missing, extreme and unknown values."""
