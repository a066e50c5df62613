"""movie-ftrl: the exported arrays are the model that the trainer scored, and training again finds the same."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ranklet import golden, model
from ranklet.demo import training
from ranklet_features import FeaturePlan, FeatureSpec


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "functions" / "movie-ftrl"


@pytest.fixture(scope="module")
def plan(folder: Path) -> FeaturePlan:
    described = model.load(folder)
    return FeaturePlan.compile(FeatureSpec(described.inputs, described.features), folder, {})


def test_every_id_has_a_weight(folder: Path, plan: FeaturePlan) -> None:
    arrays = np.load(folder / "export" / "weights.npz")
    assert {name: array.shape for name, array in arrays.items()} == {
        "bias": (1,),
        **{f"w.{name}": (plan.ids[name],) for name in plan.signature},
    }
    assert {array.dtype.str for array in arrays.values()} == {"<f4"}
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_the_exported_arrays_give_the_golden_scores(folder: Path, plan: FeaturePlan) -> None:
    """Summed in plain Python, so that neither the trainer's code nor the engine's checks itself."""
    arrays = {name: array.tolist() for name, array in np.load(folder / "export" / "weights.npz").items()}
    for row in golden.read(folder / "golden.jsonl"):
        frame = training.columns({"user": row.user, "context": row.context, "items": row.items})
        tensors = {name: tensor.tolist() for name, tensor in plan.assemble_columns(frame).tensors.items()}
        for place, score in enumerate(row.scores):
            logit = arrays["bias"][0]
            for name, tensor in tensors.items():
                ids = tensor[place] if isinstance(tensor[place], list) else [tensor[place]]
                logit += math.fsum(arrays[f"w.{name}"][found] for found in ids if found >= 0)
            assert score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-6)


def test_what_was_never_seen_adds_nothing(plan: FeaturePlan) -> None:
    stranger = {"user_id": 10**7, "gender": "X", "occupation": "astronaut"}
    tensors = plan.assemble(stranger, {"timestamp": 0}, {"movie_id": [10**7], "genres": [["Telenovela"]]}).tensors
    for name in (
        "user",
        "movie",
        "sex",
        "job",
        "genre",
        "sex_genre",
        "job_genre",
        "user_genre",
        "sex_movie",
        "age_movie",
    ):
        assert tensors[name].ravel().tolist() == [-1], name


def test_help_shows_how_it_is_called(folder: Path) -> None:
    done = subprocess.run([sys.executable, folder / "train.py", "--help"], capture_output=True, text=True, check=True)
    assert "python functions/movie-ftrl/train.py --out elsewhere" in done.stdout


@pytest.mark.slow
def test_training_again_gives_the_checked_in_files_and_figures(folder: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, folder / "train.py", "--out", tmp_path], check=True, timeout=900)
    ours, again = (training.read_figures(at / "README.md") for at in (folder, tmp_path))
    assert ours.keys() == again.keys()
    for what in ours:
        if "AUC" in what:
            assert float(again[what]) == pytest.approx(float(ours[what]), abs=0.002)
    for first, second in zip(*(golden.read(at / "golden.jsonl") for at in (folder, tmp_path)), strict=True):
        assert first.items == second.items
        assert first.scores == pytest.approx(second.scores, abs=1e-6)
