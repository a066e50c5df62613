"""Every step of the table opens of its options, refuses others by name, and gives what its part of the work wants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from after_kit import manifest, pool, scope

from ranklet_runtime.after import STEPS, open_after, open_step
from ranklet_runtime.errors import ManifestError

OPTIONS: dict[str, dict[str, Any]] = {
    "calibrate": {"score": {"method": "platt", "a": -1.0, "b": 0.0}},
    "blend": {"operations": [["head", "score"], ["number", 2], ["do", "*"]]},
    "cap": {"input": "rating", "most": 1, "own": {}, "first": None},
    "diversify": {"method": "mmr", "vectors": "vector", "weight": 0.5, "size": None},
    "explore": {"method": "softmax", "amount": 0.5},
}
WRONG: dict[str, list[Any]] = {
    "calibrate": [{"score": {"method": "beta"}}, {"score": {"method": "isotonic", "x": [1, 0], "y": [0, 1]}}],
    "blend": [{"operations": [["do", "*"]]}, {}],
    "cap": [{"input": "rating"}, {"attribute": True, "most": 1}],
    "diversify": [{"method": "maximal", "vectors": "vector", "weight": 1}, {"method": "mmr"}],
    "explore": [{"method": "softmax"}, {"method": "ucb", "amount": 1}],
}


def test_every_step_is_tried_here() -> None:
    assert set(OPTIONS) == set(WRONG) == set(STEPS)


@pytest.mark.parametrize("name", STEPS)
def test_step_does_its_part(name: str) -> None:
    step = open_step(name, scope(OPTIONS[name]))
    scores = np.array([0.25, 0.75, 0.5])
    all_of = pool(scores, items={"rating": [1, 1, 2]}, tensors={"vector": np.eye(3, dtype=np.float32)})
    if name in ("calibrate", "blend"):
        made = step.run({"score": scores})
        assert made[step.result].shape == (3,) and made[step.result].dtype == np.float64
        assert set(step.reads) == {"score"}
    elif name == "explore":
        at, propensity = step.begin(7).choose(all_of.scores)
        assert 0 <= at < 3 and 0 < propensity <= 1
    else:
        part = step.begin(all_of) if name == "cap" else step.begin(all_of, 3)
        before = part.allowed() if name == "cap" else part.values()
        part.take(0)
        after = part.allowed() if name == "cap" else part.values()
        assert before.shape == after.shape == (3,)
        assert not np.array_equal(before, after)


@pytest.mark.parametrize(("name", "options"), [(name, one) for name in WRONG for one in WRONG[name]])
def test_wrong_options_end_the_start_by_the_steps_name(name: str, options: Any, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=rf"after\.{name}"):
        open_step(name, scope(options, tmp_path))


def test_unknown_step_is_refused() -> None:
    with pytest.raises(ManifestError, match="'boost'"):
        open_after(manifest({"boost": {}}), Path())
