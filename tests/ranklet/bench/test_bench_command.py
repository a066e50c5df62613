"""`ranklet bench` as people and scripts meet it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from ranklet.bench import BENCHES, base
from ranklet.bench.base import Progress, Report, Row, Setting
from ranklet.cli import main, ranklet
from ranklet.errors import BenchError

ROWS = [Row("slow", 100, 9e9, "ratio", (1.0, 9e9), "boto3"), base.absent("gone", n=None)]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Setting]:
    """A bench called `some`, in a project of its own; the settings that it was asked with."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "cdk.json").write_text("{}")
    settings: list[Setting] = []

    def run(setting: Setting, progress: Progress) -> Report:
        progress("measuring")
        settings.append(setting)
        return Report(ROWS, True, {"cores": 2}, "2026-01-01")

    def wrong(setting: Setting, progress: Progress) -> Report:
        raise BenchError("ours: 1 of 100 rows are wrong")

    module = ModuleType("some_bench")
    module.run, module.wrong = run, wrong  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "some_bench", module)
    monkeypatch.setitem(BENCHES, "some", "some_bench:run")
    monkeypatch.setitem(BENCHES, "wrong", "some_bench:wrong")
    monkeypatch.chdir(tmp_path)
    return settings


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(ranklet, ["bench", *arguments])


def test_json_alone_goes_to_stdout_and_a_slow_or_noisy_run_is_no_failure(asked: list[Setting]) -> None:
    done = _run("some", "--json", "--quick", "--install-peers")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "rows": [
            {"figure": "slow", "n": 100, "value": 9e9, "unit": "ratio", "spread": [1.0, 9e9], "peer": "boto3"},
            {"figure": "gone", "n": None, "value": None, "unit": "ratio", "spread": None, "peer": "absent"},
        ],
        "noisy": True,
        "machine": {"cores": 2},
        "date": "2026-01-01",
    }
    assert asked == [Setting(Path.cwd() / ".build" / "bench", quick=True, install_peers=True)]


def test_people_see_a_table_and_that_the_run_was_noisy(asked: list[Setting]) -> None:
    done = _run("some")
    assert done.exit_code == 0
    for text in ("slow", "boto3", "gone", "absent", "noisy"):
        assert text in done.output
    assert asked[0].quick is False


def test_a_wrong_answer_ends_with_exit_code_1(
    asked: list[Setting], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["ranklet", "bench", "wrong", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == "" and "1 of 100 rows are wrong" in said.err


def test_an_unknown_bench_is_refused_with_those_there_are(asked: list[Setting]) -> None:
    done = _run("other")
    assert done.exit_code == 2 and "some" in done.output
