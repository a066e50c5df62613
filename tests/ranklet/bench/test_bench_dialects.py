"""Every form is timed, after its answer was found to be the session's; the handler's own part is one without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet.bench import dialects
from ranklet.bench.base import Found, Setting
from ranklet.bench.dialects import ranker
from ranklet.dialects import FORMS
from ranklet.errors import BenchError
from ranklet_runtime.engines.ort import open_session


class Shortest(Setting):
    """One turn of each way."""

    rounds = turns = 1


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Setting:
    monkeypatch.setattr(dialects, "NUMBERS", (3,))
    return Shortest(tmp_path)


def test_every_form_has_its_figures(setting: Setting) -> None:
    found = dialects.run(setting, lambda text: None)
    rows = {row.figure: row for row in found.rows}
    names = {dialects.NAMES.get(name, name) for name in FORMS}
    assert rows.keys() == {f"{name}{end}" for name in names for end in ("", "-own-us", "-bytes")} | {"session-run-us"}
    assert {row.n for row in found.rows} == {3}
    assert all(row.value is not None and row.value > 0 for row in found.rows)
    assert {rows[name].unit for name in names} == {"ratio"}
    assert {"rank-json-columns", "rank-msgpack", "v2-json", "v2-binary", "tfs-columns"} <= names


def test_scores_differ_from_candidate_to_candidate() -> None:
    golden = ranker.request(50)
    session = open_session(ranker.graph(), threads=1)
    scores = session.run(None, ranker.feeds(golden))[0]
    assert scores.shape == (50, 1)
    assert len(np.unique(scores)) == 50
    assert scores.min() > 0.01
    assert scores.max() < 0.99


@pytest.mark.parametrize("tensor", ["offer", "profile", "item", "group", "user"])
def test_scores_that_are_not_the_sessions_end_the_run(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, tensor: str
) -> None:
    measure = dialects.measure

    def off(*given: Any) -> Found:
        feeds = dict(ranker.feeds(ranker.request(3)))
        feeds[tensor] = feeds[tensor] + np.ones(1, feeds[tensor].dtype)
        monkeypatch.setattr(ranker, "feeds", lambda golden: feeds)
        return measure(*given)

    monkeypatch.setattr(dialects, "measure", off)
    with pytest.raises(BenchError, match="wrong"):
        dialects.run(setting, lambda text: None)
