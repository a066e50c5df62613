"""Factorisation machines against the definitions, pair by pair in float64, and against the libraries' own answers.

The pairs are written from the papers and know nothing of sums and squares: a row is a list of entries
(field, w, v, x), every two of which interact.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from engines_kit import OpenArrays

from ranklet_runtime.engines.base import Array
from ranklet_runtime.errors import ManifestError

XLEARN = Path(__file__).parent / "xlearn"


class Entry(NamedTuple):
    """One x_j that is not 0. v: [k] for FM, [F, k] for FFM."""

    field: int
    w: float
    v: Array
    x: float


def fm_logit(bias: float, entries: list[Entry]) -> float:
    """Rendle 2010, equation 1."""
    pairs = sum(float(a.v @ b.v) * a.x * b.x for a, b in combinations(entries, 2))
    return bias + sum(e.w * e.x for e in entries) + pairs


def ffm_logit(bias: float, entries: list[Entry]) -> float:
    """Juan et al. 2016, equation 4, and a linear part."""
    pairs = sum(float(a.v[b.field] @ b.v[a.field]) * a.x * b.x for a, b in combinations(entries, 2))
    return bias + sum(e.w * e.x for e in entries) + pairs


def unit(entries: list[Entry]) -> list[Entry]:
    length = np.sqrt(sum(e.x**2 for e in entries))
    return [e._replace(x=e.x / length) for e in entries]


FIELDS = ["user", "movie", "genres", "price"]
SIZES = {"user": 6, "movie": 9, "genres": 5, "price": 2}


def model(seed: int, *tail: int) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    arrays = {f"v.{name}": random.normal(scale=0.4, size=(size, *tail)) for name, size in SIZES.items()}
    return arrays | {f"w.{name}": random.normal(size=size) for name, size in SIZES.items()} | {"bias": np.array([0.3])}


def tensors(seed: int, n: int) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    return {
        "user": random.integers(-1, 6, 1),
        "movie": random.integers(-1, 9, n),
        "genres": random.integers(-1, 5, (n, 4)),
        "relevance": random.normal(size=(n, 4)).astype(np.float32),
        "price": random.normal(size=(n, 2)).astype(np.float32),
    }


def entries(arrays: dict[str, Array], given: dict[str, Array], row: int) -> list[Entry]:
    found = []
    for field, name in enumerate(FIELDS):
        value = given[name][row if len(given[name]) > 1 else 0]
        if name == "price":
            pairs = list(enumerate(map(float, value)))
        elif name == "genres":
            pairs = [(j, float(x)) for j, x in zip(value, given["relevance"][row], strict=True)]
        else:
            pairs = [(int(value), 1.0)]
        found += [Entry(field, arrays[f"w.{name}"][j], arrays[f"v.{name}"][j], x) for j, x in pairs if j >= 0]
    return found


@pytest.mark.parametrize("normalize", ["none", "unit"])
@pytest.mark.parametrize(("engine", "tail", "logit"), [("fm", (7,), fm_logit), ("ffm", (4, 3), ffm_logit)])
def test_a_score_is_the_sum_over_all_pairs(
    engine: str, tail: tuple[int, ...], logit: Any, normalize: str, open_arrays: OpenArrays
) -> None:
    arrays, given = model(1, *tail), tensors(2, 50)
    options: dict[str, Any] = {"normalize": normalize, "values": {"genres": "relevance"}}
    if engine == "ffm":
        options["fields"] = FIELDS
    opened = open_arrays(engine, arrays, [*FIELDS, "relevance"], **options)
    change = unit if normalize == "unit" else list
    expected = [logit(0.3, change(entries(arrays, given, row))) for row in range(50)]
    np.testing.assert_allclose(opened.run(given)["logit"], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("engine", ["fm", "ffm"])
def test_float32_sums_stay_within_the_rounding_of_float32(engine: str, open_arrays: OpenArrays) -> None:
    tail, options = ((7,), {}) if engine == "fm" else ((4, 3), {"fields": FIELDS})
    arrays, given = model(3, *tail), tensors(4, 50)
    options |= {"values": {"genres": "relevance"}}
    exact = open_arrays(engine, arrays, [*FIELDS, "relevance"], **options).run(given)["score"]
    narrow = {name: array.astype(np.float32) for name, array in arrays.items()}
    rough = open_arrays(engine, narrow, [*FIELDS, "relevance"], precision="float32", **options).run(given)["score"]
    np.testing.assert_allclose(rough, exact, atol=2e-6)


@pytest.mark.parametrize("normalize", ["none", "unit", "xlearn"])
def test_a_row_without_entries_scores_its_bias(normalize: str, open_arrays: OpenArrays) -> None:
    arrays = {"bias": np.array([0.3]), "v.movie": np.ones((4, 2)), "w.movie": np.ones(4)}
    opened = open_arrays("fm", arrays, ["movie"], normalize=normalize)
    np.testing.assert_allclose(opened.run({"movie": np.array([-1, 2])})["logit"], [0.3, 1.3], rtol=1e-6)


@pytest.mark.parametrize(("engine", "tail"), [("linear", ()), ("fm", (3,)), ("ffm", (2, 3))])
def test_one_id_may_have_a_value_as_features_make_numbers(
    engine: str, tail: tuple[int, ...], open_arrays: OpenArrays
) -> None:
    random = np.random.default_rng(8)
    arrays = {f"w.{name}": random.normal(size=4) for name in ("a", "b")} | {"bias": np.array([0.3])}
    arrays |= {f"v.{name}": random.normal(size=(4, *tail)) for name in ("a", "b") if tail}
    options: dict[str, Any] = {"values": {"a": "x"}} | ({"fields": ["a", "b"]} if engine == "ffm" else {})
    opened = open_arrays(engine, arrays, ["a", "b", "x"], **options)
    given = {"a": np.array([3]), "b": np.array([0, -1, 2]), "x": np.array([2.5], np.float32)}
    column = opened.run({**given, "x": given["x"].reshape(1, 1)})["score"]
    assert column.tolist() == opened.run(given)["score"].tolist()


@pytest.mark.parametrize(("engine", "tail"), [("linear", ()), ("fm", (3,)), ("ffm", (3, 3))])
def test_inputs_may_share_one_table(engine: str, tail: tuple[int, ...], open_arrays: OpenArrays) -> None:
    random = np.random.default_rng(9)
    every = {"w.t": random.normal(size=7), "w.c": random.normal(size=2)}
    every |= {"v.t": random.normal(size=(7, *tail)), "v.c": random.normal(size=(2, *tail))} if tail else {}
    apart = {f"{name[:2]}{own}": every[name] for name in every for own in ("ab" if name[2:] == "t" else "c")}
    options: dict[str, Any] = {"fields": ["a", "b", "c"]} if engine == "ffm" else {}
    given = {
        "a": np.array([3]),
        "b": np.array([[0, -1], [2, 2], [6, 5]]),
        "c": np.array([[1, 2], [3, 4], [0, 1]], np.float32),
    }
    bias = {"bias": np.array([0.3])}
    wanted = open_arrays(engine, bias | apart, ["a", "b", "c"], **options).run(given)["score"]
    tables = {"a": "t", "b": "t"}
    found = open_arrays(engine, bias | every, ["a", "b", "c"], tables=tables, **options).run(given)["score"]
    assert found.tolist() == wanted.tolist()
    for wrong in ({"a": "t", "b": "x"}, {"a": "t", "c": "t"}):
        with pytest.raises(ManifestError, match=r"options.tables reads|nothing feeds|has no weights"):
            open_arrays(engine, bias | every, ["a", "b", "c"], tables=wrong, **options)


def test_factors_alone_need_no_linear_weights(open_arrays: OpenArrays) -> None:
    arrays = {name: array for name, array in model(5, 4, 3).items() if not name.startswith("w.")}
    given = tensors(6, 9)
    opened = open_arrays("ffm", arrays, [*FIELDS, "relevance"], fields=FIELDS, values={"genres": "relevance"})
    with_zeros = arrays | {f"w.{name}": np.zeros(size) for name, size in SIZES.items()}
    expected = [ffm_logit(0.3, entries(with_zeros, given, row)) for row in range(9)]
    np.testing.assert_allclose(opened.run(given)["logit"], expected, rtol=1e-6, atol=1e-6)


def test_fm_scores_are_those_of_myfm(open_arrays: OpenArrays) -> None:
    myfm = pytest.importorskip("myfm", exc_type=ImportError)
    sparse = pytest.importorskip("scipy.sparse")
    random = np.random.default_rng(7)
    user, movie, price = random.integers(0, 6, 80), random.integers(0, 9, 80), random.normal(size=(80, 2))
    x = sparse.csr_matrix(np.hstack([np.eye(6)[user], np.eye(9)[movie], price]))
    trained = myfm.MyFMRegressor(rank=4, random_seed=1).fit(x, user - movie + price[:, 0], n_iter=20, n_kept_samples=1)
    (sample,) = trained.predictor_.samples
    names = {"user": slice(0, 6), "movie": slice(6, 15), "price": slice(15, 17)}
    arrays = {f"w.{name}": np.array(sample.w)[rows] for name, rows in names.items()}
    arrays |= {f"v.{name}": np.array(sample.V)[rows] for name, rows in names.items()}
    opened = open_arrays("fm", arrays | {"bias": np.array([sample.w0])}, [*names], link="identity")
    scores = opened.run({"user": user, "movie": movie, "price": price.astype(np.float32)})["score"]
    np.testing.assert_allclose(scores, trained.predict(x), rtol=2e-6, atol=2e-6)


def xlearn_rows() -> Array:
    """The data's ids and, last, the number of id 12: [40, 4]."""
    lines = (XLEARN / "data.ffm").read_text().splitlines()
    triples = [[entry.split(":") for entry in line.split()[1:]] for line in lines]
    return np.array([[float(t[1]) for t in row[:3]] + [float(row[3][2])] for row in triples])


