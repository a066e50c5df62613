"""CatBoost's models score as CatBoost does: its stored answers, of raw rows."""

from __future__ import annotations

from pathlib import Path

import catboost_kit
import numpy as np
import pytest

STORED = {name: catboost_kit.stored(name) for name in catboost_kit.names()}
CASES = [(name, form, options) for name, one in STORED.items() for form in one.models for options in one.scores]


@pytest.mark.parametrize(("name", "form", "options"), CASES)
def test_it_scores_as_catboost_does(name: str, form: str, options: str, tmp_path: Path) -> None:
    model = STORED[name]
    proposal = catboost_kit.proposed(model.models[form], tmp_path, options)
    columns = {
        given: [str(value) if proposal.inputs[given].fields["type"] == "string" else value for value in values]
        for given, values in model.columns.items()
    }
    found, wanted = catboost_kit.scores(proposal, columns, tmp_path), np.array(model.scores[options])
    assert np.ptp(wanted) > 0
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
    assert (np.argsort(found, kind="stable") == np.argsort(wanted, kind="stable")).all() or _ties(found, wanted)


@pytest.mark.parametrize("name", [name for name, one in STORED.items() if len(one.models) == 2])
def test_both_of_its_files_give_the_same_function(name: str, tmp_path: Path) -> None:
    (options, *_) = STORED[name].scores
    one, other = (catboost_kit.proposed(content, tmp_path, options) for content in STORED[name].models.values())
    assert one.files == other.files
    assert (one.features, one.steps) == (other.features, other.steps)
    assert {name: raw.fields for name, raw in one.inputs.items()} == {
        name: raw.fields for name, raw in other.inputs.items()
    }


def _ties(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether the orders differ only among equal scores, which rounding parts."""
    return bool((np.diff(wanted[np.argsort(found, kind="stable")]) >= -1e-12).all())
