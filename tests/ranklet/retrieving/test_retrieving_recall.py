"""What a build measures of an index, what it falls back to, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from retrieving_kit import DIM, Catalogue, golden_row, toml, user_vector

from ranklet import certificate, model, pipeline, releasing, tree
from ranklet.cli.build import describe
from ranklet.errors import BundleError, ModelError, ParityError, TableError
from ranklet.local.event_v2 import event_v2
from ranklet.packaging import sizes
from ranklet.tables import room
from ranklet_runtime.function import Function

ROWS = 3000
AGES = np.linspace(-3, 3, 60)


def clustered(rows: int = ROWS) -> NDArray[np.float32]:
    draw = np.random.default_rng(5)
    centres = draw.standard_normal((40, DIM))
    found = centres[draw.integers(0, 40, rows)] + 0.15 * draw.standard_normal((rows, DIM))
    return found.astype(np.float32)


def films(
    folder: Path, retrieve: str, *, vectors: NDArray[np.float32] | None = None, queries: NDArray[Any] | None = None
) -> Path:
    """A model over some thousand items, with a golden row for each of some ages."""
    catalogue = Catalogue(ROWS, vectors=clustered() if vectors is None else vectors)
    place = catalogue.write(folder / "films", model=toml("films", retrieve=f'query = "vector"\nk = 20\n{retrieve}'))
    rows = [golden_row({"user": {"age": age}, "k": 20}, catalogue.best(user_vector(age), 20)) for age in AGES]
    (place / "golden.jsonl").write_text("".join(rows))
    if queries is not None:
        np.save(place / "export" / "queries.npy", queries)
    return place


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_large_catalogue_gets_an_inverted_file_whose_recall_is_measured(tmp_path: Path, dtype: str) -> None:
    asked = f'ivf_rows = 1000\nlists = 60\nrerank = 60\nrecall = 0.95\nmost = 0.6\ndtype = "{dtype}"'
    built = pipeline.build(films(tmp_path, asked), out=tmp_path / "out")
    recall = built.certificate.recall
    assert recall is not None and not recall.fallback
    assert (recall.layout, recall.packing, recall.lists, recall.queries) == ("ivf", dtype, 60, len(AGES))
    assert 0.95 <= recall.reached <= 1.0 and 1 <= recall.probes <= 36
    assert recall.golden is not None and recall.golden >= 0.9
    # With a filter the target is reached as well, by looking deeper, or at everything.
    assert recall.filtered is not None and (recall.filtered >= 0.95 or recall.deeper == 0)
    assert max(built.certificate.paths.values()) <= built.certificate.bound
    assert "deployed-index" in built.certificate.paths
    retrieve = built.manifest.retrieve
    assert retrieve is not None and retrieve.recall["reached"] == recall.reached
    assert retrieve.index.probes == recall.probes
    assert describe(built)["recall"]["of"] == "golden requests"
    certificate.verify(built.folder)
    hook = json.loads((tmp_path / "out" / "hooks" / "films" / releasing.GOLDEN).read_bytes())
    assert hook["path"].endswith(":retrieve") and hook["some"] is True


def test_index_that_does_not_reach_its_recall_looks_at_every_item(tmp_path: Path) -> None:
    isotropic = np.random.default_rng(1).standard_normal((ROWS, DIM)).astype(np.float32)
    queries = np.random.default_rng(2).standard_normal((50, DIM)).astype(np.float32)
    asked = 'index = "ivf"\nlists = 300\nmost = 0.01\nqueries = "export/queries.npy"'
    built = pipeline.build(films(tmp_path, asked, vectors=isotropic, queries=queries), out=tmp_path / "out")
    recall = built.certificate.recall
    assert recall is not None and (recall.layout, recall.reached) == ("exact", 1.0)
    assert "ivf float32 reaches a recall of 0." in recall.fallback and recall.fallback in recall.said
    assert not list((built.folder / "steps").glob("index-centroids*"))


def test_int8_alone_is_measured_as_well(tmp_path: Path) -> None:
    built = pipeline.build(films(tmp_path, 'index = "exact"\ndtype = "int8"\nrerank = 40'), out=tmp_path / "out")
    recall = built.certificate.recall
    assert recall is not None and (recall.layout, recall.packing) == ("exact", "int8")
    assert recall.reached >= 0.98 and recall.rerank >= 40


def test_builds_are_reproducible(tmp_path: Path) -> None:
    place = films(tmp_path, "ivf_rows = 1000\nlists = 60\nrecall = 0.9\nmost = 0.6")
    first, second = (pipeline.build(place, out=tmp_path / out) for out in ("one", "two"))
    assert (
        first.certificate.bundle
        == second.certificate.bundle
        == tree.digest(second.folder, skip=frozenset({certificate.FILE}))
    )


def test_index_that_no_package_holds_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "ivf_rows = 1000\nlists = 60\nrecall = 0.9\nmost = 0.6"
    place = films(tmp_path, asked)
    packaged = pipeline.build(place, out=tmp_path / "out")
    monkeypatch.setattr(sizes, "LIMIT", room.layers(onnx=True) + 100_000)
    built = pipeline.build(place, out=tmp_path / "out")
    away = built.manifest.artefacts
    assert away is not None and "steps/index-vectors.npy" in away.files and not (built.folder / "steps").exists()
    assert built.certificate.paths == packaged.certificate.paths
    assert built.certificate.recall == packaged.certificate.recall
    assert built.packaged.startswith("into /tmp, from S3")


def test_requests_may_be_the_held_out_queries(tmp_path: Path) -> None:
    place = films(tmp_path, 'ivf_rows = 1000\nlists = 60\nrecall = 0.9\nmost = 0.6\nqueries = "export/asked.jsonl"')
    lines = [json.dumps({"user": {"age": float(age)}, "context": {"hour": 3}}) for age in AGES[::2]]
    (place / "export" / "asked.jsonl").write_text("\n".join(lines))
    recall = pipeline.build(place, out=tmp_path / "out").certificate.recall
    assert recall is not None and (recall.queries, recall.of) == (30, "held-out requests, export/asked.jsonl")


@pytest.mark.parametrize("wrong", ["score", "item", "order"])
def test_golden_rows_that_are_not_the_trainers_own_are_told(tmp_path: Path, wrong: str) -> None:
    catalogue = Catalogue(50)
    place = catalogue.write(tmp_path / "films", model=toml("films"))
    items, scores = catalogue.best(user_vector(1.0), 5)
    if wrong == "score":
        scores[2] += 1e-3
    elif wrong == "item":
        items[2] = next(one for one in catalogue.ids if one not in items)
    else:
        items[1], items[2] = items[2], items[1]
    (place / "golden.jsonl").write_text(golden_row({"user": {"age": 1.0}, "k": 5}, (items, scores)))
    with pytest.raises(ParityError, match="golden row 1"):
        pipeline.build(place, out=tmp_path / "out")
    assert not (tmp_path / "out" / "functions" / "films").exists()


def test_certificate_with_too_small_a_recall_does_not_deploy(tmp_path: Path) -> None:
    built = pipeline.build(films(tmp_path, "k = 20".replace("k = 20", "")), out=tmp_path / "out")
    recall = built.certificate.recall
    assert recall is not None
    certificate.write(replace(built.certificate, recall=replace(recall, reached=0.5)), built.folder)
    with pytest.raises(BundleError, match=r"finds 0\.5"):
        certificate.verify(built.folder)


REFUSED = [
    ("[retrieve]", "[retrieved]", "unknown field|retrieve"),
    ('kind = "retrieve"\n', "", 'goes with kind = "retrieve"'),
    ('table = "films"', 'table = "movies"', r"retrieve.table is 'movies'"),
    ('query = "vector"', 'query = "vectors"', "is made by nothing"),
    ('query = "vector"', 'query = "vector"\nhistory = "age"', "keep one"),
    ('query = "vector"', "", "name it in retrieve.query"),
    ('query = "vector"', 'query = "vector"\nmetric = "euclid"', r"Invalid enum value 'euclid'"),
    ('query = "vector"', 'query = "vector"\nrecall = 1.5', r"retrieve.recall"),
    ('rows = "user"', 'rows = "item"', "make a user's vector"),
    ("[features]", 'id = { side = "item", type = "int" }\n[features]', "is an item's"),
    ('key = "int"', 'key = "int"\ndtype = "int8"', "retrieve.dtype"),
    ('key = "int"', 'key = "int"\nplacement = "dynamodb"', "leave placement out"),
    ("[features]", '[output]\nscore = "vector"\n[features]', r"\[output\]"),
    ("[features]", '[api]\ndialects = ["v2"]\n[features]', r"\[api\] dialects"),
    ('year = "int"', 'year = "float"', r"Invalid enum value 'float'"),
]


@pytest.mark.parametrize(("old", "new", "said"), REFUSED)
def test_settings_that_contradict_each_other_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    catalogue = Catalogue(30)
    place = catalogue.write(tmp_path / "films", model=toml("films").replace(old, new, 1))
    (place / "golden.jsonl").write_text(golden_row({"user": {"age": 1.0}, "k": 5}, catalogue.best(user_vector(1.0), 5)))
    with pytest.raises(ModelError, match=said):
        pipeline.build(place, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('liked = { side = "context", type = "int", list = true, default = [] }', "history of item ids"),
        ('liked = { side = "user", type = "string", list = true, default = [] }', "history of item ids"),
        ('liked = { side = "user", type = "int", default = 0 }', "history of item ids"),
        ('other = { side = "user", type = "int", list = true, default = [] }', r"\[inputs\] has"),
    ],
)
def test_history_must_be_a_list_of_ids(tmp_path: Path, declared: str, said: str) -> None:
    text = toml("films", head=f"[inputs]\n{declared}\n", retrieve='history = "liked"')
    Catalogue(30).write(tmp_path / "films", model=text)
    with pytest.raises(ModelError, match=said):
        model.load(tmp_path / "films")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": 1, "genres": 5, "year": 1950, "available": true}', "'genres' on line 1"),
        ('{"id": 1, "genres": [], "year": "x", "available": true}', "'year' on line 1"),
        ('{"id": 1, "genres": [], "year": 1.5, "available": true}', "'year' on line 1"),
        ('{"id": 1, "genres": [], "year": 1, "available": "maybe"}', "'available' on line 1"),
        ('{"id": 1, "genres": []}', "has no"),
        ('{"id": "x", "genres": [], "year": 1, "available": true}', "the key on line 1"),
    ],
)
def test_attributes_of_another_type_are_refused_with_their_line(tmp_path: Path, line: str, said: str) -> None:
    catalogue = Catalogue(30)
    catalogue.ids[0] = 1
    place = catalogue.write(tmp_path / "films", model=toml("films"))
    (place / "export" / "items.jsonl").write_text(line)
    (place / "golden.jsonl").write_text(golden_row({"user": {"age": 1.0}, "k": 5}, catalogue.best(user_vector(1.0), 5)))
    with pytest.raises(TableError, match=said):
        pipeline.build(place, out=tmp_path / "out")


@pytest.mark.parametrize("content", [b"no array", b"", b'{"user": {"age": "old"}}'])
def test_held_out_queries_that_cannot_be_read_are_refused(tmp_path: Path, content: bytes) -> None:
    ending = "jsonl" if content.startswith(b"{") else "npy"
    place = films(tmp_path, f'ivf_rows = 1000\nqueries = "export/asked.{ending}"')
    (place / "export" / f"asked.{ending}").write_bytes(content)
    with pytest.raises(ModelError, match="queries"):
        pipeline.build(place, out=tmp_path / "out")


def test_vectors_of_another_width_are_refused(tmp_path: Path) -> None:
    catalogue = Catalogue(30)
    place = catalogue.write(tmp_path / "films", model=toml("films"))
    (place / "golden.jsonl").write_text(golden_row({"user": {"age": 1.0}, "k": 5}, catalogue.best(user_vector(1.0), 5)))
    np.save(place / "export" / "vectors.npy", np.zeros((30, DIM + 1), np.float32))
    with pytest.raises(ModelError, match=f"has {DIM} numbers, the items' vectors in the table have {DIM + 1}"):
        pipeline.build(place, out=tmp_path / "out")


def test_changed_index_does_not_open_where_the_bundle_is_pinned(tmp_path: Path) -> None:
    built = pipeline.build(films(tmp_path, ""), out=tmp_path / "out")
    pinned = {"RANKLET_BUNDLE": built.certificate.bundle}
    function = Function.open(built.folder, pinned)
    event = event_v2(
        "POST",
        "/v1/models/films:similar",
        headers={"content-type": "application/json"},
        body=b'{"item": -1}',
    )
    assert function(event, None)["statusCode"] == 404
    path = built.folder / "steps" / "index-vectors.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(Exception, match="index-vectors"):
        Function.open(built.folder, pinned)
