"""The bench of peers: a table of them, no time for a wrong answer, absent ones told, and their processes ended."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import orjson
import pytest

from ranklet.bench import figures, peers
from ranklet.bench.base import ABSENT, Setting
from ranklet.bench.dialects import ranker
from ranklet.bench.peers import (
    bodies,
    catalogue,
    environments,
    folders,
    functions,
    graphs,
    handlers,
    http_servers,
    pairs,
    processes,
    timing,
)
from ranklet.bench.peers.bodies import Asked
from ranklet.bench.peers.environments import PINS, Absent
from ranklet.bench.peers.pairs import Reference
from ranklet.bench.peers.servers import NotStarted, Started
from ranklet.bench.peers.table import HELD, PEERS, Peer, chosen
from ranklet.errors import BenchError
from ranklet.local.environment import Launch
from ranklet.local.function import Function
from ranklet.local.runtime_client import runtime_folder
from ranklet_runtime.engines.ort import open_session

SERVER = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", 65536

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"outputs": [{"data": [float(one) for one in sys.argv[2:]]}]}).encode()
        self.send_response(200 if sys.argv[2:] else 500)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *said): pass

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


FUNCTION = """
import json

def handler(event, context):
    assert json.loads(event["body"])["inputs"] and context.get_remaining_time_in_millis() > 0
    scores = [0.25, 0.5, 0.75 if event["rawPath"] == "/right" else 1]
    return {"statusCode": 200, "body": json.dumps({"outputs": [{"data": scores}]})}
