"""`ranklet bench` as people and scripts meet it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from ranklet.bench import BENCHES, base, everything
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


def test_servers_are_chosen_by_name(asked: list[Setting], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--peer is for the bench peers alone" in _run("some", "--peer", "mangum").output
    monkeypatch.setitem(BENCHES, "peers", BENCHES["some"])
    unknown = _run("peers", "--peer", "mangum", "--peer", "triton")
    assert (unknown.exit_code, asked) == (2, [])
    assert "there is no peer 'triton'; there are: fastapi, mangum" in unknown.output
    assert _run("peers", "--peer", "mangum", "--peer", "ray").exit_code == 0
    assert asked[0].peers == ("mangum", "ray")


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


def test_a_count_above_its_budget_ends_with_exit_code_1_after_the_report(
    asked: list[Setting], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    over = Report(ROWS, False, {}, "2026-01-01", over=("slow is 9, its budget 1: culprit.py",))
    monkeypatch.setattr(sys.modules["some_bench"], "run", lambda setting, progress: over)
    monkeypatch.setattr(sys, "argv", ["ranklet", "bench", "some", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert json.loads(said.out)["over"] == ["slow is 9, its budget 1: culprit.py"]
    assert "ranklet: slow is 9, its budget 1: culprit.py" in said.err


def _children(monkeypatch: pytest.MonkeyPatch, **failing: str) -> list[tuple[str, bool]]:
    """Benches that are not run; which were asked for, and whether quickly."""
    ran: list[tuple[str, bool]] = []

    def child(name: str, setting: Setting) -> tuple[int, bytes, str]:
        ran.append((name, setting.quick))
        if name in failing:
            return 1, b"", failing[name]
        return 0, json.dumps(Report(ROWS, name == "some", {"cores": 2}, "2026-01-01").document()).encode(), ""

    monkeypatch.setattr(everything, "child", child)
    return ran


def test_all_is_one_report_of_every_bench_that_says_whose_rows_are_whose(
    asked: list[Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = _children(monkeypatch)
    done = _run("all", "--json", "--html", "r.html")
    assert done.exit_code == 0
    assert ran == [(name, False) for name in BENCHES]
    document = json.loads(done.stdout)
    assert document.keys() == {"rows", "noisy", "machine", "date", "benches"}
    assert [row["bench"] for row in document["rows"]] == [name for name in BENCHES for _ in ROWS]
    assert document["noisy"] is True
    assert [(one["bench"], one["noisy"], one["error"]) for one in document["benches"]] == [
        (name, name == "some", None) for name in BENCHES
    ]
    assert Path("r.html").read_text().count("<section") == len(BENCHES)
    assert _run("table").output.startswith("| figure |")  # what all left


def test_a_failing_bench_ends_all_with_exit_code_1_after_the_others(
    asked: list[Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = _children(monkeypatch, some="ranklet: rows are wrong")
    done = _run("all", "--json")
    assert isinstance(done.exception, BenchError) and "some: ranklet: rows are wrong" in str(done.exception)
    assert len(ran) == len(BENCHES)
    assert len(json.loads(done.stdout)["benches"]) == len(BENCHES)


def test_a_quick_run_without_a_name_is_a_selection(asked: list[Setting], monkeypatch: pytest.MonkeyPatch) -> None:
    ran = _children(monkeypatch)
    assert _run("--quick", "--json").exit_code == 0
    assert ran == [("counts", True), ("warm", True)]
    refused = _run()
    assert refused.exit_code == 2 and "some" in refused.output and "--quick" in refused.output


def test_kept_reports_become_a_page_and_a_table(asked: list[Setting]) -> None:
    Path("some.json").write_text(json.dumps(Report(ROWS, False, {"cores": 2}, "2026-01-01").document()))
    done = _run("report", "some.json", "--html", "out.html")
    assert done.exit_code == 0 and "slow" in Path("out.html").read_text()
    assert _run("report", "some.json").exit_code == 2
    table = _run("table", "some.json")
    assert table.exit_code == 0 and "handler CPU over bare session.run" in table.output
    Path("README.md").write_text("<!-- figures -->\n<!-- /figures -->\n")
    assert _run("table", "some.json", "--into", "README.md").output == ""
    assert "handler CPU over bare session.run" in Path("README.md").read_text()
    assert _run("table").exit_code == 2  # nothing was left by a run of all
    assert isinstance(_run("table", "none.json").exception, BenchError)


def test_an_unknown_bench_is_refused_with_those_there_are(asked: list[Setting]) -> None:
    done = _run("other")
    assert done.exit_code == 2 and "some" in done.output
