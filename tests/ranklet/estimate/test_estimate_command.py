"""`ranklet estimate` on a real model: figures that agree with each other, a picture, and refusals by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ranklet.cli import ranklet
from ranklet.errors import ModelError

ROOT = Path(__file__).parents[3]
MODEL = "movie-ftrl"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("estimate")
    shutil.copytree(ROOT / "functions" / MODEL, root / "functions" / MODEL)
    shutil.copy(ROOT / "cdk.json", root)
    return root


def run(project: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.chdir(project)
    return CliRunner().invoke(ranklet, ["estimate", MODEL, *words])


def test_the_account_adds_up(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(project, monkeypatch, "--rps", "20", "--candidates", "50", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    every = [*found["compute"], *found["api"], *found["rows"], *found["others"]]
    assert found["busy_ms"] > 0
    assert sum(way["month"] for way in every if way["chosen"]) == pytest.approx(found["month"])
    assert {way["name"] for way in every if way["chosen"]} == {"on demand", "HTTP API"}
    for way in every:
        assert sum(way["dollars"].values()) == pytest.approx(way["month"])
        assert way["per_million"] == pytest.approx(way["month"] / found["requests"] * 1e6)
    for changed in found["sensitivity"].values():
        assert changed["1.0"] == pytest.approx(found["month"])
        assert list(changed.values()) == sorted(changed.values())


def test_tables_and_a_picture_for_people(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    picture = tmp_path / "ftrl.svg"
    result = run(project, monkeypatch, "--rps", "5", "--busy-ms", "2", "--picture", str(picture))
    assert result.exit_code == 0, result.output
    assert "as model.toml has it" in result.output
    assert "dollars a month when one thing changes" in result.output
    assert picture.read_text().startswith("<?xml")
    assert "SageMaker real-time" in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rps", "1", "--candidates", "100000"], "candidates in one request"),
        (["--rps", "1", "--busy-ms", "1", "--picture", "x.gif"], ".svg, .png, .pdf"),
        (["--rps", "1", "--prices", "none.toml"], "none.toml is no file of prices"),
    ],
)
def test_a_mistake_is_told(project: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str) -> None:
    result = run(project, monkeypatch, *words)
    assert isinstance(result.exception, ModelError)
    assert message in str(result.exception)


def test_no_requests_are_no_usage(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(project, monkeypatch, "--rps", "0").exit_code == 2


def test_other_prices_change_the_account(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (ROOT / "infra" / "ranklet" / "prices.toml").read_text()
    (tmp_path / "mine.toml").write_text(text.replace("http = 1.00e-6", "http = 2.00e-6"))
    words = ("--rps", "10", "--busy-ms", "1", "--json")
    ours = json.loads(run(project, monkeypatch, *words).stdout)
    theirs = json.loads(run(project, monkeypatch, *words, "--prices", str(tmp_path / "mine.toml")).stdout)
    assert theirs["month"] - ours["month"] == pytest.approx(ours["requests"] * 1e-6)


def test_the_way_in_and_the_warmth_of_model_toml_are_marked(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = project / "functions" / MODEL / "model.toml"
    before = path.read_text()
    changed = before.replace("[api]\n", '[api]\nkind = "url"\n')
    assert changed != before
    path.write_text(changed + '\n[warmth]\nkind = "provisioned"\ncount = 3\n')
    try:
        found = json.loads(run(project, monkeypatch, "--rps", "10", "--busy-ms", "1", "--json").stdout)
    finally:
        path.write_text(before)
    every = [*found["compute"], *found["api"], *found["rows"]]
    assert {way["name"] for way in every if way["chosen"]} == {"provisioned", "function URL"}
    assert any(way["note"].startswith("3 environments") for way in every)
