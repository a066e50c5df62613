"""upsert: rows arrive, older ones never write over newer ones, and functions read them as any other row."""

from __future__ import annotations

import random
import re
import threading
import time
from pathlib import Path

import numpy as np
import onnx
import orjson
import pytest
from lifecycle_kit import Place, pinned, project, staged, tables, vectors
from onnx import TensorProto, helper, numpy_helper

from ranklet.errors import TableError
from ranklet.local.dynamodb import Faults, LocalDynamo
from ranklet.tables import files, get, push, upsert
from ranklet.tables.pin import Pinned
from ranklet.tables.source import Vectors
from ranklet_features.packing import pack, unpack
from ranklet_features.stores import open_store

DIM = 8


@pytest.fixture
def films(place: Place, tmp_path: Path) -> Pinned:
    """A version that is live: keys 0 … 19, int8."""
    one = pinned(given=Vectors(np.arange(20), vectors(20, DIM).values), dtype="int8")
    push.push(files.write_staged(one, tmp_path / "staged"), client=place.dynamodb)
    return one


def lines(path: Path, rows: dict[int, np.ndarray]) -> Path:
    path.write_bytes(b"".join(orjson.dumps({"key": key, "vector": row.tolist()}) + b"\n" for key, row in rows.items()))
    return path


def rounded(rows: np.ndarray) -> np.ndarray:
    return unpack(pack(rows, "int8"))


def test_new_and_changed_rows_arrive_and_functions_read_them(place: Place, films: Pinned, tmp_path: Path) -> None:
    fresh = vectors(3, DIM, seed=8).values
    rows = {40: fresh[0], 5: fresh[1], 7: fresh[2]}
    path = lines(tmp_path / "fresh.jsonl", rows)
    shown = place.tables("upsert", films.table.physical, "--from", str(path), "--revision", "3", "--json")
    assert shown.code == 0, shown.stderr
    wanted = {"physical": films.table.physical, "revision": 3, "rows": 3, "written": 3, "ignored": 0, "dry_run": False}
    assert shown.json == wanted
    store = open_store(films.table, tmp_path, place.aws.environ())
    read = store.rows([40, 5, 7, 6, 41], deadline=time.monotonic() + 60)
    store.close()
    assert np.array_equal(read.values[:3], rounded(fresh))
    assert np.array_equal(read.values[3], rounded(vectors(20, DIM).values)[6])
    assert read.status.tolist() == [0, 0, 0, 0, 1]
    again = place.tables("get", films.table.physical, "40", "6", "--json").json["rows"]
    assert [row["revision"] for row in again] == [3, None]


def test_only_a_newer_revision_writes_over_a_row(place: Place, films: Pinned, tmp_path: Path) -> None:
    first, second = vectors(2, DIM, seed=8).values, vectors(2, DIM, seed=9).values

    def run(rows: dict[int, np.ndarray], revision: int) -> tuple[int, int]:
        path = lines(tmp_path / "rows.jsonl", rows)
        done = place.tables(
            "upsert", films.table.physical, "--from", str(path), "--revision", str(revision), "--json"
        ).json
        return done["written"], done["ignored"]

    assert run({1: first[0], 2: first[1]}, 10) == (2, 0)
    assert run({1: second[0], 2: second[1]}, 10) == (0, 2)
    assert run({1: second[0], 2: second[1], 3: second[0]}, 9) == (1, 2)
    # As numbers, not as text: "9" is above "11" as text.
    assert run({1: second[0]}, 11) == (1, 0)
    found = {row.key: row for row in get.rows(place.dynamodb, films.table.physical, ["1", "2", "3"])}
    assert {key: row.revision for key, row in found.items()} == {"1": 11, "2": 10, "3": 9}
    values = np.array([found[key].vector for key in "123"], np.float32)
    assert np.array_equal(values, rounded(np.array([second[0], first[1], second[0]])))


