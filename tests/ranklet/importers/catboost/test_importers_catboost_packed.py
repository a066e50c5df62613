"""Large CatBoost models are served by NumPy: the stored ones, taken for large, score as CatBoost does."""

from __future__ import annotations

from pathlib import Path

import catboost_kit as kit
import numpy as np
import pytest

from ranklet.importers import checking
from ranklet.importers.trees import packing

EXPECTED = packing.faster  # before a fixture decides otherwise


@pytest.mark.parametrize("name", kit.names())
def test_catboosts_own_scores(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "faster", lambda ensemble: True)
    stored = kit.stored(name)
    for options, wanted in stored.scores.items():
        proposal = kit.proposed(next(iter(stored.models.values())), tmp_path, options)
        (step,) = proposal.steps
        if step.engine != "trees":
            continue
        assert step.format == "numpy" and [one for one in proposal.files if one.endswith(".onnx")] == []
        found = checking.scores(proposal, stored.columns)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


def test_most_stored_models_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "faster", lambda ensemble: True)
    engines = [
        kit.proposed(next(iter(stored.models.values())), tmp_path, options).steps[0].engine
        for stored in map(kit.stored, kit.names())
        for options in stored.scores
    ]
    assert engines.count("trees") >= len(engines) // 3


def test_the_choice_is_by_size_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "faster", EXPECTED)
    document = kit.document()
    told = kit.proposed(document, tmp_path)
    assert told.steps[0].engine == "trees"
    assert 'served by NumPy (engine = "trees"), without onnxruntime' in told.notes[-1]
    few = kit.proposed(document | {"oblivious_trees": document["oblivious_trees"][:4]}, tmp_path)
    assert few.steps[0].format == "onnx" and "NumPy" not in " ".join(few.notes)
