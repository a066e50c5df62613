"""A build that is not whole, not this model's or not this training run's is refused by name, and nothing is pinned."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from built_kit import Films

from ranklet import model, pipeline
from ranklet.errors import ModelError, TableError
from ranklet.tables.built import pinning, wanted
from ranklet.tables.built.items import BuiltItems
from ranklet.tables.built.opened import opened
from ranklet.tables.spark.recipe import Recipe

FILMS = Films.drawn()


def _built(tmp_path: Path, lines: str = "") -> Path:
    folder = FILMS.write(tmp_path, lines=lines)
    FILMS.build(folder, tmp_path / "built")
    return folder


def _edit(folder: Path, old: str, new: str) -> None:
    text = (folder / "model.toml").read_text()
    assert old in text
    (folder / "model.toml").write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('key_column = "movie_id"', 'dtype = "int8"', "dtype 'f32' for 'int8'"),
        ('key_column = "movie_id"', "page = 8", "page 1 for 8"),
        ('table = "films"', 'table = "movies"', "name 'films' for 'movies'"),
        ("../../built", "../../gone", "cannot read .*gone.*is the build there"),
        ("../../built", "ftp://built", "a folder, or s3://bucket/prefix"),
        ('missing = "mean"', 'missing = "row"\ndefault = [1.0, 2.0]', "policy `row` needs `default` with 6 numbers"),
    ],
)
def test_a_build_of_another_form_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    folder = _built(tmp_path)
    _edit(folder, old, new)
    if "movies" in new:
        _edit(folder, "[tables.films", "[tables.movies")
    with pytest.raises(TableError, match=said):
        pipeline.build(folder, out=tmp_path / ".build")
    assert not (tmp_path / ".build" / "tables").exists()


def _another_graph(folder: Path) -> None:
    graph = (folder / "tower.onnx").read_bytes()
    weight = np.float32(np.load(folder / "users.npy")[0, 0])  # any other number
    place = graph.index(b"second") - 400
    (folder / "tower.onnx").write_bytes(graph[:place] + weight.tobytes() + graph[place + 4 :])


def _another_vocabulary(folder: Path) -> None:
    path = folder / "export" / "genres.json"
    path.write_text(json.dumps(json.loads(path.read_text())[::-1]))


RUNS: dict[str, Callable[[Path], None]] = {
    "weights": _another_graph,
    "vocabulary": _another_vocabulary,
    "scaling": lambda folder: _edit(folder, "std = 2.0", "std = 2.5"),
    "default": lambda folder: _edit(folder, "default = 1990", "default = 1991"),
}


@pytest.mark.parametrize("change", RUNS)
def test_a_build_of_another_training_run_is_refused(tmp_path: Path, change: str) -> None:
    folder = _built(tmp_path)
    RUNS[change](folder)
    with pytest.raises(TableError, match=r"built by another training run of films.*`ranklet tables build films films`"):
        pipeline.build(folder, out=tmp_path / ".build")


def test_what_does_not_change_the_rows_does_not_change_the_training_run(tmp_path: Path) -> None:
    folder = _built(tmp_path)
    before = Recipe.of(model.load(folder), folder, "films").training()
    _edit(folder, 'name = "films"', 'name = "films"\nversion = 9\ndescription = "anew"')
    _edit(folder, 'missing = "mean"', 'missing = "mean"\nunavailable = "error"\ncache_entries = 5')
    _edit(folder, "[features]", '[features]\nunused = { kind = "category", of = "user_id", size = 5 }')
    assert Recipe.of(model.load(folder), folder, "films").training() == before
    assert pipeline.build(folder, out=tmp_path / ".build").manifest.spec.tables["films"].unavailable == "error"


def test_a_build_needs_no_tower_in_the_model_that_pins_it(tmp_path: Path) -> None:
    folder = _built(tmp_path)
    _edit(folder, 'tower = "tower.onnx"\n', "")
    assert pipeline.build(folder, out=tmp_path / ".build").certificate.rows == len(FILMS.asked)


def _part(built: Path, number: int = 0) -> Path:
    return sorted((built / "items").iterdir())[number]


def _truncated(built: Path) -> None:
    _part(built).write_bytes(_part(built).read_bytes()[:-9])


def _edited_record(built: Path) -> None:
    fields = json.loads((built / "build.json").read_bytes())
    fields["parts"][0]["rows"] -= 1
    (built / "build.json").write_text(json.dumps(fields))


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "killed": (lambda built: (built / "table.json").unlink(), "cannot read .*table.json"),
    "no record": (lambda built: (built / "build.json").unlink(), "cannot read .*build.json"),
    "record of nothing": (lambda built: (built / "build.json").write_text("{}"), "build.json cannot be read"),
    "another record": (_edited_record, "are not of one build"),
    "a file lost": (lambda built: _part(built).unlink(), r"part-00000\.json\.gz is absent, \d+ were written"),
    "a file cut": (_truncated, r"part-00000\.json\.gz has \d+ bytes, \d+ were written"),
    "a file more": (
        lambda built: (built / "items" / "x.gz").write_bytes(b"x"),
        "x.gz has 1 bytes, no file of",
    ),
    "no description": (lambda built: (built / "table.json").write_text("[]"), "describes no table"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_build_that_is_not_whole_is_refused(tmp_path: Path, fault: str) -> None:
    folder = _built(tmp_path)
    spoil, said = BROKEN[fault]
    spoil(tmp_path / "built")
    with pytest.raises(TableError, match=said):
        pipeline.build(folder, out=tmp_path / ".build")


def test_a_file_whose_bytes_were_changed_is_found_before_a_row_of_it_is_given(tmp_path: Path) -> None:
    folder = _built(tmp_path)
    path = _part(tmp_path / "built")
    before = path.read_bytes()
    build = opened(str(tmp_path / "built"))
    for place in (len(before) // 2, len(before) - 6):
        path.write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
        with pytest.raises(TableError, match=r"part-00000\.json\.gz is not the file that was built"):
            list(BuiltItems(build.table, build).pairs(0, 1))
    with pytest.raises(TableError):
        pipeline.build(folder, out=tmp_path / ".build")


def test_a_file_with_more_or_fewer_lines_is_found_out(tmp_path: Path) -> None:
    _built(tmp_path)
    build = opened(str(tmp_path / "built"))
    path = _part(tmp_path / "built")
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    for spoilt, said in (([*lines, lines[0]], "more than 1300 items"), (lines[:-1], "1299 rows of another digest")):
        path.write_bytes(gzip.compress(b"".join(spoilt)))
        with pytest.raises(TableError, match=said):
            BuiltItems(build.table, build).check()


def test_files_of_another_build_of_the_same_sizes_are_found_out(tmp_path: Path) -> None:
    """Rows swapped between keys: the same bytes, another table."""
    _built(tmp_path)
    build = opened(str(tmp_path / "built"))
    path = _part(tmp_path / "built")
    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    heads, tails = zip(*(line.split(b'"v"') for line in lines[:2]), strict=True)
    lines[0], lines[1] = b'"v"'.join([heads[0], tails[1]]), b'"v"'.join([heads[1], tails[0]])
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    with pytest.raises(TableError, match=r"part-00000\.json\.gz is not the file that was built"):
        BuiltItems(build.table, build).check()


def test_a_bundle_of_another_version_is_told_to_be_built_again(tmp_path: Path) -> None:
    folder = _built(tmp_path)
    table = pipeline.build(folder, out=tmp_path / ".build").manifest.spec.tables["films"]
    data = FILMS.data.slice(0, 900)
    FILMS.build(folder, tmp_path / "other", data=data)
    with pytest.raises(TableError, match=f"holds ranklet-films-.*, the bundle pins {table.physical}"):
        BuiltItems(table, opened(str(tmp_path / "other")))


def test_the_keys_that_golden_requests_read_are_those_of_the_features(tmp_path: Path) -> None:
    folder = FILMS.write(tmp_path)
    described = model.load(folder)
    asked = {key for _, candidates in FILMS.asked for key in candidates}
    assert wanted.of(described, folder, "films") == tuple(sorted(asked))
    assert wanted.of(described, folder, "users") == tuple(sorted({user for user, _ in FILMS.asked}))
    (folder / "golden.jsonl").write_text(
        '{"request": {"items": {"movie_id": ["x"]}, "user": {"user_id": 1}}, "scores": [1]}'
    )
    with pytest.raises(ModelError, match=r"golden\.jsonl:1: "):
        wanted.of(described, folder, "films")
    (folder / "golden.jsonl").unlink()
    assert wanted.of(described, folder, "films") == ()


def test_where_a_build_lies_is_seen_from_the_models_folder(tmp_path: Path) -> None:
    assert pinning.where(tmp_path / "functions" / "films", "../../built") == str((tmp_path / "built").resolve())
    assert pinning.where(tmp_path, "s3://bucket/tables/films") == "s3://bucket/tables/films"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('catalogue = "c.parquet"', "exactly one of these"),
        ('placement = "resident"', "built elsewhere is for DynamoDB"),
    ],
)
def test_a_model_that_says_two_things_is_refused(tmp_path: Path, line: str, said: str) -> None:
    folder = FILMS.write(tmp_path, lines=line)
    with pytest.raises(ModelError, match=said):
        model.load(folder)