def test_writers_who_overtake_each_other_leave_the_newest_row(tmp_path: Path) -> None:
    """Against our own server alone: moto's looks at a condition and writes in two steps, between which others write."""
    keys = np.arange(10, 40)
    order = list(range(6))
    random.Random(1).shuffle(order)
    with LocalDynamo() as local:
        client = Place("ours", local.endpoint).dynamodb
        films = pinned(given=Vectors(np.arange(20), vectors(20, DIM).values), dtype="int8")
        push.push(files.write_staged(films, tmp_path), client=client)

        def write(revision: int) -> None:
            packed = Vectors(keys, pack(np.full((len(keys), DIM), revision + 1, np.float32), "int8"))
            upsert.upsert(films.table, packed, revision, client=client, progress=push.silent)

        threads = [threading.Thread(target=write, args=(revision,)) for revision in order]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for row in get.rows(client, films.table.physical, [str(key) for key in keys]):
            assert row.revision == 5
            assert row.vector == pytest.approx([6.0] * DIM)


def test_throttles_lost_answers_and_resets_lose_no_row(tmp_path: Path) -> None:
    faults = Faults(seed=4, throttle=0.1, error=0.05, reset=0.05)
    with LocalDynamo() as local:
        place = Place("ours", local.endpoint)
        one = pinned(given=Vectors(np.arange(20), vectors(20, DIM).values))
        push.push(files.write_staged(one, tmp_path), client=place.dynamodb)
        local.faults = faults
        fresh = vectors(120, DIM, seed=5).values
        upsert.upsert(one.table, Vectors(np.arange(120), fresh), 1, client=place.dynamodb, progress=push.silent)
        local.faults = Faults()
        found = get.rows(place.dynamodb, one.table.physical, [str(key) for key in range(120)])
        assert np.array_equal(np.array([row.vector for row in found], np.float32), fresh)
        assert {row.revision for row in found} == {1}


def test_a_dry_run_writes_nothing(place: Place, films: Pinned, tmp_path: Path) -> None:
    path = lines(tmp_path / "fresh.jsonl", {99: vectors(1, DIM).values[0]})
    words = ("upsert", films.table.physical, "--from", str(path), "--revision", "3", "--dry-run")
    assert place.tables(*words, "--json").json["rows"] == 1
    assert place.tables("get", films.table.physical, "99").code == 1


