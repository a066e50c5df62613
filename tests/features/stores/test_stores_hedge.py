"""Calls that are slow are sent a second time: the first answer wins, within a budget, and nothing is left behind."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from stores_support import assert_rows, environment, make_table, write_staged
from test_stores_replies import PREFIX, answer, item

from ranklet.local.dynamodb import Faults, LocalDynamo
from ranklet_features.stores import open_store
from ranklet_features.stores.base import UNAVAILABLE
from ranklet_features.stores.counts import Counts
from ranklet_features.stores.dynamodb.hedge import BURST, MIN_S, REFRESH, WINDOW, Hedge

TABLE = make_table(["a", "b"], placement="dynamodb", cache_entries=0, hedge=1.0)


def learned(times: list[float], share: float = 0.05) -> Hedge:
    hedge = Hedge(share, Counts())
    for seconds in times:
        hedge.observe(seconds)
    return hedge


def test_nothing_is_slow_before_enough_is_known() -> None:
    hedge = learned([0.001] * (REFRESH - 1))
    assert hedge.threshold_s == float("inf")
    hedge.observe(0.001)
    assert hedge.threshold_s == MIN_S


@pytest.mark.parametrize("n", [16, 32, 64, 640])
def test_slow_is_what_one_call_in_twenty_exceeds(n: int) -> None:
    times = (np.random.default_rng(n).permutation(n) / 10 + 1.0).tolist()
    latest = times[-WINDOW:]
    threshold = learned(times).threshold_s
    assert 0.02 <= np.mean(np.array(latest) >= threshold) <= 0.08


def test_where_many_are_slow_three_times_the_median_is() -> None:
    assert learned([0.01, 0.01, 0.01, 0.5] * 16).threshold_s == 0.03


def test_slow_follows_the_table() -> None:
    hedge = learned([0.002] * WINDOW)
    assert hedge.threshold_s == MIN_S
    for _ in range(WINDOW):
        hedge.observe(0.2)
    assert hedge.threshold_s == 0.2
    for _ in range(WINDOW):
        hedge.observe(0.03)
    assert hedge.threshold_s == 0.03


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 1.0])
def test_second_calls_stay_within_their_share_of_all(share: float) -> None:
    hedge = learned([0.001] * WINDOW, share)
    calls = 4_000
    for _ in range(calls // 4):
        hedge.earn(4)
        hedge.repeat([0, 1, 2, 3], 10.0)
    assert share * calls - BURST <= hedge.counts.hedges <= share * calls


def test_budget_that_is_not_used_does_not_pile_up() -> None:
    hedge = learned([0.001] * WINDOW, 1.0)
    hedge.earn(1_000)
    assert len(hedge.repeat(list(range(100)), 10.0)) == BURST


def test_no_second_call_where_the_deadline_is_nearer_than_an_answer() -> None:
    hedge = learned([0.3] * WINDOW, 1.0)
    hedge.earn(1)
    assert not hedge.repeat([0], 0.29) and hedge.counts.hedges == 0
    assert hedge.repeat([0], 0.31) == [0] and hedge.counts.hedges == 1


class Held:
    """A DynamoDB that does what a test says to the calls of each of the client's connections, by its place.

    plan: place → word: `held` waits for `go`; `throttle` and `reset` fail, once; `held throttle` waits first; `then`
    lets `go` happen before anything else, and waits until another call was answered.
    """

    def __init__(self) -> None:
        self.plan: dict[int, str] = {}
        self.go, self.answered = threading.Event(), threading.Event()
        self.requests: list[bytes] = []
        self.connections = 0
        self.store: Any = None

    def place(self, port: int) -> int:
        """Which of the client's connections this is; each has its socket before it sends anything."""
        for place, connection in enumerate(self.store._client._connections):
            if connection._socket is not None and connection._socket.getsockname()[1] == port:
                return place
        return -1

    def wait(self, place: int) -> str:
        """What to do for a call, after it has waited as it is to."""
        word = self.plan.get(place, "ok")
        if word != "held":
            self.plan.pop(place, None)
        if word == "then":
            self.go.set()
            self.answered.wait(60)
        if word.startswith("held"):
            self.go.wait(60)
        return word


