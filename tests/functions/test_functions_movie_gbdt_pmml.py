"""movie-gbdt-pmml: the function is the PMML file, the file is the pipeline that the trainer scored."""

from __future__ import annotations

import csv
import datetime
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import onnxruntime
import pytest

from ranklet import draft, golden, importers, model, pipeline
from ranklet.demo import training
from ranklet.demo.movielens import MovieLens
from ranklet.importers.proposal import Proposal, Wishes
from ranklet_features.spec import Feature

PMML = "{http://www.dmg.org/PMML-4_4}"
WISHES = Wishes(options={"output": "probability(1)"})
Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "functions" / "movie-gbdt-pmml"


@pytest.fixture(scope="module")
def described(folder: Path) -> model.Model:
    return model.load(folder)


@pytest.fixture(scope="module")
def proposal(folder: Path) -> Proposal:
    return importers.propose("pmml", folder / "export" / "model.pmml", WISHES)


@pytest.fixture(scope="module")
def facts(folder: Path) -> dict[int, dict[str, np.float32]]:
    """Film → its facts, of 32 bits as a table holds them."""
    with (folder / "export" / "films.csv").open(encoding="utf-8", newline="") as file:
        rows = [{name: np.float32(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    return {int(row.pop("movie_id")): row for row in rows}


@pytest.fixture(scope="module")
def asked(folder: Path, facts) -> list[tuple[list[Row], tuple[float, ...]]]:
    """Each golden request as rows of the PMML's fields, None for a missing one, and the trainer's scores."""
    names = next(iter(facts.values()))
    mean = {name: np.float32(np.mean([row[name] for row in facts.values()], dtype=np.float64)) for name in names}
    found = []
    for one in golden.read(folder / "golden.jsonl"):
        given = {"age": None, "gender": None, "occupation": None, **one.user, **one.context}
        found.append(([{**given, **facts.get(film, mean)} for film in one.items["movie_id"]], one.scores))
    return found


def test_every_film_of_the_catalogue_has_a_row(facts, films: MovieLens) -> None:
    assert sorted(facts) == sorted(films.items)
    for number, film in films.items.items():
        genres = {name.removeprefix("genre_") for name, value in facts[number].items() if "genre_" in name and value}
        assert genres <= set(film.genres)
        assert film.year is None or facts[number]["year"] == film.year


def test_model_toml_is_the_import_with_a_table_for_the_films_numbers(described, proposal: Proposal) -> None:
    features = dict(proposal.features)
    assert features.pop("numbers")["of"] == list(described.tables["films"].vector_columns)
    assert {name: dict(_flat(described.features[name])) for name in features} == features
    assert set(described.features) == {"numbers", *features}


def _flat(feature: Feature) -> dict[str, Any]:
    return {"kind": feature.kind, "of": list(feature.of), **feature.options}


def test_the_graph_is_what_the_import_makes_of_the_file(folder: Path, proposal: Proposal) -> None:
    ours = onnxruntime.InferenceSession(folder / "export" / "model.onnx")
    fresh = onnxruntime.InferenceSession(proposal.files["export/model.onnx"])
    rng = np.random.default_rng(0)
    feeds = {
        one.name: rng.integers(0, 20, 300) if "int" in one.type else rng.uniform(-1, 9, (300, *one.shape[1:]))
        for one in ours.get_inputs()
    }
    for one, other in zip(ours.run(None, feeds), fresh.run(None, feeds), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_files_trees_give_the_golden_scores(folder: Path, asked) -> None:
    """Walked here in plain Python, by neither XGBoost, JPMML nor our compiler."""
    root = ElementTree.parse(folder / "export" / "model.pmml").getroot()
    trees = [_compact(tree.find(f"{PMML}Node")) for tree in root.iter(f"{PMML}TreeModel")]
    begin = float(next(root.iter(f"{PMML}Target")).attrib["rescaleConstant"])
    for rows, scores in asked:
        for row, score in list(zip(rows, scores, strict=True))[:5]:
            fields = _prepared(row)
            logit = begin + math.fsum(_walk(tree, fields) for tree in trees)
            assert score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-6)


def _compact(node: Any) -> tuple[float, str, str, Any, list[Any]]:
    test = node.find(f"{PMML}SimplePredicate")
    field, operator, value = (
        ("", "", "") if test is None else (test.get("field"), test.get("operator"), test.get("value"))
    )
    wanted = value if field in ("gender", "occupation") else np.float32(value or 0)
    return float(node.attrib["score"]), field, operator, wanted, [_compact(one) for one in node.findall(f"{PMML}Node")]


def _walk(node: Any, fields: Row) -> float:
    """noTrueChildStrategy = "returnLastPrediction"; a predicate of a missing value is not true."""
    for child in node[4]:
        if _true(fields[child[1]] if child[1] else 0, *child[2:4]):
            return _walk(child, fields)
    return float(node[0])


def _true(value: Any, operator: str, wanted: Any) -> bool:
    if operator == "" or value is None:
        return operator == ""
    if operator == "lessThan":
        return bool(value < wanted)
    if operator == "greaterOrEqual":
        return bool(value >= wanted)
    assert operator in ("equal", "notEqual")
    return bool((value == wanted) == (operator == "equal"))


def _prepared(row: Row) -> dict[str, Any]:
    """The fields as the file's schema prepares them, and its derived ones, by names of their own in the file."""
    fields = dict(row)
    fields["age"] = np.float32(row["age"]) if row["age"] is not None and 1 <= row["age"] <= 100 else None
    fields["gender"] = row["gender"] if row["gender"] in ("F", "M") else "unknown"
    when = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=row["timestamp"])
    derived = {"age": fields["age"], "hour": np.float32(when.hour), "weekday": np.float32(when.weekday())}
    fields["occupation"] = row["occupation"] if row["occupation"] in JOBS else "unknown"
    return {**fields, **derived, **{f"float({name})": value for name, value in derived.items()}}


JOBS = (
    *("administrator", "artist", "doctor", "educator", "engineer", "entertainment", "executive", "healthcare"),
    *("homemaker", "lawyer", "librarian", "marketing", "none", "other", "programmer", "retired", "salesman"),
    *("scientist", "student", "technician", "writer"),
)


def test_whoever_imports_the_file_has_the_trainers_rows_for_proof(folder: Path, tmp_path: Path) -> None:
    made = draft.draft(folder / "export" / "model.pmml", tmp_path / "functions" / "trees", wishes=WISHES)
    rows = golden.read(made.folder / "golden.jsonl")
    assert sum(len(row.scores) for row in rows) >= 50
    built = pipeline.build(made.folder, out=tmp_path / "build")
    assert max(built.certificate.paths.values()) <= 1e-6


def test_the_file_tells_neither_when_nor_where_it_was_made(folder: Path) -> None:
    text = (folder / "export" / "model.pmml").read_text(encoding="utf-8")
    assert "Timestamp>" not in text
    assert not {"/tmp", "/home", "/root"} & set(text.split('"'))


@pytest.mark.oracle
def test_jpmml_gives_the_golden_scores(folder: Path, asked) -> None:
    evaluators = pytest.importorskip("jpmml_evaluator", reason="JPMML's evaluator is asked where it is installed")
    evaluator = evaluators.make_evaluator(str(folder / "export" / "model.pmml")).verify()
    for rows, scores in asked:
        for row, score in list(zip(rows, scores, strict=True))[:40]:
            given = {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
            assert evaluator.evaluate(given)["probability(1)"] == pytest.approx(score, abs=1e-6)


def test_help_shows_how_it_is_called(folder: Path) -> None:
    pytest.importorskip("sklearn2pmml", reason="training needs sklearn2pmml")
    done = subprocess.run([sys.executable, folder / "train.py", "--help"], capture_output=True, text=True, check=True)
    assert "python functions/movie-gbdt-pmml/train.py --out elsewhere" in done.stdout


@pytest.mark.slow
def test_training_again_gives_the_checked_in_files_and_figures(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn2pmml", reason="training needs sklearn2pmml")
    subprocess.run([sys.executable, folder / "train.py", "--out", tmp_path], check=True, timeout=1800)
    assert training.read_figures(folder / "README.md") == training.read_figures(tmp_path / "README.md")
    for name in ("golden.jsonl", "export/films.csv", "export/model.pmml"):
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes()
