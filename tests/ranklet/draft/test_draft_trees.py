"""From a file of XGBoost or LightGBM to a folder that builds, without the library."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from ranklet import draft, pipeline

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
