"""Stored models of one version of scikit-learn: their drafts, and what the installed version makes of them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import sklearn_kit as kit

from ranklet import importers, model
from ranklet.errors import ImportRefused
from ranklet.importers.proposal import Wishes
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_runtime.engines.ort import open_session

ARCHIVE = Path(__file__).parent / "sklearn.zip"


def names(file: str = "answers.json") -> list[str]:
    """Of the models that have this file."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        return sorted(name.split("/")[0] for name in archive.namelist() if name.endswith(f"/{file}"))


def stored(name: str, file: str) -> Any:
    """The content of a JSON file."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        return orjson.loads(archive.read(f"{name}/{file}.json"))


def version() -> str:
    """Of scikit-learn, that they are from."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        return archive.read("version.txt").decode()


def unpack(name: str, folder: Path) -> Path:
    """A model's files, in folder/ranker those of its draft."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        for member in archive.namelist():
            if member.startswith(f"{name}/"):
                target = folder / member.removeprefix(f"{name}/").replace("draft/", "ranker/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(member))
    return folder / "model.skops"


@pytest.mark.parametrize("name", names())
def test_drafts_score_as_scikit_learn_did(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path).parent / "ranker"
    drafted = model.load(folder)
    plan = FeaturePlan.compile(FeatureSpec(drafted.inputs, drafted.features), folder, {})
    session = open_session((folder / drafted.steps[0].source).read_bytes(), threads=1)
    tensors = plan.assemble_columns(stored(name, "rows")).tensors
    (found,) = session.run(None, {one.name: tensors[one.name] for one in session.get_inputs()})
    np.testing.assert_allclose(found, np.array(stored(name, "answers"), np.float64), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", names("model.skops"))
def test_the_installed_version_scores_them_alike_or_does_not_read_them(name: str, tmp_path: Path) -> None:
    import sklearn

    path = unpack(name, tmp_path)
    try:
        proposal = importers.propose("sklearn", path, Wishes(options=stored(name, "options")))
    except ImportRefused as error:
        # scipy's own modules, of which some estimators hold objects, move between its versions.
        if sklearn.__version__ == version() and "No module named 'scipy." not in str(error):
            raise
        pytest.skip(f"scikit-learn {sklearn.__version__} does not take a model of {version()}: {error}")
    found = kit.scores(proposal, stored(name, "rows"), tmp_path / "now")
    np.testing.assert_allclose(found, np.array(stored(name, "answers"), np.float64), rtol=1e-6, atol=1e-9)
