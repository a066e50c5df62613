"""The command line as people and scripts meet it: help, JSON on stdout alone, exit codes, messages to act on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ranklet.cli import COMMANDS, ranklet
from ranklet.errors import ModelError, ParityError


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from ranklet.cli import main; main()", *arguments]
    return subprocess.run(
        command,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "functions").mkdir()
    (tmp_path / "cdk.json").write_text("{}")
    return tmp_path


def test_help_lists_every_command_without_importing_any(root: Path) -> None:
    code = (
        "import sys; sys.argv = ['ranklet', '--help']\n"
        "import atexit; atexit.register(lambda: print(sorted(m for m in sys.modules if m.startswith('ranklet.cli.')),"
        " 'numpy' in sys.modules))\n"
        "from ranklet.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.rstrip().endswith("[] False")
    for name in COMMANDS:
        assert f"  {name}" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = CliRunner().invoke(ranklet, [name, "--help"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Usage:")


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"tables", "doctor", "new"}))
def test_the_help_of_a_command_with_options_shows_examples(name: str) -> None:
    assert f"ranklet {name} " in CliRunner().invoke(ranklet, [name, "--help"], prog_name="x").output


def test_new_train_build_is_a_whole_way_and_json_is_all_that_stdout_has(root: Path) -> None:
    assert _run(root, "new", "first").returncode == 0
    subprocess.run([sys.executable, root / "functions" / "first" / "train.py"], check=True, timeout=120)
    done = _run(root, "build", "first", "--json")
    assert done.returncode == 0, done.stderr
    (model,) = json.loads(done.stdout)
    assert model["model"] == "first"
    keys = {"model", "bundle", "bytes", "sha256", "certificate", "split", "artefacts", "tables", "notes"}
    assert set(model) == keys
    assert (root / model["bundle"] / "manifest.json").is_file()
    shown = _run(root, "build")
    assert "first" in shown.stdout
    assert "≤ 1e-06" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["build", "absent"], ModelError.exit_code, "no model absent in functions/"),
        (["build"], ModelError.exit_code, "functions/ holds no model yet; `ranklet new NAME` makes one"),
        (["new", "No Name"], ModelError.exit_code, "lower-case letters"),
        (["tables", "push", "absent"], 5, "absent is not built; run `ranklet build absent`"),
        (["bild"], 2, "No such command 'bild'"),
    ],
)
def test_a_mistake_is_one_message_and_an_exit_code(root: Path, arguments: list[str], code: int, message: str) -> None:
    done = _run(root, *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_scores_that_differ_have_an_exit_code_of_their_own(root: Path) -> None:
    _run(root, "new", "first")
    subprocess.run([sys.executable, root / "functions" / "first" / "train.py"], check=True, timeout=120)
    golden = root / "functions" / "first" / "golden.jsonl"
    golden.write_text(golden.read_text().replace('"scores": [0.', '"scores": [0.9'))
    done = _run(root, "build", "first")
    assert done.returncode == ParityError.exit_code
    assert "candidate" in done.stderr


def test_new_does_not_touch_a_folder_that_exists(root: Path) -> None:
    (root / "functions" / "mine").mkdir()
    done = _run(root, "new", "mine")
    assert done.returncode == ModelError.exit_code
    assert "exists already" in done.stderr
    assert list((root / "functions" / "mine").iterdir()) == []


def test_outside_a_project_every_command_says_so(tmp_path: Path) -> None:
    done = _run(tmp_path, "build")
    assert done.returncode == ModelError.exit_code
    assert "not inside a ranklet project" in done.stderr


def test_doctor_says_what_is_missing_and_how_to_get_it(root: Path) -> None:
    done = _run(root, "doctor", "--json")
    checks = {check["thing"]: check for check in json.loads(done.stdout)}
    assert checks["Python 3.11 or newer"]["found"]
    assert all(check["found"] or check["remedy"] for check in checks.values())
    assert done.returncode == 0
