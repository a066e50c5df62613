"""All benches in turn: what each found is kept, and one that fails stops none of the others."""

from __future__ import annotations

import json
from pathlib import Path

from ranklet.bench import everything
from ranklet.bench.base import Report, Row, Setting

DOCUMENT = Report([Row("a", 1, 2.0, "µs", (1.0, 3.0))], False, {"cores": 2}, "2026-01-01").document()


def test_each_bench_is_run_and_kept_and_a_failure_is_told(tmp_path: Path) -> None:
    asked: list[str] = []

    def one(name: str, setting: Setting) -> tuple[int, bytes, str]:
        asked.append(name)
        if name == "falls":
            return 1, b"", "ranklet: 1 of 100 rows are wrong"
        if name == "dies":
            return -11, b'{"rows"', ""
        over = {"over": ["a is 2, its budget 1"]} if name == "counts" else {}
        return 1 if over else 0, json.dumps({**DOCUMENT, **over}).encode(), ""

    names = ("counts", "falls", "dies", "warm")
    found = list(everything.run(names, Setting(tmp_path), lambda text: None, one=one))
    assert asked == list(names) == [document.bench for document in found]
    assert [document.error for document in found] == [
        None,
        "ranklet: 1 of 100 rows are wrong",
        "it ended with exit code -11 and said nothing",
        None,
    ]
    assert found[0].over == ("a is 2, its budget 1",)
    assert all(document.seconds is not None for document in found)
    kept = {path.name for path in (tmp_path / everything.RESULTS).iterdir()}
    assert kept == {"counts.json", "warm.json"}


def test_a_quick_look_leaves_results_alone(tmp_path: Path) -> None:
    setting = Setting(tmp_path, quick=True)
    list(everything.run(("a",), setting, lambda text: None, one=lambda *_: (0, json.dumps(DOCUMENT).encode(), "")))
    assert (tmp_path / everything.LOOKS / "a.json").exists()
    assert not (tmp_path / everything.RESULTS).exists()


def test_a_bench_is_a_command_of_its_own(tmp_path: Path) -> None:
    code, content, said = everything.child("no-such-bench", Setting(tmp_path, quick=True, install_peers=True))
    assert code == 2 and content == b"" and "no-such-bench" in said