def test_rows_from_arrays_and_columns(place: Place, films: Pinned, tmp_path: Path) -> None:
    fresh = vectors(2, DIM, seed=6).values
    np.save(tmp_path / "v.npy", fresh)
    (tmp_path / "k.txt").write_text("60\n61\n")
    (tmp_path / "rows.csv").write_text(
        "id," + ",".join(f"v{number}" for number in range(DIM)) + "\n" + "62," + ",".join(map(str, fresh[0])) + "\n"
    )
    name = films.table.physical
    words = ("upsert", name, "--revision", "1")
    assert place.tables(*words, "--from", str(tmp_path / "v.npy"), "--keys", str(tmp_path / "k.txt")).code == 0
    columns = ("--key-column", "id", "--vector-columns", "v*")
    assert place.tables(*words, "--from", str(tmp_path / "rows.csv"), *columns).code == 0
    found = get.rows(place.dynamodb, name, ["60", "61", "62"])
    assert np.array_equal(
        np.array([row.vector for row in found], np.float32), rounded(np.array([fresh[0], fresh[1], fresh[0]]))
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"key": 1, "vector": [1, 2]}\n', "2 numbers a row"),
        ('{"key": "one", "vector": [1, 2, 3, 4, 5, 6, 7, 8]}\n', "needs integers"),
        ('{"key": 1, "vector": [1, 2, 3, 4, 5, 6, 7, null]}\n', "no number"),
        ('{"key": 1, "vector": [1, 2, 3, 4, 5, 6, 7, 1e999]}\n', "no JSON|infinity|beyond float32"),
        ('{"key": 1, "vector": [1, 2, 3, 4, 5, 6, 7, 8]}\n' * 2, "more than one row"),
        ("", "no row"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_none_is_written(
    place: Place, films: Pinned, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "rows.jsonl").write_text(text)
    shown = place.tables(
        "upsert", films.table.physical, "--from", str(tmp_path / "rows.jsonl"), "--revision", "1", "--json"
    )
    assert shown.code == 7
    assert re.search(said, shown.stderr)
    assert get.rows(place.dynamodb, films.table.physical, ["1"])[0].revision is None


def test_pages_are_refused(place: Place, tmp_path: Path) -> None:
    one = pinned(page=8)
    push.push(files.write_staged(one, tmp_path), client=place.dynamodb)
    path = lines(tmp_path / "rows.jsonl", {1: vectors(1).values[0]})
    shown = place.tables("upsert", one.table.physical, "--from", str(path), "--revision", "1")
    assert shown.code == 7
    assert "cannot be guarded row by row" in shown.stderr


def test_a_version_that_is_not_whole_is_refused(place: Place, tmp_path: Path) -> None:
    folder = staged(tmp_path)

    def stop(rows: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push.push(folder, client=place.dynamodb, progress=stop)
    path = lines(tmp_path / "rows.jsonl", {1: vectors(1).values[0]})
    shown = place.tables("upsert", folder.name, "--from", str(path), "--revision", "1")
    assert shown.code == 7
    assert "absent or not whole" in shown.stderr
    table = files.read_table(folder)
    with pytest.raises(TableError, match="absent or not whole"):
        upsert.upsert(table, Vectors(np.arange(1), vectors(1).values), 1, client=place.dynamodb, progress=push.silent)


@pytest.mark.parametrize("words", [("--revision", "-1"), ("--revision", "x"), ()])
def test_a_revision_is_needed(tmp_path: Path, words: tuple[str, ...]) -> None:
    path = lines(tmp_path / "rows.jsonl", {})
    assert tables("upsert", "ranklet-films-0123456789ab", "--from", str(path), *words).code == 2


def test_an_unknown_kind_of_row_is_told_by_the_models_own_file(
    place: Place, films: Pinned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MODEL/TABLE: the version that the bundle pins, the columns that model.toml names."""
    columns = '[tables.films]\nsource = "films.csv"\nkey_column = "id"\nvector_columns = ["v*"]\n'
    project(tmp_path, films, toml=columns)
    row = vectors(1, DIM, seed=6).values[0]
    (tmp_path / "fresh.csv").write_text(
        "id," + ",".join(f"v{number}" for number in range(DIM)) + "\n77," + ",".join(map(str, row)) + "\n"
    )
    monkeypatch.chdir(tmp_path)
    shown = place.tables("upsert", "movies/films", "--from", "fresh.csv", "--revision", "1", "--json")
    assert shown.code == 0, shown.stderr
    assert shown.json["physical"] == films.table.physical
    shown = place.tables("get", "movies/films", "77", "--json")
    assert np.array_equal(np.array(shown.json["rows"][0]["vector"], np.float32), rounded(row[None])[0])


def test_rows_of_fresh_items_are_computed_by_the_models_own_tower(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MODEL/TABLE of a table with a tower: the file is a catalogue."""
    weights = np.array([[1, -2, 0.5]], np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["cost", "weights"], ["vector"])],
        "tower",
        [helper.make_tensor_value_info("cost", TensorProto.FLOAT, ["n", 1])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(weights, "weights")],
    )
    one = pinned(given=Vectors(np.arange(4), np.ones((4, 3), np.float32)))
    toml = """
[tables.films]
tower = "tower.onnx"
catalogue = "films.csv"
key_column = "movie_id"
tower_inputs = { cost = "age" }
"""
    model = project(tmp_path, one, toml=toml)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model / "tower.onnx")
    (tmp_path / "fresh.csv").write_text("movie_id,age\n70,3\n71,-1.5\n")
    monkeypatch.chdir(tmp_path)
    assert place.tables("push", "movies").code == 0
    shown = place.tables("upsert", "movies/films", "--from", "fresh.csv", "--revision", "1", "--json")
    assert shown.code == 0, shown.stderr
    found = get.rows(place.dynamodb, one.table.physical, ["70", "71"])
    assert [row.vector for row in found] == [(3.0, -6.0, 1.5), (-1.5, 3.0, -0.75)]
