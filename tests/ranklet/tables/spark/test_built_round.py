"""The whole way of a version that was built elsewhere: its build, the bundle and its proof, the push, the scores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import msgspec
import numpy as np
import pytest
import spark_kit
from built_kit import FILMS, Films

from ranklet import model, pipeline
from ranklet.errors import ParityError, TableError
from ranklet.local.dynamodb import LocalDynamo
from ranklet.local.event_v2 import event_v2
from ranklet.pipeline import Built
from ranklet.tables import diff, files, push, sides, whole
from ranklet.tables.built import pinning
from ranklet.tables.built.items import SAMPLED, BuiltItems
from ranklet.tables.built.opened import opened
from ranklet.tables.built.record import Part
from ranklet.tables.spark import cluster
from ranklet.tables.spark.recipe import Recipe
from ranklet_features.packing import pack, unpack
from ranklet_runtime.function import Function

FILMS_ASKED = Films.drawn()

EMPTY = Part(name="part-9.gz", bytes=20, rows=0, items=0, sums="00" * 32)
"""Of a partition without rows."""

KNOWN = Films.drawn(strangers=False)
"""For narrowed rows: the mean row, which stands in for a stranger, is that of the rows as they are stored."""


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """DynamoDB's client for the local server."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    with LocalDynamo() as server:
        yield boto3.client("dynamodb", region_name="us-east-1", endpoint_url=server.endpoint)