def xlearn_model(kind: str) -> dict[str, Array]:
    """bias, w [13] and v [13, k] or [13, F, k] of a text model."""
    lines = dict(line.split(": ") for line in (XLEARN / f"{kind}.model.txt").read_text().splitlines())
    w = np.array([float(lines[f"i_{j}"]) for j in range(13)])
    found = {"bias": np.array([float(lines["bias"])]), "w": w}
    if kind.startswith("fm"):
        found["v"] = np.array([np.fromstring(lines[f"v_{j}"], sep=" ") for j in range(13)])
    if kind.startswith("ffm"):
        found["v"] = np.array([[np.fromstring(lines[f"v_{j}_{f}"], sep=" ") for f in range(3)] for j in range(13)])
    return found


@pytest.mark.parametrize("bag", [True, False])
@pytest.mark.parametrize("norm", ["raw", "normed"])
@pytest.mark.parametrize("engine", ["linear", "fm", "ffm"])
def test_scores_are_those_of_xlearn(engine: str, norm: str, bag: bool, open_arrays: OpenArrays) -> None:
    kind, rows = f"{engine}-{norm}", xlearn_rows()
    ids = rows[:, :3].astype(np.int64)
    places = {"user": slice(0, 4), "price": slice(12, 13)}
    given: dict[str, Array] = {"user": ids[:, 0], "price": rows[:, 3].astype(np.float32)}
    if bag:  # the two ids of field 1 as one bag, or as two inputs
        places["about"], given["about"] = slice(4, 12), ids[:, 1:] - 4
    else:
        places |= {"movie": slice(4, 9), "genre": slice(9, 12)}
        given |= {"movie": ids[:, 1] - 4, "genre": ids[:, 2] - 9}
    trained = xlearn_model(kind)
    arrays = {f"{part}.{n}": trained[part][rows] for part in trained if part != "bias" for n, rows in places.items()}
    options: dict[str, Any] = {}
    if norm == "normed" and engine != "linear":  # xLearn's linear score has no norm
        options["normalize"] = "xlearn" if engine == "fm" else "unit"
    if engine == "ffm":
        field_of = {"about": "1"} if bag else {"movie": "1", "genre": "1"}
        options |= {"fields": ["user", "1", "price"], "field_of": field_of}
    opened = open_arrays(engine, arrays | {"bias": trained["bias"]}, [*given], **options)
    expected = np.loadtxt(XLEARN / f"{kind}.predictions.txt")
    np.testing.assert_allclose(opened.run(given)["score"], expected, rtol=3e-5, atol=1e-6)  # six digits are kept


