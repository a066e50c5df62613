"""What was drafted of SavedModels, against TensorFlow's stored scores; what is refused without asking it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from stored_kit import Stored, scores

from ranklet import importers, model, pipeline
from ranklet.errors import ImportRefused
from ranklet.importers import tensorflow
from ranklet.importers.proposal import NO_WISHES, Wishes

STORED = Stored(Path(__file__).parent / "tensorflow.zip")


@pytest.mark.parametrize("name", STORED.names())
def test_drafts_score_as_tensorflow_does(name: str, tmp_path: Path) -> None:
    found = scores(STORED.unpack(name, tmp_path, "draft"), STORED.json(name, "rows"))
    np.testing.assert_allclose(found, STORED.answers(name), rtol=1e-5, atol=1e-5)


def test_a_draft_builds(tmp_path: Path) -> None:
    folder = STORED.unpack("wide_and_deep", tmp_path, "draft")
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows > 0


@pytest.mark.parametrize("name", ["simple_save", "keras_ftrl"])
def test_what_ftrl_trained_is_served_by_numpy(name: str, tmp_path: Path) -> None:
    (step,) = model.load(STORED.unpack(name, tmp_path, "draft")).steps
    assert (step.format, step.engine) == ("numpy", "linear")


def test_a_folder_with_a_saved_model_is_recognised(tmp_path: Path) -> None:
    assert importers.recognise(STORED.unpack("module", tmp_path, "saved")) == "tensorflow"
    assert not tensorflow.recognises(tmp_path, b"")


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="-o score is not known: this format takes column, output, signature"):
        tensorflow.propose(STORED.unpack("module", tmp_path, "saved"), Wishes(options={"score": "score"}))


def test_without_tensorflow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportRefused, match=r"pip install 'ranklet\[tensorflow\]'"):
        tensorflow.propose(STORED.unpack("module", tmp_path, "saved"), NO_WISHES)