@contextmanager
def held() -> Iterator[tuple[Held, Any]]:
    """Such a server and a store that reads from it."""
    script = Held()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def setup(self) -> None:
            script.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            script.requests.append(body)
            word = script.wait(script.place(self.client_address[1]))
            with suppress(OSError):  # nobody waits for a loser that comes late
                self.answer(word, body)
                self.wfile.flush()
            script.answered.set()
            if word in ("throttle", "reset"):
                script.go.set()

        def answer(self, word: str, body: bytes) -> None:
            keys = [key["k"]["S"] for key in orjson.loads(body)["RequestItems"][TABLE.physical]["Keys"]]
            status, found = 200, orjson.dumps(answer(*map(item, keys)))
            if word.endswith("throttle"):
                status, found = 400, orjson.dumps({"__type": PREFIX + "ThrottlingException", "message": "no"})
            if word.endswith("reset"):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    store: Any = open_store(TABLE, Path(), environment(f"http://127.0.0.1:{server.server_port}"))
    store._verified = True
    store._reader._hedge = None
    script.store = store
    try:
        yield script, store
    finally:
        script.go.set()
        script.answered.set()
        store.close()
        server.shutdown()
        server.server_close()
        thread.join()


def arm(store: Any, calls: int = 1) -> None:
    """Let so many second calls be sent from now on, for whatever takes longer than MIN_S."""
    hedge = learned([0.001] * WINDOW, 0.0)
    hedge.counts, hedge._budget = store.counts, float(calls)
    store._reader._hedge = hedge


def read(store: Any, keys: list[str], seconds: float = 60.0) -> Any:
    return store.rows(keys, deadline=time.monotonic() + seconds)


def test_the_second_call_answers_where_the_first_does_not() -> None:
    with held() as (script, store):
        script.plan = {0: "held"}
        arm(store)
        assert_rows(read(store, ["a", "b"]), ["a", "b"], {"a", "b"})
        assert len(script.requests) == 2 and script.requests[0] == script.requests[1]
        counts = store.counts.take()
        assert (counts.calls, counts.hedges, counts.hedge_wins, counts.retries) == (1, 1, 1, 0)
        assert counts.units == 2.0  # two rows, each read twice


def test_the_loser_s_answer_is_never_taken_for_another_s() -> None:
    with held() as (script, store):
        script.plan = {0: "held"}
        arm(store)
        assert_rows(read(store, ["a"]), ["a"], {"a"})
        script.plan.clear()
        script.go.set()
        for key in ("b", "c", "d") * 5:
            assert_rows(read(store, [key]), [key], {"b", "c", "d"})


def test_a_loser_that_has_answered_keeps_its_connection() -> None:
    with held() as (script, store):
        read(store, ["a"])
        script.plan = {0: "held"}
        arm(store)
        read(store, ["a"])
        assert script.connections == 2
        script.plan.clear()
        script.go.set()
        first = store._client._connections[0]._socket
        first.settimeout(60)
        assert first.recv(1, socket.MSG_PEEK)
        for _ in range(5):
            assert_rows(read(store, ["b"]), ["b"], {"b"})
        assert script.connections == 2


def test_a_loser_that_has_not_answered_is_dropped() -> None:
    with held() as (script, store):
        read(store, ["a"])
        script.plan = {0: "held"}
        arm(store)
        read(store, ["a"])
        script.plan.clear()
        assert_rows(read(store, ["b"]), ["b"], {"b"})
        assert script.connections == 3  # the first, the second call's, and one in the place of the first