V, W, BIAS = np.ones((3, 2, 4)), np.ones(3), np.zeros(1)
FM = {"bias": BIAS, "v.a": V[:, 0], "v.b": V[:, 0]}
FFM = {"bias": BIAS, "v.a": V, "v.b": V}


@pytest.mark.parametrize(
    ("engine", "arrays", "options", "message"),
    [
        ("fm", FM, {"link": "x"}, "options.link is 'x'"),
        ("fm", FM | {"v.b": np.ones((3, 5))}, {}, r"'v.b' has shape \[3, 5\], wanted \[any, 4\]"),
        ("fm", FM | {"w.a": W}, {}, "no array 'w.b'"),
        ("fm", FM | {"w.a": np.ones(2), "w.b": W}, {}, r"'w.a' has shape \[2\], wanted \[3\]"),
        ("fm", FM | {"w.c": W}, {}, r"nothing reads the arrays \['w.c'\]"),
        ("fm", FM, {"normalize": "l2"}, "options.normalize is 'l2'"),
        ("ffm", FFM, {"normalize": "xlearn", "fields": ["a", "b"]}, r"allowed: \['none', 'unit'\]"),
        ("ffm", FFM, {}, r"'v.a' has shape \[3, 2, 4\], wanted \[any, 0, any\]"),
        ("ffm", FFM, {"fields": ["a", "c"]}, "input 'b' is of field 'b'; options.fields has"),
        ("ffm", FFM, {"fields": ["a", "c"], "field_of": {"b": "a"}}, r"no input is of the fields \['c'\]"),
        ("ffm", FFM, {"fields": ["a", "b"], "field_of": {"z": "a"}}, r"options.field_of names \['z'\]"),
        (
            "ffm",
            FFM | {"v.b": V[..., :3]},
            {"fields": ["a", "b"]},
            r"'v.b' has shape \[3, 2, 3\], wanted \[any, 2, 4\]",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    engine: str, arrays: Any, options: Any, message: str, open_arrays: OpenArrays
) -> None:
    with pytest.raises(ManifestError, match=message):
        open_arrays(engine, arrays, ["a", "b"], **options)
