"""The entry point for clusters, as a process of its own, and `ranklet tables build`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import spark_kit as kit
from click.testing import CliRunner, Result

from ranklet.cli import ranklet
from ranklet.cli.doctor import CHECKS
from ranklet.errors import TableError
from ranklet.tables.spark import job, needs, single
from ranklet.tables.spark.recipe import Recipe

ROWS = 700


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the kit's model and a dataset."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "cdk.json").write_text("{}")
    kit.write_model(tmp_path / "functions")
    kit.write_rows(kit.rows(ROWS), tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _cli(*arguments: str) -> Result:
    return CliRunner().invoke(ranklet, ["tables", "build", *arguments])


def test_the_command_builds_in_one_process_by_default(project: Path) -> None:
    done = _cli("films", "films", "--input", "data", "--out", "built", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["table"]["rows"], found["items"], found["files"]) == (ROWS, ROWS, 1)
    assert json.loads((project / "built" / "table.json").read_text())["version"] == found["table"]["version"]


def test_a_refusal_is_the_commands_error(project: Path) -> None:
    done = _cli("films", "films", "--input", "gone", "--out", "built")
    assert isinstance(done.exception, TableError)
    assert done.exception.exit_code == 7


@pytest.mark.parametrize(
    "arguments",
    [
        ("--input", "data"),
        ("--out", "built"),
        ("--input", "data", "--out", "built", "--master", "local[2]"),
        ("--input", "data", "--out", "built", "--partitions", "3"),
        ("--input", "data", "--out", "built", "--engine", "spark", "--conf", "nothing"),
        ("--input", "data", "--out", "built", "--engine", "flink"),
    ],
)
def test_options_that_make_no_sense_are_refused(project: Path, arguments: tuple[str, ...]) -> None:
    assert _cli("films", "films", *arguments).exit_code == 2
    assert not (project / "built").exists()


def test_a_recipe_is_written_for_a_cluster_and_nothing_else(project: Path) -> None:
    done = _cli("films", "films", "--recipe", "films.recipe", "--json")
    blob = (project / "films.recipe").read_bytes()
    assert json.loads(done.stdout) == {"recipe": "films.recipe", "bytes": len(blob)}
    assert Recipe.from_bytes(blob).name == "films"
    assert sorted(path.name for path in project.iterdir()) == ["cdk.json", "data", "films.recipe", "functions"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{}", "required field `recipe`"),
        (
            '{"recipe": "r", "input": "i", "out": "o", "mastre": "local"}',
            "unknown field `mastre`.*fields: recipe, input",
        ),
        ("no", "job.json: "),
        ('{"recipe": "r", "input": "i", "out": "o", "partitions": "many"}', "partitions"),
    ],
)
def test_a_wrong_configuration_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], config: str, said: str
) -> None:
    (tmp_path / "job.json").write_text(config)
    assert job.main(["--config", str(tmp_path / "job.json")]) == 7
    assert re.search(said, capsys.readouterr().err)


def test_its_help_says_how_others_start_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        job.main(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    for word in ("spark-submit --master", "emr-serverless start-job-run", "glue create-job", *job.PACKAGES):
        assert word in said
    given = json.loads(re.findall(r"echo '(\{.*?\})' > job.json", said, re.DOTALL)[0])
    assert set(given) <= set(job.Job.__struct_fields__)
    for document in re.findall(r"(?:--job-driver|--command|--default-arguments) '(\{.*?\})'", said, re.DOTALL):
        json.loads(" ".join(document.split()))


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert job.main(["--config", str(tmp_path / "gone.json"), "--JOB_NAME", "what Glue adds"]) == 7
    assert "gone.json" in capsys.readouterr().err


@pytest.mark.parametrize(("module", "ask"), [("pyspark.sql", needs.sql), ("pyarrow", needs.arrow)])
def test_an_absent_library_is_named_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, module: str, ask: Any
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(TableError, match=r'is not installed: pip install -e "\.\[spark\]"'):
        ask()


def test_doctor_says_what_spark_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    check = next(check for check in CHECKS if check.__name__ == "_spark")
    assert check().needed_for == "optional"
    monkeypatch.setattr(shutil, "which", lambda *arguments, **named: None)
    assert check().found is None
    assert "install Java 17" in check().remedy


@pytest.mark.slow
@pytest.mark.skipif(bool(kit.lacking()), reason=kit.lacking())
def test_the_job_runs_from_files_that_spark_reads_and_names_the_local_version(project: Path) -> None:
    """Configuration, recipe, dataset and result all behind URIs, as on a cluster; master from spark-submit's side."""
    assert _cli("films", "films", "--recipe", "films.recipe").exit_code == 0
    uri = project.as_uri()
    fields = {"recipe": f"{uri}/films.recipe", "input": f"{uri}/data", "out": f"{uri}/built/", "partitions": 2}
    (project / "job.json").write_text(json.dumps(fields))
    command = [sys.executable, "-W", "error", "-m", "ranklet.tables.spark.job", "--config", f"{uri}/job.json"]
    prepared = {
        "PYSPARK_SUBMIT_ARGS": "--master local[2] --conf spark.ui.enabled=false pyspark-shell",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **prepared}, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    recipe = Recipe.from_bytes((project / "films.recipe").read_bytes())
    local = single.run(recipe, str(project / "data"), str(project / "local"), progress=lambda what: None)
    assert (found["table"]["version"], found["files"]) == (local.table.version, 2)
    assert sorted(kit.read_lines(project / "built")) == sorted(kit.read_lines(project / "local"))
    again = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **prepared}, check=False)
    assert again.returncode == 7
    assert "a build writes into a new folder" in again.stderr
