"""`ranklet split explain` of an ONNX file, as people and scripts meet it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from ranklet import model, project
from ranklet.bench.split.models import MODELS
from ranklet.bench.split.net import Net
from ranklet.cli import ranklet
from ranklet.cli.split import declared
from ranklet.errors import ImportRefused, ModelError
from ranklet.graph import compiler
from ranklet.graph.choose import Choice
from ranklet.graph.records import Columns, Timing


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of which A+ ships, by figures that no clock gave."""

    def choose(build: object, numbers: object, **more: object) -> Choice:
        timings = (Timing("uncut", 500, 300.0, 1.0), Timing("A+", 500, 150.0, 2.0))
        return Choice("A+", "2.00× on average", timings, 1.0, {"B": "1.20× on average, A+ gives 2.00×"})

    monkeypatch.setattr(compiler, "choose", choose)
    path = tmp_path / "model.onnx"
    path.write_bytes(MODELS["neural-cf"].build())
    return path


def asked(path: Path, *rest: str) -> Result:
    return CliRunner().invoke(ranklet, ["split", "explain", str(path), *rest])


SIDES = ("--user", "user", "--item", "item")


def test_account_for_people(file: Path) -> None:
    found = asked(file, *SIDES)
    assert found.exit_code == 0, found.output
    for told in (
        "ships A+: 2.00× on average",
        "The row stored per item: 160 × float32, 640 bytes",
        "150 µs",
        "n × 32",
        "Gather × 4: each row looks up a shared table",
        "a dense layer over features of several sides is one product per side",
        "B: 1.20× on average",
    ):
        assert told in found.output


def test_the_graph_that_serves_few_candidates_is_told_of(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def choose(build: object, numbers: object, *, force: bool, rested: Callable[[str], object]) -> Choice:
        rested("B+")
        return Choice("B+", "2.00× on average", (), 1.0, {}, below=5)

    monkeypatch.setattr(compiler, "choose", choose)
    found = " ".join(asked(file, *SIDES).output.split())
    assert "Below 5 candidates, and for rows of several users, the rest graph serves" in found
    assert "opens in" in found and "rest" in found
    told = json.loads(asked(file, *SIDES, "--json").stdout)
    assert told["uncut_below"] == 5 and told["grown"] == 0 and told["sides"]["rest"]["opens_ms"] > 0


def test_account_for_scripts_is_json_alone(file: Path) -> None:
    found = asked(file, *SIDES, "--json")
    told = json.loads(found.stdout)
    assert told["shipped"] == "A+" and told["record"]["bytes"] == 640
    assert told["sides"]["cross"]["flops"] < told["sides"]["uncut"]["flops"]
    assert told["timings"][1] == {"candidate": "A+", "n": 500, "micros": 150.0, "speedup": 2.0}


def test_picture_is_drawn(file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("networkx")
    assert asked(file, *SIDES, "--picture", str(tmp_path / "p.svg")).exit_code == 0
    assert "cross: per candidate" in (tmp_path / "p.svg").read_text()


def test_inputs_without_a_side_are_named(file: Path) -> None:
    found = asked(file, "--user", "user")
    assert found.exit_code == 2 and "model.onnx has user, item" in found.output


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "there is no file" in asked(tmp_path / "x.onnx", *SIDES).output


def test_graph_that_cannot_be_run_is_refused(tmp_path: Path) -> None:
    net = Net()
    content = net.bytes(net.op("Add", net.dense("user", 3), net.dense("item", 4)), 4)
    (tmp_path / "bad.onnx").write_bytes(content)
    found = asked(tmp_path / "bad.onnx", *SIDES)
    assert isinstance(found.exception, ImportRefused) and "bad.onnx is not split" in str(found.exception)


def test_file_with_nothing_to_split_ships_uncut_with_the_reason(file: Path) -> None:
    found = asked(file, "--user", "user,item")
    assert found.exit_code == 0 and "ships uncut: " in found.output


def test_sides_of_a_model_stand_in_its_model_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    found = CliRunner().invoke(ranklet, ["split", "explain", "movie-din", "--user", "a"])
    assert found.exit_code == 2 and "model.toml" in found.output


def test_model_without_a_graph_says_so() -> None:
    found = CliRunner().invoke(ranklet, ["split", "explain", "movie-ftrl"])
    assert isinstance(found.exception, ModelError) and "not split" in str(found.exception)


def test_columns_of_one_input_have_sides_of_their_own() -> None:
    given = {"user": ("x[0:4], a",), "item": ("x[4:6]", "b")}
    assert declared(given) == {"x": (Columns("user", 0, 4), Columns("item", 4, 6)), "a": "user", "b": "item"}  # type: ignore[arg-type]


@pytest.mark.parametrize("names", [("a", "a"), ("a[0:1]", "a"), ("a", "a[0:1]")])
def test_two_sides_of_one_input_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(click.BadParameter, match="two sides"):
        declared({"user": names[:1], "item": names[1:]})


@pytest.mark.parametrize("name", ["movie-deepfm", "movie-din"])
def test_model_of_functions_is_told_as_it_ships(name: str) -> None:
    """Both name their variant in model.toml, so that nothing is timed."""
    found = CliRunner().invoke(ranklet, ["split", "explain", name, "--json"])
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    described = model.load(Path(project.find().functions, name))
    assert told["shipped"] == described.split.variant and told["timings"] == []
    assert set(told["sides"]) == {"uncut", "user", "item", "cross", "rest"}
    assert told["acceptance"]["worst"] <= 1e-5
