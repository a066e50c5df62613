"""The models as they are checked in: what a newcomer, the build and the law need to find."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ranklet import golden, model
from ranklet.demo import invented, regulars, training
from ranklet.demo.movielens import MovieLens
from ranklet_features import FeaturePlan, FeatureSpec

MODELS = ("movie-deepfm", "movie-din", "movie-ftrl", "movie-gbdt-pmml", "movie-two-tower")
MEGABYTE = 1_000_000


@pytest.fixture(params=MODELS)
def folder(request, root: Path) -> Path:
    return root / "functions" / request.param


def test_model_toml_loads_and_its_features_compile(folder: Path) -> None:
    described = model.load(folder)
    online = {name: feature for name, feature in described.features.items() if feature.kind != "embedding"}
    plan = FeaturePlan.compile(FeatureSpec(described.inputs, online), folder, {})
    assert set(online) <= set(plan.signature)
    assert {side for _, _, side in plan.signature.values()} >= {"user", "context"}


def test_only_the_film_and_the_time_are_required(folder: Path) -> None:
    inputs = model.load(folder).inputs
    assert {name for name, declared in inputs.items() if declared.default is None} == {"movie_id", "timestamp"}


def test_golden_rows_are_many_small_and_of_every_size(folder: Path) -> None:
    rows = golden.read(folder / "golden.jsonl")
    sizes = [len(row.scores) for row in rows]
    assert len(rows) >= 50
    assert min(sizes) == 1
    assert max(sizes) >= 300
    assert (folder / "golden.jsonl").stat().st_size < 400_000
    assert all(0 < score < 1 for row in rows for score in row.scores)


def test_golden_rows_cover_the_odd_cases(folder: Path, films: MovieLens) -> None:
    rows = golden.read(folder / "golden.jsonl")
    jobs = {user.occupation for user in films.users.values()}
    assert any(row.user == {} for row in rows)
    assert any(row.user.get("occupation", "other") not in jobs for row in rows)
    assert any(row.user.get("age") == 0 for row in rows)
    assert any(set(row.items["movie_id"]) - set(films.items) for row in rows)
    assert any(row.context["timestamp"] < 0 for row in rows)
    declared = model.load(folder).inputs
    if "history" in declared:
        lengths = {len(row.user.get("history", [])) for row in rows}
        assert {0, 1, 30, 31, 400} <= lengths
    if "genres" in declared:
        assert any([] in row.items.get("genres", []) for row in rows)
        assert any(None in row.items.get("year", []) for row in rows)


def test_golden_people_are_invented(folder: Path, films: MovieLens) -> None:
    """The requests are those of the seeded generators, which read films and never a rating."""
    seed = int(re.search(r"^SEED = ([\d_]+)", (folder / "train.py").read_text(encoding="utf-8"), re.M)[1])
    described = model.load(folder)
    expected = [invented.declared(request, described.inputs) for request in invented.requests(films, seed=seed)]
    if any(step.stored for step in described.steps):
        expected += regulars.requests(films, regulars.regulars(films, seed=seed), seed=seed)
    found = [
        {"user": row.user, "context": row.context, "items": row.items} for row in golden.read(folder / "golden.jsonl")
    ]
    assert found == expected


def test_artefacts_are_lean(folder: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in (folder / "export").iterdir()}
    assert sizes
    assert max(sizes.values()) < 3 * MEGABYTE


def test_readme_states_the_terms_and_figures_above_the_baseline(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "never in this repository" in text
    figures = training.read_figures(folder / "README.md")
    for part, learned in (("validation", "80"), ("test", "90")):
        ours = float(figures[f"{part} AUC (learned from the first {learned} %)"])
        assert ours > float(figures[f"{part} AUC of film popularity"])