"""


class Shortest(Setting):
    """One round."""

    rounds = turns = 1


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Shortest(tmp_path, quick=True)


@pytest.fixture
def reference() -> Reference:
    golden = ranker.request(3)
    return Reference(golden, np.array([0.25, 0.5, 0.75], np.float32))


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    """A Lambda function, right about requests to /right."""
    (tmp_path / "some_function.py").write_text(FUNCTION)
    function = Function("some", "some_function.handler", tmp_path, memory_mb=512, timeout_s=30)
    return Launch(function, runtime_folder(tmp_path / "runtime"))


@contextmanager
def serving(folder: Path, asked: Asked, *scores: float) -> Iterator[Started]:
    """A server that always gives these scores."""
    (folder / "server.py").write_text(SERVER)
    peer = Peer("some", (3, 11), serve=("server.py", "{port}", *map(str, scores)))
    with http_servers.started("some", peer, python=Path(sys.executable), folder=folder, asked=asked) as started:
        yield started


def test_every_peer_has_pins_and_a_script() -> None:
    for name, peer in PEERS.items():
        pins = environments.pins(peer.home or name)
        assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin) for pin in pins), name
        assert environments.label(name, peer).startswith(f"{peer.package} ")
        assert bool(peer.serve) != bool(peer.handler)
        text = " ".join((*peer.serve, *peer.prepare, *peer.files.values(), peer.handler))
        named = [script.stem for script in folders.SCRIPTS.glob("*.py") if script.stem in text]
        assert named, f"no script of {name}"
    assert environments.pins(environments.CLIENT)
    homes = {peer.home or name for name, peer in PEERS.items()}
    assert homes | {environments.CLIENT} == {path.stem for path in PINS.glob("*.txt")}


def test_every_script_compiles() -> None:
    for script in folders.SCRIPTS.glob("*.py"):
        compile(script.read_text(encoding="utf-8"), script.name, "exec")


def test_every_server_is_told_to_listen_at_this_machine_alone() -> None:
    for name, peer in PEERS.items():
        if peer.handler:
            continue
        text = " ".join((*peer.serve, *peer.environ.values()))
        text += "".join((folders.SCRIPTS / part).read_text() for part in peer.serve if part.endswith(".py"))
        assert "127.0.0.1" in text, name
        assert "0.0.0.0" not in text, name


def test_a_server_that_is_right_is_asked_and_ended(tmp_path: Path, setting: Setting, reference: Reference) -> None:
    asked = bodies.request("v2", *reference)
    with serving(tmp_path, asked, 0.25, 0.5, 0.75) as started:
        assert started.cold > 0
        way = timing.Way(started.server, asked)
        taken = timing.warm({"one": way, "other": way}, setting)
        pid = started.server.pid
        assert processes.tree(pid)
    assert processes.tree(pid) == {}
    assert taken["one"].cpu.shape == taken["one"].p50.shape == (1,)
    assert 0 < taken["one"].cpu[0] < 1
    assert 0 < taken["one"].p50[0] < 10


@pytest.mark.parametrize("scores", [(0.25, 0.5, 0.751), (0.25, 0.5), (0.25, 0.5, float("nan"))])
def test_a_wrong_answer_is_not_timed(tmp_path: Path, reference: Reference, scores: tuple[float, ...]) -> None:
    asked = bodies.request("v2", *reference)
    with pytest.raises(BenchError, match="nothing was timed"), serving(tmp_path, asked, *scores):
        pass


def test_a_server_that_refuses_or_ends_is_absent_with_what_it_said(tmp_path: Path, reference: Reference) -> None:
    asked = bodies.request("v2", *reference)
    with pytest.raises(NotStarted, match="some answers 500"), serving(tmp_path, asked):
        pass
    peer = Peer("some", (3, 11), serve=("-c", "import no_such_module"))
    with (
        pytest.raises(NotStarted, match="no_such_module"),
        http_servers.started("some", peer, python=Path(sys.executable), folder=tmp_path, asked=asked),
    ):
        pass


def test_a_function_is_asked_under_the_stock_client(setting: Setting, reference: Reference, launch: Launch) -> None:
    asked = bodies.request("v2", *reference)
    with functions.Loop() as loop:
        with functions.started("some", "/right", launch=launch, asked=asked, loop=loop) as started:
            taken = timing.warm({"one": timing.Way(started.server, asked)}, setting)
            pid = started.server.pid
        assert processes.tree(pid) == {}
        assert taken["one"].cpu[0] > 0
        wrong = functions.started("some", "/wrong", launch=launch, asked=asked, loop=loop)
        with pytest.raises(BenchError, match=r"differ by 0\.25"), wrong:
            pass
        missing = dataclasses.replace(launch, function=dataclasses.replace(launch.function, handler="no_such.handler"))
        with (
            pytest.raises(NotStarted, match="no_such"),
            functions.started("some", "/right", launch=missing, asked=asked, loop=loop),
        ):
            pass


def test_handlers_alone_are_compared(
    setting: Setting, reference: Reference, launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "OURS", "/right")
    peer = Peer("some", (3, 11), handler="some_function.handler", path="/right")
    pair = pairs.Pair("some", peer, "some 1.0", setting)
    rows = handlers.measure(pair, launch, launch, {3: reference}, folder=tmp_path).rows
    assert [(row.figure, row.n, row.unit) for row in rows] == [("handler-vs-some", 3, "ratio"), ("handler-us", 3, "µs")]
    assert all(row.value is not None and row.value > 0 for row in rows)
    wrong = dataclasses.replace(pair, peer=dataclasses.replace(peer, path="/wrong"))
    with pytest.raises(BenchError, match="nothing was timed"):
        handlers.measure(wrong, launch, launch, {3: reference}, folder=tmp_path)


def test_what_a_server_started_ends_with_it() -> None:
    child = "import time; time.sleep(60)"
    script = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]).wait()"
    process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    deadline = time.monotonic() + 20
    while len(found := processes.tree(process.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(found) == 2
    processes.end(process)
    assert all(not processes.tree(pid) for pid in found)


def test_cpu_time_is_of_the_whole_tree() -> None:
    busy = "import time\nwhile time.process_time() < 0.2: pass\nprint('done', flush=True)\ninput()"
    script = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {busy!r}]).wait()"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        all_of_it = processes.cpu(processes.tree(process.pid))
        assert processes.spent({}, all_of_it) >= 0.2
        assert all_of_it[process.pid] < processes.spent({}, all_of_it)
    finally:
        processes.end(process)  # type: ignore[arg-type]
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def test_a_form_carries_the_same_numbers() -> None:
    golden = ranker.request(4)
    feeds = ranker.feeds(golden)
    v2 = orjson.loads(bodies.request("v2", golden, np.zeros(4, np.float32)).body)
    kinds = {"INT64": np.int64, "FP32": np.float32}
    for one in v2["inputs"]:
        tensor = np.array(one["data"], kinds[one["datatype"]]).reshape(one["shape"])
        np.testing.assert_array_equal(tensor, feeds[one["name"]])
    columns = orjson.loads(bodies.request("mlflow", golden, np.zeros(4, np.float32)).body)["inputs"]
    for name, column in columns.items():
        np.testing.assert_array_equal(np.array(column, feeds[name].dtype), feeds[name])


def test_the_unsplit_graph_gives_the_scores_of_the_split_one() -> None:
    feeds = dict(ranker.feeds(ranker.request(40)))
    split = open_session(graphs.served(), threads=1).run(None, feeds)[0]
    copied = {name: np.repeat(feeds[name], 40, axis=0) for name in graphs.ONCE}
    unsplit = open_session(graphs.unsplit(), threads=1).run(None, feeds | copied)[0]
    assert np.abs(unsplit - split).max() < bodies.TOLERANCE


def test_rows_and_ids_ask_for_the_same_items() -> None:
    golden, scores = catalogue.scored(5)
    assert np.ptp(scores) > 0.001
    known = catalogue.items()
    rows = orjson.loads(bodies.rows(golden, scores).body)["instances"]
    named = orjson.loads(bodies.named(golden, scores).body)
    assert named["items"] == {"item_id": [row["item_id"] for row in rows]}
    for row in rows:
        assert row == {**named["user"], **named["context"], **{name: known[name][row["item_id"]] for name in known}}


def test_a_peer_is_absent_with_its_reason(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Absent, match="not installed; --install"):
        environments.of_peer("fastapi", PEERS["fastapi"], setting, print)
    needs = dataclasses.replace(PEERS["torchserve"], programs=("no-such-program",))
    with pytest.raises(Absent, match="needs no-such-program"):
        environments.of_peer("torchserve", needs, setting, print)
    monkeypatch.setattr("ranklet.packaging.bytecode.compiler", lambda python: None)
    wanted = dataclasses.replace(setting, install_peers=True)
    with pytest.raises(Absent, match=r"needs Python 3\.13"):
        environments.of_peer("fastapi", PEERS["fastapi"], wanted, print)


def test_an_absent_peer_has_the_rows_that_it_would_have() -> None:
    rows = pairs.absent("mangum", PEERS["mangum"], [100]).rows
    assert {row.figure for row in rows} == {
        "v2-json-vs-mangum", "v2-json-p50-vs-mangum", "v2-json-vs-mangum-tuned", "v2-json-p50-vs-mangum-tuned",
        "handler-vs-mangum", "handler-vs-mangum-tuned", "cold-vs-mangum",
    }  # fmt: skip
    assert all(row.value is None and row.peer == ABSENT for row in rows)
    assert "tfs-rows-unsplit" in {row.figure for row in pairs.absent("fastapi", PEERS["fastapi"], [100]).rows}


def test_a_quick_look_asks_those_alone_that_ranklet_is_held_to() -> None:
    assert list(chosen((), quick=False)) == list(PEERS)
    quick = chosen((), quick=True)
    assert list(quick) == list(HELD)
    assert list(chosen(("ray", "mangum"), quick=True)) == ["mangum", "ray"]
    rows = {one.row for one in figures.FIGURES if one.bench == "peers"}
    for name in HELD:
        assert [row for row in rows if name in row or (quick[name].rows and row == "tfs-rows-unsplit")]


@pytest.mark.slow
def test_a_real_peer_is_measured(tmp_path: Path) -> None:
    """Fetches the layers and FastAPI."""
    setting = Shortest(tmp_path / "build" / "bench", quick=True, install_peers=True, peers=("fastapi", "mangum"))
    report = peers.run(setting, print)
    rows = {(row.figure, row.n): row for row in report.rows}
    for name in ("fastapi", "mangum", "fastapi-tuned", "mangum-tuned"):
        for n in peers.NUMBERS:
            assert rows[f"v2-json-vs-{name}", n].value
            assert rows[f"v2-json-p50-vs-{name}", n].value
    assert rows["handler-vs-mangum", 500].value
    assert rows["cold-vs-mangum", 100].value
    assert rows["tfs-rows-unsplit", 500].value
    assert report.machine["absent"] == {}