def _scores(built: Built, client: Any, asked: list[tuple[int, list[Any]]]) -> list[list[float]]:
    """As a deployed function gives them, out of the table that was pushed."""
    environ = {
        "AWS_ENDPOINT_URL_DYNAMODB": client.meta.endpoint_url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    function = Function.open(built.folder, environ)
    found = []
    for user, candidates in asked:
        body = json.dumps({"user": {"user_id": user}, "items": {"movie_id": candidates}}).encode()
        headers = {"content-type": "application/json"}
        answer = function(event_v2("POST", "/films/v1/models/films:rank", headers=headers, body=body), None)
        found.append(json.loads(answer["body"])["scores"])
    function.scorer.close()
    return found


def _staged(root: Path, built: Built) -> Path:
    return root / ".build" / "tables" / built.manifest.spec.tables["films"].physical


def _assert_scores(films: Films, built: Built, client: Any, *, bound: float = 1e-4) -> None:
    """Golden requests, and films that none of them asked for."""
    keys = films.data[films.key_column].to_pylist()
    stranger = 10**15 if films.key_column == "movie_id" else "nobody's"
    asked = [*films.asked, (3, [keys[0], stranger, keys[-1]]), (4, keys)]
    for (user, candidates), scores in zip(asked, _scores(built, client, asked), strict=True):
        assert np.abs(np.array(scores) - films.scores(user, candidates)).max() < bound


def test_a_built_version_is_proven_pushed_and_scores_as_the_trainer_does(tmp_path: Path, client: Any) -> None:
    films = FILMS_ASKED
    folder = films.write(tmp_path)
    made = films.build(folder, tmp_path / "built")
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert built.manifest.spec.tables["films"] == made.table
    assert built.certificate.rows == len(films.asked)
    assert f"{FILMS} rows built in {tmp_path / 'built'}, all of them staged" in built.placements["films"]
    done = push.push(_staged(tmp_path, built), client=client)
    assert (done.rows, done.items, done.written, done.verified) == (FILMS, FILMS, FILMS, FILMS)
    _assert_scores(films, built, client)
    assert push.push(_staged(tmp_path, built), client=client).written == 0


@pytest.mark.parametrize(
    ("key_column", "lines"), [("name", ""), ("movie_id", "page = 7"), ("movie_id", 'placement = "dynamodb"')]
)
def test_a_build_too_large_to_stage_is_proven_by_the_rows_that_it_kept(
    tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch, key_column: str, lines: str
) -> None:
    monkeypatch.setattr(pinning, "WHOLE", 0)
    films = Films.drawn(key_column=key_column)
    folder = films.write(tmp_path, lines=lines)
    films.build(folder, tmp_path / "built")
    built = pipeline.build(folder, out=tmp_path / ".build")
    known = {key for _, candidates in films.asked for key in candidates} & set(films.data[key_column].to_pylist())
    assert f"{len(known)} staged, which golden requests read" in built.placements["films"]
    staged = _staged(tmp_path, built)
    assert len(np.load(staged / "vectors.npy")) == len(known) < FILMS
    with pytest.raises(TableError, match=f"holds {len(known)} of {FILMS} rows"):
        files.read_staged(staged)
    done = push.push(staged, client=client)
    assert (done.rows, done.written, done.verified) == (FILMS, done.items, done.items)
    _assert_scores(films, built, client)


@pytest.mark.parametrize("page", [1, 7])
def test_keys_that_the_build_was_not_asked_for_are_found_in_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(pinning, "WHOLE", 0)
    films = FILMS_ASKED
    folder = films.write(tmp_path, lines=f"page = {page}")
    golden = (folder / "golden.jsonl").read_text()
    (folder / "golden.jsonl").write_text(golden.splitlines()[0])
    films.build(folder, tmp_path / "built")
    (folder / "golden.jsonl").write_text(golden)
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert max(built.certificate.paths.values()) < 1e-4
    staged = np.load(_staged(tmp_path, built) / "keys.npy")
    known = set(films.data["movie_id"].to_pylist())
    assert staged.tolist() == sorted({key for _, candidates in films.asked for key in candidates} & known)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("dtype", ["f16", "int8"])
def test_what_packing_does_is_measured_on_the_exact_rows_that_the_build_kept(
    tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch, dtype: Any, whole: bool
) -> None:
    if not whole:
        monkeypatch.setattr(pinning, "WHOLE", 0)
    films = KNOWN
    folder = films.write(tmp_path, lines=f'dtype = "{dtype}"\nmax_score_change = 5')
    films.build(folder, tmp_path / "built")
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert built.certificate.narrowed is not None
    assert max(built.certificate.narrowed.paths.values()) < 1e-4
    packed = films.packed(lambda rows: unpack(pack(rows, dtype)))
    change = max(
        np.abs(np.array(films.scores(user, asked)) - packed.scores(user, asked)).max() for user, asked in films.asked
    )
    found = built.certificate.narrowed.tables["films"].max_score_change
    assert found == pytest.approx(change, rel=0.05)
    push.push(_staged(tmp_path, built), client=client)
    _assert_scores(films, built, client, bound=3 * change)


def test_exact_rows_that_were_not_kept_are_asked_for(tmp_path: Path) -> None:
    films = FILMS_ASKED
    folder = films.write(tmp_path, lines='dtype = "f16"\nmax_score_change = 0.5')
    golden = (folder / "golden.jsonl").read_text()
    (folder / "golden.jsonl").write_text(golden.splitlines()[0])
    films.build(folder, tmp_path / "built")
    (folder / "golden.jsonl").write_text(golden)
    with pytest.raises(TableError, match=r"did not keep the exact rows of .* keys .* build the table again"):
        pipeline.build(folder, out=tmp_path / ".build")


def test_a_build_of_other_rows_does_not_pass_the_proof(tmp_path: Path) -> None:
    films = FILMS_ASKED
    folder = films.write(tmp_path)
    prices = [price + 0.01 for price in films.data["price"].to_pylist()]
    films.build(folder, tmp_path / "built", data=films.with_column("price", prices))
    with pytest.raises(ParityError, match="golden row 1"):
        pipeline.build(folder, out=tmp_path / ".build")
    assert not (tmp_path / ".build" / "functions" / "films").exists()


def test_an_interrupted_push_goes_on_where_it_stopped(tmp_path: Path, client: Any) -> None:
    films = FILMS_ASKED
    folder = films.write(tmp_path)
    films.build(folder, tmp_path / "built")
    built = pipeline.build(folder, out=tmp_path / ".build")
    table = built.manifest.spec.tables["films"]

    def stop(done: int, total: int) -> None:
        if done >= 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push.push(_staged(tmp_path, built), client=client, progress=stop)
    assert not whole.is_whole(client, table)
    done = push.push(_staged(tmp_path, built), client=client)
    assert 0 < done.written <= FILMS - 500
    assert whole.is_whole(client, table)
    _assert_scores(films, built, client)


def test_policies_are_the_models_and_may_change_after_the_build(tmp_path: Path) -> None:
    films = FILMS_ASKED
    folder = films.write(tmp_path)
    made = films.build(folder, tmp_path / "built")
    text = (folder / "model.toml").read_text()
    row = made.table.default
    assert row is not None
    (folder / "model.toml").write_text(
        text.replace('missing = "mean"', f'missing = "row"\ndefault = {list(row)}\ncache_entries = 7')
    )
    table = pipeline.build(folder, out=tmp_path / ".build").manifest.spec.tables["films"]
    assert (table.missing, table.default, table.cache_entries) == ("row", row, 7)
    assert table.physical == made.table.physical


def test_the_version_that_spark_built_goes_the_same_way(spark: Any, tmp_path: Path, client: Any) -> None:
    films = KNOWN
    folder = films.write(tmp_path, lines='dtype = "f16"\nmax_score_change = 0.5')
    local = films.build(folder, tmp_path / "local")
    recipe = Recipe.of(model.load(folder), folder, "films")
    out = str(tmp_path / "built")
    made = cluster.run(spark, recipe, str(tmp_path / "local-data"), out, progress=lambda what: None)
    assert made.table == local.table
    assert sorted(spark_kit.read_lines(tmp_path / "built")) == sorted(spark_kit.read_lines(tmp_path / "local"))
    for name in ("golden.msgpack", "table.json"):
        assert (tmp_path / "built" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()
    built = pipeline.build(folder, out=tmp_path / ".build")
    push.push(_staged(tmp_path, built), client=client)
    _assert_scores(films, built, client, bound=1.0)


@pytest.mark.parametrize("size", [10, 100, 10_000])
def test_a_sample_is_drawn_from_a_few_files_the_first_and_the_last_item_among_it(tmp_path: Path, size: int) -> None:
    films = FILMS_ASKED
    folder = films.write(tmp_path)
    films.build(folder, tmp_path / "built")
    whole = opened(str(tmp_path / "built"))
    (part,) = whole.record.parts
    many = msgspec.structs.replace(whole.record, parts=(*(part for _ in range(20)), EMPTY))
    items = BuiltItems(whole.table, replace(whole, record=many))
    numbers = list(items.sample(size))
    assert numbers == sorted(set(numbers))
    assert (numbers[0], numbers[-1]) == (0, len(items) - 1)
    assert size <= len(numbers) <= size + 3 * SAMPLED
    assert len({number // FILMS for number in numbers}) == SAMPLED
    assert list(BuiltItems(whole.table, whole).sample(10_000)) == list(range(FILMS))


def test_two_builds_are_told_apart_row_by_row(tmp_path: Path, client: Any) -> None:
    films = FILMS_ASKED
    folder = films.write(tmp_path, lines="page = 7")
    films.build(folder, tmp_path / "built")
    built = pipeline.build(folder, out=tmp_path / ".build")
    push.push(_staged(tmp_path, built), client=client)
    prices = films.data["price"].to_pylist()
    later = films.with_column("price", [prices[0] + 1, *prices[1:]]).slice(0, FILMS - 3)
    films.build(folder, tmp_path / "later", data=later)
    before = sides.of(_staged(tmp_path, built))
    assert diff.diff(before, sides.of(tmp_path / "built"), bar=_silent).same
    assert diff.diff(before, sides.Live(client, built.manifest.spec.tables["films"].physical), bar=_silent).same
    found = diff.diff(before, sides.of(tmp_path / "later"), bar=_silent)
    assert (found.old_rows, found.added, found.removed, found.changed) == (FILMS, 0, 3, 1)
    assert sorted(found.examples["removed"]) == sorted(map(str, films.data["movie_id"].to_pylist()[-3:]))


def _silent(name: str) -> Any:
    return lambda done, total: None