@pytest.mark.parametrize("word", ["throttle", "reset"])
def test_a_second_call_that_fails_leaves_the_first_its_time(word: str) -> None:
    with held() as (script, store):
        script.plan = {0: "held", 1: word}
        arm(store)
        assert_rows(read(store, ["a"]), ["a"], {"a"})
        assert (store.counts.hedges, store.counts.hedge_wins, store.counts.retries) == (1, 0, 0)


@pytest.mark.parametrize("word", ["held throttle", "held reset"])
def test_a_first_call_that_fails_late_leaves_the_second_its_time(word: str) -> None:
    with held() as (script, store):
        script.plan = {0: word, 1: "then"}
        arm(store)
        assert_rows(read(store, ["a"]), ["a"], {"a"})
        assert (store.counts.hedges, store.counts.hedge_wins, store.counts.retries) == (1, 1, 0)


def test_both_failing_is_a_failure_like_another_and_is_asked_for_again() -> None:
    with held() as (script, store):
        script.plan = {0: "held throttle", 1: "throttle"}
        arm(store)
        assert_rows(read(store, ["a"]), ["a"], {"a"})
        assert (store.counts.hedges, store.counts.throttles, store.counts.retries) == (1, 1, 1)


def test_where_neither_answers_rows_are_unavailable_at_the_deadline() -> None:
    with held() as (script, store):
        script.plan = {0: "held", 1: "held"}
        arm(store)
        assert read(store, ["a"], 0.2).status.tolist() == [UNAVAILABLE]
        script.plan.clear()
        script.go.set()
        assert_rows(read(store, ["a"]), ["a"], {"a"})


def test_several_slow_calls_of_a_round_are_repeated_together() -> None:
    keys = [f"k{i}" for i in range(330)]
    with held() as (script, store):
        script.plan = {0: "held", 2: "held", 3: "held"}
        arm(store, 4)
        assert_rows(read(store, keys), keys, set(keys))
        # The fourth may have been slow by itself.
        assert store.counts.calls == 4 and store.counts.hedges in (3, 4)
        script.plan.clear()
        script.go.set()
        assert_rows(read(store, keys[::-1]), keys[::-1], set(keys))


def test_without_a_budget_the_first_answer_is_waited_for() -> None:
    with held() as (script, store):
        script.plan = {0: "held"}
        arm(store, 0)
        timer = threading.Timer(0.05, script.go.set)
        timer.start()
        assert_rows(read(store, ["a"]), ["a"], {"a"})
        assert len(script.requests) == 1
        timer.join()


def test_a_table_may_forbid_second_calls() -> None:
    table = make_table(["a"], placement="dynamodb", cache_entries=0, hedge=0.0)
    store = open_store(table, Path(), environment("http://127.0.0.1:9"))
    assert store._reader._hedge is None  # type: ignore[attr-defined]
    store.close()


def test_slow_and_broken_calls_leave_no_thread_and_no_socket(dynamo: LocalDynamo, tmp_path: Path) -> None:
    keys = list(range(300))
    table = make_table(keys, placement="dynamodb", cache_entries=0)
    dynamo.load(write_staged(tmp_path, table, keys))
    threads = threading.active_count()
    store: Any = open_store(table, Path(), environment(dynamo.endpoint))
    always = learned([0.001] * WINDOW, 1.0)
    always.observe = lambda seconds: None  # type: ignore[method-assign]
    store._reader._hedge, always.counts = always, store.counts
    dynamo.faults = Faults(seed=1, slow=0.2, slow_s=0.05, reset=0.02)
    for start in range(60):
        rows = store.rows(keys[start : start + 150], deadline=time.monotonic() + 60)
        assert_rows(rows, keys[start : start + 150], set(keys))
        assert threading.active_count() <= threads
    assert store.counts.hedges > 0
    connections = store._client._connections
    assert len(connections) <= 4
    store.close()
    assert all(connection._socket is None for connection in connections)
