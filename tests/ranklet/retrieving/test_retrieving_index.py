"""The index against brute force: filters, ties, fresh and deleted items; equal to the last bit where it is exact."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from retrieving_kit import DIM, GENRES, Catalogue

from ranklet.retrieving import attributes, kmeans, making, writing
from ranklet.retrieving.making import Wanted
from ranklet.retrieving.writing import Lists
from ranklet.settings.retrieve import Attributes, Retrieve
from ranklet.tables.source import Vectors
from ranklet_features.errors import StoreError
from ranklet_features.index import fresh
from ranklet_features.index.searching import Index
from ranklet_features.index.spec import IndexSpec

COLUMNS = Attributes(
    source="export/items.jsonl", key_column="id", columns={"genres": "string", "year": "int", "available": "bool"}
)
ROWS = 90
LAYOUTS = ["exact", "ivf-all", "ivf-few", "int8"]
EXACT = ["exact", "ivf-all"]


class Opened:
    """A catalogue and its index in some layout."""

    def __init__(
        self, folder: Path, layout: str, *, key: str = "int", metric: str = "inner", ties: bool = False
    ) -> None:
        draw = np.random.default_rng(3)
        vectors = draw.standard_normal((ROWS, DIM)).astype(np.float32)
        if ties:  # a third of them are the same, and another third zeros
            vectors[::3], vectors[1::3] = vectors[0], 0.0
        self.catalogue = Catalogue(ROWS, key=key, vectors=vectors)
        self.cosine = metric == "cosine"
        model = folder / "model"
        self.catalogue.write(model, model="")
        keys: Any = np.array(self.catalogue.ids) if key == "int" else tuple(self.catalogue.ids)
        asked = Retrieve(table="films", metric=metric)  # type: ignore[arg-type]
        table = Vectors(keys, vectors)
        columns = attributes.read(COLUMNS, table, key, folder=model, resolve=lambda name: model / name)  # type: ignore[arg-type]
        wanted = Wanted(asked, table, key, columns)  # type: ignore[arg-type]
        self.spec = _write(wanted, layout, folder / "index")
        self.index = Index.open(self.spec, folder / "index")

    def check(self, query: NDArray[Any], k: int, kept: dict[str, Any], *, exact: bool) -> None:
        """Compare one search with brute force."""
        items, scores = self.catalogue.best(query, k, cosine=self.cosine, **kept)
        found = self.index.search(query, k, **{name: _ids(value, self) for name, value in kept.items()})
        ids = found.items.tolist() if isinstance(found.items, np.ndarray) else found.items
        assert len(ids) == len(items)  # K are found, or all that the filter leaves
        if exact:
            assert (ids, found.scores.tolist()) == (items, scores)
            return
        everything = dict(zip(*self.catalogue.best(query, 10 * ROWS, cosine=self.cosine, **kept), strict=True))
        assert [everything[one] for one in ids] == found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)


def _write(wanted: Wanted, layout: str, folder: Path) -> IndexSpec:
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        prepared = making._prepared(wanted, Path(scratch))
        spec, lists = making.base(prepared), None
        if layout.startswith("ivf") or layout == "int8":
            values = prepared.vectors.values
            centroids = kmeans.train(values, 9, longest=spec.longest, seed=1)
            owner = kmeans.assign(values, centroids, longest=spec.longest)
            lists = Lists(np.ascontiguousarray(centroids[:, :-1]), owner)
            spec = replace(spec, layout="ivf", lists=9, probes=9 if layout == "ivf-all" else 2, k=5)
        if layout == "int8":
            spec = replace(spec, packing="int8", rerank=8)
        writing.write(spec, prepared.vectors, folder, lists=lists, columns=prepared.columns)
    return spec


def _ids(value: Any, opened: Opened) -> Any:
    if isinstance(value, dict) or opened.catalogue.key == "string" or value is None:
        return value
    return np.array(value, np.int64)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], Opened]:
    """An index of every layout, type of key and metric, with ties and without."""
    return {
        (layout, key, metric, ties): Opened(
            tmp_path_factory.mktemp("index"), layout, key=key, metric=metric, ties=bool(ties)
        )
        for layout in LAYOUTS
        for key, metric, ties in (("int", "inner", ""), ("string", "cosine", ""), ("int", "inner", "ties"))
    }


numbers = st.floats(-8, 8, width=32)
queries = st.lists(numbers, min_size=DIM, max_size=DIM).map(lambda row: np.array(row, np.float32))


@st.composite
def filters(draw: st.DrawFn) -> dict[str, Any]:
    """Places of items to allow and to deny, unknown ones among them, and attributes."""
    places = st.lists(st.integers(-3, ROWS + 3), max_size=ROWS)
    kept: dict[str, Any] = {}
    if draw(st.booleans()):
        kept["allow"] = draw(places)
    if draw(st.booleans()):
        kept["deny"] = draw(places)
    if draw(st.booleans()):
        years = st.lists(st.integers(1944, 1961), max_size=8, unique=True)
        genres = st.lists(st.sampled_from([*GENRES, "Western"]), max_size=3, unique=True)
        every = {"genres": genres, "year": years, "available": st.lists(st.booleans(), max_size=2, unique=True)}
        kept["where"] = {name: draw(every[name]) for name in draw(st.lists(st.sampled_from([*every]), unique=True))}
    return kept


def _named(kept: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The filter with ids for places; those outside the catalogue are nobody's."""
    nobody = -77 if catalogue.key == "int" else "nobody"
    return {
        name: value if name == "where" else [catalogue.ids[at] if 0 <= at < ROWS else nobody for at in value]
        for name, value in kept.items()
    }


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=queries, k=st.integers(1, ROWS + 5), kept=filters(), which=st.integers(0, 2))
def test_search_is_brute_force(
    opened: dict[tuple[str, ...], Opened], layout: str, query: NDArray[Any], k: int, kept: dict[str, Any], which: int
) -> None:
    key, metric, ties = (("int", "inner", ""), ("string", "cosine", ""), ("int", "inner", "ties"))[which]
    one = opened[layout, key, metric, ties]
    one.index.refresh(fresh.nothing(one.spec))
    one.check(query, k, _named(kept, one.catalogue), exact=layout in EXACT)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=queries,
    k=st.integers(1, ROWS),
    kept=filters(),
    gone=st.lists(st.integers(0, ROWS - 1), max_size=ROWS, unique=True),
    changed=st.dictionaries(st.integers(0, ROWS + 4), queries, max_size=6),
)
def test_fresh_changed_and_deleted_items_are_those_of_a_rebuild(
    opened: dict[tuple[str, ...], Opened],
    layout: str,
    query: NDArray[Any],
    k: int,
    kept: dict[str, Any],
    gone: list[int],
    changed: dict[int, NDArray[Any]],
) -> None:
    one = opened[layout, "int", "inner", ""]
    before = one.catalogue
    new = [before.ids[at] if at < ROWS else 100_000 + at for at in changed]
    left = [before.ids[at] for at in gone if at not in changed]
    of = [{"genres": ["War"], "available": [True]} for _ in new]
    content = fresh.write(new, np.array([*changed.values()], np.float32).reshape(-1, DIM), of, left)
    one.index.refresh(fresh.read(content, one.spec))
    named = _named(kept, before)
    found = one.index.search(query, k, **{name: _ids(value, one) for name, value in named.items()})
    after = _rebuilt(before, new, np.array([*changed.values()], np.float32).reshape(-1, DIM), left)
    items, scores = after.best(query, k, **named)
    if layout in EXACT:
        assert (found.items.tolist(), found.scores.tolist()) == (items, scores)
    else:
        assert len(found.items) == len(items) and not set(found.items.tolist()) & set(left)
    vectors, there = one.index.vectors(np.array([*new, *left, -5], np.int64))
    assert there.tolist() == [True] * len(new) + [False] * (len(left) + 1)
    assert vectors.tobytes() == np.array([*changed.values()], np.float32).tobytes()


