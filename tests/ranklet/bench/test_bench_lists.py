"""Lists and tokens are looked at before they are timed, and every step has its figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ranklet.bench import lists, tokens
from ranklet.bench.base import Setting
from ranklet.errors import BenchError
from ranklet_runtime.after import STEPS
from ranklet_runtime.after.steps import After


def test_every_step_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lists, "QUICK", (60,))
    monkeypatch.setattr(Setting, "rounds", 2)
    monkeypatch.setattr(Setting, "turns", 2)
    report = lists.run(Setting(tmp_path, quick=True), lambda _: None)
    figures = {row.figure for row in report.rows}
    assert figures == {f"{name}-{unit}" for name in (*lists.LISTS, *lists.SCORES) for unit in ("us", "over-order")}
    assert {step for options in (*lists.LISTS.values(), *lists.SCORES.values()) for step in options} == set(STEPS)


def test_list_that_breaks_its_rules_has_no_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ordered = After.ordered

    def reversed_list(self: After, *arguments: Any) -> Any:
        made = ordered(self, *arguments)
        assert made is not None
        return type(made)(made.places[::-1].copy(), made.steps, made.explored)

    monkeypatch.setattr(After, "ordered", reversed_list)
    with pytest.raises(BenchError, match="nothing was timed"):
        lists.run(Setting(tmp_path, quick=True), lambda _: None)


@pytest.mark.slow
def test_tokens_are_compared_before_they_are_timed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Setting, "rounds", 1)
    monkeypatch.setattr(Setting, "turns", 1)
    report = tokens.run(Setting(tmp_path, quick=True), lambda _: None)
    figures = {row.figure for row in report.rows}
    parts = ("token-vs-features", "prepare-us", "token-bytes")
    assert figures == {f"{model}-{part}" for model in tokens.MODELS for part in parts}
