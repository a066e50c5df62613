"""`ranklet load` as people and scripts meet it: against a URL, against a local cloud of its own, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from load_kit import serving

from ranklet import pipeline
from ranklet.cli import ranklet
from ranklet.local.event_v2 import event_v2
from ranklet.local.http1.message import Request, Response
from ranklet.project import Project
from ranklet_runtime.function import Function

ROOT = Path(__file__).parents[3]
MODEL = """
name = "small"

[inputs.age]
side = "user"

[inputs.price]
side = "item"

[features.age]
kind = "dense"
of = "age"

[features.price]
kind = "dense"
of = "price"

[[steps]]
format = "numpy"
engine = "linear"
source = "model.npz"
inputs = { age = "age", price = "price" }
outputs = { score = "score" }

[limits]
items = 50

[api]
dialects = ["native", "v2"]
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with one built model, and the layers that this checkout has built already."""
    root = tmp_path_factory.mktemp("project")
    folder = root / "functions" / "small"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "cdk.json", root)
    (folder / "model.toml").write_text(MODEL)
    weights = {"bias": [0.0], "w.age": [0.5], "w.price": [-0.25]}
    np.savez(folder / "model.npz", **{name: np.array(one, np.float32) for name, one in weights.items()})
    prices = [0.0, 1.0, 2.5]
    scores = [float(1 / (1 + np.exp(-(1.0 - price / 4)))) for price in prices]
    row = {"request": {"user": {"age": 2.0}, "items": {"price": prices}}, "scores": scores}
    (folder / "golden.jsonl").write_text(json.dumps(row) + "\n")
    pipeline.build(folder, out=root / ".build")
    (ROOT / ".build" / "layers").mkdir(parents=True, exist_ok=True)
    (root / ".build" / "layers").symlink_to(ROOT / ".build" / "layers")
    return Project(root)


Change = Callable[[dict[str, Any], int], None]


@pytest.fixture
def served(here: Project) -> Iterator[Callable[[Change], Any]]:
    """The function behind HTTP; each answer can be changed by its number."""
    function, number = Function.open(here.bundle("small"), {}), 0

    def running(change: Change) -> Any:
        async def answer(request: Request) -> Response:
            nonlocal number
            number += 1
            path = request.target.removeprefix("/stage")
            told = function(event_v2("POST", path, headers=dict(request.headers), body=request.body), None)
            change(told, number)
            return Response(told["statusCode"], tuple(told["headers"].items()), told["body"].encode())

        return serving(answer)

    yield running


def as_it_is(answer: dict[str, Any], number: int) -> None:
    """Nothing is changed."""


def load(here: Project, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.chdir(here.root)
    given = ["load", "small", "--rps", "40", "--duration", "0.5", "--warmup", "0.2", *arguments]
    return CliRunner().invoke(ranklet, given, catch_exceptions=True)


def test_right_answers_are_exit_code_0_and_json_is_all_that_stdout_has(
    here: Project, served: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    with served(as_it_is) as url:
        done = load(here, monkeypatch, "--url", f"{url}/stage", "--json", "--html", str(page))
    told = json.loads(done.stdout)
    assert told["requests"] == 20 and told["statuses"] == {"200": 20}
    assert told["answers"] == {"right": 20, "wrong": 0, "degraded": 0, "unchecked": 0}
    assert told["max_abs_diff"] <= told["bound"] == 1e-6
    assert told["warmup"]["requests"] == 4
    assert told["lambda"] is None and told["interrupted"] is False
    assert done.exit_code == (11 if told["generator"]["behind"] else 0) and told["ok"] == (done.exit_code == 0)
    latency = told["latency_ms"]
    assert 0 < latency["least"] <= latency["p50"] <= latency["p90"] <= latency["most"]
    assert latency["p99"] is None, "20 requests do not tell the slowest of a hundred"
    assert told["rps"]["asked"] == 40 and told["rps"]["sent"] == pytest.approx(40)
    assert sum(second["sent"] for second in told["by_second"]) == 20
    html = page.read_text()
    assert html.count("<svg") == 3 and "small: 40 requests a second" in html
    assert "http://" not in html.replace(url, ""), "the page needs nothing else"


def test_the_table_says_what_it_measured(here: Project, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(as_it_is) as url:
        done = load(here, monkeypatch, "--url", f"{url}/stage", "--candidates", "1-50", "--poisson")
    assert "right" in done.stdout and "not told by a URL" in done.stdout
    assert "from when it should have left" in done.stdout


def test_another_form_is_asked_and_checked_alike(here: Project, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(as_it_is) as url:
        told = json.loads(load(here, monkeypatch, "--url", url, "--form", "v2-json", "--json").stdout)
    assert told["form"] == "v2-json" and told["answers"]["right"] == 20


def test_a_wrong_answer_has_an_exit_code_of_its_own(
    here: Project, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off(answer: dict[str, Any], number: int) -> None:
        if number == 15:
            scores = json.loads(answer["body"])["scores"]
            answer["body"] = json.dumps({"scores": [score + 0.01 for score in scores]})

    with served(off) as url:
        done = load(here, monkeypatch, "--url", url, "--json")
    assert done.exit_code == 4
    assert json.loads(done.stdout)["answers"]["wrong"] == 1
    assert "3 candidates: 1.0e-02 from the trainer's, above 1e-06" in done.stderr.replace("\n", " ")


def test_refused_requests_have_an_exit_code_of_their_own(
    here: Project, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(answer: dict[str, Any], number: int) -> None:
        answer["statusCode"] = {15: 429, 16: 503}.get(number, answer["statusCode"])

    with served(busy) as url:
        done = load(here, monkeypatch, "--url", url, "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (told["statuses"], told["throttled"], told["server_errors"]) == ({"200": 18, "429": 1, "503": 1}, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--candidates", "51"], "takes 50 candidates in one request"),
        (["--candidates", "some"], "none of 500, 10,100,500 and 10-500"),
        (["--form", "tfs-rows"], "there are: native-json, native-msgpack, v2-json, v2-binary"),
        (["--url", "here"], "--url is http(s)://"),
        (["--auth", "jwt"], "give --token or RANKLET_TOKEN"),
        (["--requests", "absent.jsonl"], "absent.jsonl cannot be read"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is(
    here: Project, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.delenv("RANKLET_TOKEN", raising=False)
    done = load(here, monkeypatch, "--url", "http://127.0.0.1:9", *arguments)
    assert done.exit_code != 0
    assert message in f"{done.exception} {done.stderr}"


def test_a_local_cloud_is_started_called_and_gone_and_ctrl_c_gives_the_report_so_far(here: Project) -> None:
    command = [sys.executable, "-c", "from ranklet.cli import main; main()", "load", "small", "--rps", "20"]
    with subprocess.Popen(
        [*command, "--duration", "600", "--warmup", "3", "--environments", "3", "--json"],
        cwd=here.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
        start_new_session=True,
    ) as process:
        assert process.stderr is not None and process.stdout is not None
        while not re.match(r"load: \d+ of 603 s, \d\d", line := process.stderr.readline()):
            assert line, "it ended before it sent"
        os.killpg(process.pid, signal.SIGINT)
        told = json.loads(process.stdout.read())
        assert process.wait(60) == 130
    assert told["interrupted"] and told["requests"] > 10 and told["seconds"] < 600
    assert told["url"] == "the local cloud"
    assert told["answers"]["right"] == told["statuses"]["200"] > 0
    counts = told["lambda"]["cold_starts"]
    assert 1 <= counts["warmup"] + counts["run"] <= 3
    assert len(told["lambda"]["init_ms"]) >= 1
    for _ in range(100):
        if not _cloud_runs(here):
            return
        time.sleep(0.1)
    pytest.fail("the local cloud still runs")


def _cloud_runs(here: Project) -> bool:
    """Whether a process serves this project, by its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if b"ranklet.load.serving" in line and str(here.root).encode() in line:
            return True
    return False
