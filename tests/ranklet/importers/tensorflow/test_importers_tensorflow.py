"""What was drafted of SavedModels, against TensorFlow's stored scores; what is refused without asking it."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import orjson
import pytest

from ranklet import importers, model, pipeline
from ranklet.errors import ImportRefused
from ranklet.importers import tensorflow
from ranklet.importers.proposal import NO_WISHES, Wishes
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_runtime.engines.ort import open_session

ARCHIVE = Path(__file__).parent / "tensorflow.zip"


def names() -> list[str]:
    with zipfile.ZipFile(ARCHIVE) as archive:
        return sorted({name.split("/")[0] for name in archive.namelist()})


def unpack(name: str, folder: Path, part: str) -> Path:
    """The part of a stored model in folder/ranker."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        for member in archive.namelist():
            if member.startswith(f"{name}/{part}/"):
                target = folder / "ranker" / member.removeprefix(f"{name}/{part}/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(member))
    return folder / "ranker"


def stored(name: str, file: str) -> object:
    with zipfile.ZipFile(ARCHIVE) as archive:
        return orjson.loads(archive.read(f"{name}/{file}.json"))


@pytest.mark.parametrize("name", names())
def test_drafts_score_as_tensorflow_does(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path, "draft")
    drafted = model.load(folder)
    plan = FeaturePlan.compile(FeatureSpec(drafted.inputs, drafted.features), folder, {})
    (step,) = drafted.steps
    session = open_session((folder / step.source).read_bytes(), threads=1)
    tensors = plan.assemble_columns(stored(name, "rows")).tensors
    feeds = {one.name: tensors[one.name] for one in session.get_inputs()}
    (found,) = session.run(None, feeds)
    np.testing.assert_allclose(found.reshape(-1), stored(name, "answers"), rtol=1e-5, atol=1e-5)


def test_a_draft_builds(tmp_path: Path) -> None:
    folder = unpack("wide_and_deep", tmp_path, "draft")
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows > 0


def test_a_folder_with_a_saved_model_is_recognised(tmp_path: Path) -> None:
    assert importers.recognise(unpack("module", tmp_path, "saved")) == "tensorflow"
    assert not tensorflow.recognises(tmp_path, b"")


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="-o output is not known: this format takes score, signature"):
        tensorflow.propose(unpack("module", tmp_path, "saved"), Wishes(options={"output": "score"}))


def test_without_tensorflow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportRefused, match=r"pip install 'ranklet\[tensorflow\]'"):
        tensorflow.propose(unpack("module", tmp_path, "saved"), NO_WISHES)
