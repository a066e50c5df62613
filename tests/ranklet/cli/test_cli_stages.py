"""The view of a long command: a line a stage, with its time and its outcome."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ranklet.cli.stages import SHOWN, Stages, stages


def drawn(view: Stages) -> list[str]:
    console = Console(file=io.StringIO(), width=160)
    console.print(view)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


def test_stages_that_run_end_and_fail_are_told_apart() -> None:
    view = Stages(live=True)
    with view.stage("build films") as say:
        say("3.6e-08 from the trainer's scores")
    with view.stage("cdk deploy") as say:
        say("x" * 500)
        running = drawn(view)
    assert running[0].startswith("✓ build films") and "3.6e-08" in running[0]
    assert "cdk deploy" in running[1] and "x" * SHOWN in running[1] and "x" * (SHOWN + 1) not in running[1]
    with pytest.raises(ValueError, match="no"), view.stage("smoke test"):
        raise ValueError("no")
    assert [line[0] for line in drawn(view)] == ["✓", "✓", "✗"]
    assert [one["stage"] for one in view.documents()] == ["build films", "cdk deploy", "smoke test"]


def test_without_a_terminal_each_stage_is_two_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with stages() as view, view.stage("build films") as say:
        say("0.0 from the trainer's scores")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("build films …\nbuild films done in ")
    assert err.endswith(": 0.0 from the trainer's scores\n")
