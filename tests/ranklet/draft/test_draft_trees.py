"""From a file of XGBoost or LightGBM to a folder that builds, with golden scores of the library where it is there."""

from __future__ import annotations

import importlib
import sys
import zipfile
from pathlib import Path

import numpy as np
import orjson
import pytest

from ranklet import draft, importers, pipeline

ARCHIVES = Path(__file__).parents[1] / "importers" / "trees"
MODELS = [
    ("xgboost", "binary:logistic", "json"),
    ("xgboost", "categories in sets", "ubj"),
    ("xgboost", "stopped, scikit-learn", "ubj"),
    ("lightgbm", "zero as missing, categories", "txt"),
]


def saved(library: str, name: str, ending: str, folder: Path) -> Path:
    with zipfile.ZipFile(ARCHIVES / f"{library}.zip") as archive:
        content = archive.read(f"{name}/model.{ending}")
    (folder / "trained").mkdir()
    path = folder / "trained" / f"ranker.{ending}"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("library", "name", "ending"), MODELS)
def test_what_it_writes_of_trees_builds(
    library: str, name: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the library is not installed, which the notes tell."""

    monkeypatch.setitem(sys.modules, library, None)
    path, folder = saved(library, name, ending, tmp_path), tmp_path / "functions" / "ranker"
    made = draft.draft(path, folder)
    assert made.format == library
    assert (folder / "export" / path.name).read_bytes() == path.read_bytes()
    assert any("library is not installed" in note for note in made.notes)
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows == made.golden == 6
    assert max(built.certificate.paths.values()) <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(("library", "name", "ending"), MODELS)
def test_golden_scores_are_the_librarys_where_it_is_installed(
    library: str, name: str, ending: str, tmp_path: Path
) -> None:
    pytest.importorskip(library)
    path, folder = saved(library, name, ending, tmp_path), tmp_path / "functions" / "ranker"
    made = draft.draft(path, folder)
    assert f"the golden scores are those of {library} {importlib.import_module(library).__version__}" in made.notes[-1]
    oracle = importlib.import_module(importers.ORACLES[library]).Own(path)
    for line in (folder / "golden.jsonl").read_bytes().splitlines():
        row = orjson.loads(line)
        features = np.array(row["request"]["items"]["features"], np.float32)
        np.testing.assert_allclose(row["scores"], oracle.predict(features), rtol=1e-6, atol=1e-7)
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert max(built.certificate.paths.values()) <= 1e-5
