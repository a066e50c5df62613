"""What makes figures comparable: turns, ratios, noise, and no time for a wrong answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet.bench import BENCHES, base, machine
from ranklet.bench.base import Report, Row, Setting, Way
from ranklet.errors import BenchError


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path, quick=True)


def test_a_report_has_exactly_the_documented_form() -> None:
    rows = [Row("a", 100, 0.5, "ratio", (0.25, 0.75), "boto3"), base.absent("b", n=None)]
    document = json.loads(
        json.dumps(Report(rows, False, machine.describe(["numpy", "no-such-package"]), "d").document())
    )
    assert document.keys() == {"rows", "noisy", "machine", "date"}
    assert document["rows"] == [
        {"figure": "a", "n": 100, "value": 0.5, "unit": "ratio", "spread": [0.25, 0.75], "peer": "boto3"},
        {"figure": "b", "n": None, "value": None, "unit": "ratio", "spread": None, "peer": "absent"},
    ]
    assert document["noisy"] is False
    assert document["machine"]["packages"] == {"numpy": np.__version__, "no-such-package": None}
    assert document["machine"]["cores"] >= 1 and document["machine"]["processor"]


def test_every_bench_can_be_imported() -> None:
    from importlib import import_module

    for path in BENCHES.values():
        module, function = path.split(":")
        assert callable(getattr(import_module(module), function))


def test_ways_take_turns_and_who_begins_changes(setting: Setting) -> None:
    seen: list[tuple[str, int]] = []

    def way(name: str) -> base.Sample:
        def sample(turn: int) -> float:
            seen.append((name, turn))
            return 1.0

        return sample

    taken = base.interleaved({name: way(name) for name in "abc"}, setting)
    assert {name: figures.tolist() for name, figures in taken.items()} == {
        name: [1.0] * setting.rounds for name in "abc"
    }
    first_calls, timed = seen[:3], seen[3:]
    assert first_calls == [("a", 0), ("b", 0), ("c", 0)]
    assert len(timed) == 3 * setting.rounds * setting.turns
    groups = [timed[start : start + 3] for start in range(0, len(timed), 3)]
    assert all({name for name, _ in group} == set("abc") and len({turn for _, turn in group}) == 1 for group in groups)
    assert {group[0][0] for group in groups} == set("abc")
    assert [group[0][1] for group in groups] == list(range(len(groups)))


def test_a_rounds_figure_is_the_median_of_its_turns(setting: Setting) -> None:
    def sample(turn: int) -> float:
        number, place = divmod(turn, setting.turns)
        return float(number) if place else 1e9  # one turn of each round is far off

    assert base.interleaved({"only": sample}, setting)["only"].tolist() == list(range(setting.rounds))


def test_a_ratio_is_taken_within_each_round() -> None:
    row = base.ratio("r", np.array([1.0, 4.0, 3.0]), np.array([2.0, 2.0, 4.0]), n=7, peer="other")
    assert row == Row("r", 7, 0.75, "ratio", (0.5, 2.0), "other")


def test_microseconds_are_a_million_to_the_second() -> None:
    row = base.microseconds("t", np.array([1e-6, 3e-6, 2e-6]), n=500)
    assert row.unit == "µs" and row.value == pytest.approx(2.0) and row.spread == pytest.approx((1.0, 3.0))


@pytest.mark.parametrize(("rounds", "noisy"), [([1.0, 1.0, 1.29], False), ([1.0, 1.0, 1.31], True)])
def test_a_control_that_moves_by_more_than_thirty_percent_marks_the_run(rounds: list[float], noisy: bool) -> None:
    assert base.noisy([np.array([1.0, 1.0]), np.array(rounds)]) is noisy
    assert base.noisy([]) is False


def test_a_way_is_warmed_up_and_its_arguments_are_all_different() -> None:
    called: list[Any] = []
    way = Way(called.append, lambda turn: turn, calls=3, warm=2)
    assert way.sample(0) >= 0 and way.sample(1) >= 0
    assert called == list(range(10))


RIGHT = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_equal_answers_pass() -> None:
    base.equal("x", RIGHT.copy(), RIGHT)
    base.equal("x", RIGHT.tolist(), RIGHT)
    base.equal("x", 5, 5)
    base.equal("x", np.empty((0, 3)), np.empty((0, 3)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.nextafter(RIGHT, np.float32(99)), "4 of 4 rows are wrong, the first is row 0"),
        (RIGHT + np.eye(4, 3, -2, dtype=np.float32), "2 of 4 rows are wrong, the first is row 2"),
        (RIGHT[[0, 1, 3, 2]], "2 of 4 rows are wrong, the first is row 2"),
        (np.where(RIGHT == 7, np.nan, RIGHT), "1 of 4 rows are wrong, the first is row 2"),
        (RIGHT[:3], r"the answer is \[3, 3\], it must be \[4, 3\]"),
        (RIGHT.reshape(3, 4), r"the answer is \[3, 4\]"),
    ],
    ids=["one ulp", "two rows", "swapped", "nan", "short", "shape"],
)
def test_a_wrong_answer_is_refused_with_its_place(wrong: Any, said: str) -> None:
    with pytest.raises(BenchError, match=rf"somebody: {said}.*nothing was timed"):
        base.equal("somebody", wrong, RIGHT)


def test_a_wrong_number_is_refused() -> None:
    with pytest.raises(BenchError, match="1 of 1"):
        base.equal("x", 5, 6)
