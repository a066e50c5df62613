"""CatBoost's models score as CatBoost does: its stored answers, of raw rows."""

from __future__ import annotations

from pathlib import Path

import catboost_kit
import numpy as np
import pytest

CASES = [(name, options) for name in catboost_kit.names() for options in catboost_kit.stored(name).scores]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_it_scores_as_catboost_does(name: str, options: str, tmp_path: Path) -> None:
    model = catboost_kit.stored(name)
    proposal = catboost_kit.proposed(model.model, tmp_path, options)
    columns = {
        given: [str(value) if proposal.inputs[given].fields["type"] == "string" else value for value in values]
        for given, values in model.columns.items()
    }
    found, wanted = catboost_kit.scores(proposal, columns, tmp_path), np.array(model.scores[options])
    assert np.ptp(wanted) > 0
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
    assert (np.argsort(found, kind="stable") == np.argsort(wanted, kind="stable")).all() or _ties(found, wanted)


def _ties(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether the orders differ only among equal scores, which rounding parts."""
    return bool((np.diff(wanted[np.argsort(found, kind="stable")]) >= -1e-12).all())
