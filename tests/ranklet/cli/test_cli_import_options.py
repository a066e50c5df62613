"""`ranklet import` as people type it: options, their mistakes, and what --json tells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper

from ranklet.cli import ranklet
from ranklet.errors import ImportRefused, ModelError


def _model(path: Path, scale: float = 0.5) -> Path:
    """x [n, 3] → score and second [n], sums of its columns times a number."""
    nodes = [
        helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "scale"], ["score"]),
        helper.make_node("Neg", ["sum"], ["second"]),
    ]
    weights = [numpy_helper.from_array(np.int64([1]), "axes"), numpy_helper.from_array(np.float32(scale), "scale")]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("score", "second")]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])], ends, weights
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """run(arguments…): the command inside an empty project with model.onnx beside it."""
    (tmp_path / "project" / "functions").mkdir(parents=True)
    (tmp_path / "project" / "cdk.json").write_text("{}")
    monkeypatch.chdir(tmp_path / "project")
    path = _model(tmp_path / "model.onnx")

    def invoked(*arguments: str) -> Result:
        return CliRunner().invoke(ranklet, ["import", str(path), "--name", "sum", *arguments])

    return invoked


def test_json_tells_all_that_was_drafted(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    told = json.loads(run("--json").stdout)
    assert (told["model"], told["format"], told["score"], told["golden"]) == ("sum", "onnx", "score", 6)
    assert told["inputs"] == [
        {
            "name": "x",
            "side": "item",
            "why": "nothing in its name tells",
            "guessed": True,
            "type": "float",
            "length": 3,
        }
    ]
    assert any("'score' was taken to rank" in note for note in told["notes"])
    assert (tmp_path / "project" / "functions" / "sum" / "golden.jsonl").exists()


def test_an_option_of_the_format_reaches_it(run) -> None:  # type: ignore[no-untyped-def]
    assert json.loads(run("-o", "output=second", "--json").stdout)["score"] == "second"


@pytest.mark.parametrize(
    ("arguments", "error", "what"),
    [
        (("-o", "output"), ModelError, "-o output has no form NAME=VALUE"),
        (("-o", "=second"), ModelError, "-o =second has no form NAME=VALUE"),
        (("-o", "output=a", "-o", "output=b"), ModelError, "-o output is given twice"),
        (("-o", "colour=blue"), ImportRefused, "-o colour is not known: this format takes output"),
        (("-o", "output=none"), ImportRefused, "none"),
        (("--format", "tea"), ImportRefused, "--format tea is not known"),
        (("--again",), ModelError, "model.toml"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_leaves_nothing(run, tmp_path: Path, arguments, error, what) -> None:  # type: ignore[no-untyped-def]
    done = run(*arguments)
    assert isinstance(done.exception, error)
    assert what in str(done.exception)
    assert list((tmp_path / "project" / "functions").iterdir()) == []


def test_again_takes_the_new_file_and_says_that_model_toml_stays(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run().exit_code == 0
    artefact = tmp_path / "project" / "functions" / "sum" / "export" / "model.onnx"
    before = artefact.read_bytes()
    _model(tmp_path / "model.onnx", scale=3.0)
    assert "exists already; take the new model into it with --again" in str(run().exception)
    assert artefact.read_bytes() == before
    done = run("--again")
    assert done.exit_code == 0, done.output
    assert "model.toml is as it was" in done.stdout
    assert artefact.read_bytes() != before


def test_a_pickle_is_not_loaded_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "cdk.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.pkl").write_bytes(b"\x80\x05cposix\nsystem\n.")
    done = CliRunner().invoke(ranklet, ["import", "model.pkl", "--name", "bad"])
    assert isinstance(done.exception, ImportRefused)
    assert "--trust-pickle" in str(done.exception)
    assert not (tmp_path / "functions" / "bad").exists()