def _rebuilt(before: Catalogue, new: list[Any], vectors: NDArray[Any], gone: list[Any]) -> Catalogue:
    """The catalogue as a rebuild would have it, fresh items last as they have no place in the old one."""
    kept = [at for at, one in enumerate(before.ids) if one not in new and one not in gone]
    after = Catalogue(1)
    after.ids = [*(before.ids[at] for at in kept), *new]
    after.vectors = np.concatenate([before.vectors[kept], vectors]).astype(np.float32)
    after.genres = [*(before.genres[at] for at in kept), *(["War"] for _ in new)]
    after.years = [*(before.years[at] for at in kept), *(None for _ in new)]
    after.available = [*(before.available[at] for at in kept), *(True for _ in new)]
    return after


def test_equal_scores_keep_the_order_of_the_catalogue(opened: dict[tuple[str, ...], Opened]) -> None:
    one = opened["exact", "int", "inner", "ties"]
    found = one.index.search(np.zeros(DIM, np.float32), 7)
    assert found.items.tolist() == one.catalogue.ids[:7] and not found.scores.any()


def test_unknown_and_huge_queries(opened: dict[tuple[str, ...], Opened]) -> None:
    index = opened["exact", "int", "inner", ""].index
    with pytest.raises(OverflowError, match="too large"):
        index.search(np.full(DIM, 1e38, np.float32), 3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xc1", "cannot be read"),
        (b"", "cannot be read"),
        (fresh.write([1, 1], np.zeros((2, DIM)), [{}, {}], []), "distinct"),
        (fresh.write(["a"], np.zeros((1, DIM)), [{}], []), "each int"),
        (fresh.write([1], np.zeros((1, DIM + 1)), [{}], []), "cannot be read"),
        (fresh.write([1], np.full((1, DIM), np.nan), [{}], []), "NaN"),
        (fresh.write([1], np.zeros((1, DIM)), [{"colour": ["red"]}], []), "attributes"),
        (fresh.write([1], np.zeros((1, DIM)), [{"year": ["red"]}], []), "attributes"),
        (fresh.write([1], np.zeros((1, DIM)), [], []), "attributes"),
    ],
)
def test_fresh_items_that_do_not_fit_are_refused(
    opened: dict[tuple[str, ...], Opened], content: bytes, said: str
) -> None:
    with pytest.raises(StoreError, match=said):
        fresh.read(content, opened["exact", "int", "inner", ""].spec)


@pytest.mark.parametrize("damage", ["missing", "short", "text", "other"])
def test_files_that_are_no_index_are_refused(tmp_path: Path, damage: str) -> None:
    one = Opened(tmp_path, "ivf-few")
    path = tmp_path / "index" / "index-vectors.npy"
    if damage == "missing":
        path.unlink()
    elif damage == "short":
        path.write_bytes(path.read_bytes()[:-4])
    elif damage == "text":
        path.write_text("no array")
    else:
        np.save(path, np.zeros((ROWS, DIM + 1), np.float32))
    with pytest.raises(StoreError, match="index-vectors") as error:
        Index.open(one.spec, tmp_path / "index")
    assert str(tmp_path) not in str(error.value)
