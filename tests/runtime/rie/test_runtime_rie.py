"""Functions under the stock awslambdaric under AWS's own Runtime API: `python tests/oracles.py rie`."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rie_kit import RUNS_HERE, Emulator, emulator
from runtime_kit import REQUEST, body_of, event, expected, json_of, rank, rank_packed, write_bundle

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(not RUNS_HERE, reason="AWS's emulator is for Linux, and asked here on x86_64"),
]

CLIENTS = {"ours": "", "stock": "stock"}
"""Client → what RANKLET_RUNTIME_CLIENT says."""
MB = 1 << 20

TINY = """
import os
from ranklet_runtime import polling
from awslambdaric import lambda_runtime_client

installed = polling.install(os.environ)
if "FAILS" in os.environ:
    raise LookupError("no such table")

def handler(event, context):
    if "fails" in event:
        raise ValueError(event["fails"])
    if "exits" in event:
        os._exit(event["exits"])
    if "size" in event:
        return "x" * event["size"]
    if "port" in event:
        return lambda_runtime_client.runtime_client._socket.getsockname()[1]
    client = context.client_context
    return {
        "event": event if len(event) < 9 else len(event),
        "installed": installed,
        "arn": context.invoked_function_arn,
        "client": client and client.client.app_title,
        "left": 0 < context.get_remaining_time_in_millis() <= 300_000,
        "id": len(context.aws_request_id),
    }
"""
TOLD = {"arn": "arn:aws:lambda:us-east-1:012345678912:function:test_function", "client": None, "left": True, "id": 36}

V2 = {
    "inputs": [
        {"name": "age", "shape": [1], "datatype": "INT64", "data": [31]},
        {"name": "country", "shape": [1], "datatype": "BYTES", "data": ["fr"]},
        {"name": "hour", "shape": [1], "datatype": "INT64", "data": [20]},
        {"name": "id", "shape": [3], "datatype": "INT64", "data": [10, 30, 40]},
        {"name": "price", "shape": [3], "datatype": "FP64", "data": [2.5, 4, 0.5]},
        {"name": "rating", "shape": [3], "datatype": "FP64", "data": [4.5, 3.0, 1.0]},
    ]
}


def infer(body: Any) -> dict[str, Any]:
    """An event that asks V2."""
    return event("/v2/models/films/infer", json.dumps(body), content_type="application/json")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Emulator]]:
    """Starts a function under a client, in an emulator of its own, unless it runs."""
    folder = tmp_path_factory.mktemp("rie")
    (folder / "tiny.py").write_text(TINY)
    environ = {"PYTHONPATH": str(folder), "LAMBDA_TASK_ROOT": str(write_bundle(folder / "bundle"))}
    running: dict[str, Emulator] = {}
    with ExitStack() as stack:

        def started(client: str, handler: str, **more: str) -> Emulator:
            name = f"{client}-{handler}-{len(running) if more else 0}"
            if name not in running:
                command = (sys.executable, "-m", "awslambdaric", handler)
                told = {**environ, "RANKLET_RUNTIME_CLIENT": CLIENTS[client], **more}
                running[name] = stack.enter_context(emulator(folder / name, *command, **told))
            return running[name]

        yield started


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    """Each of the clients."""
    return str(request.param)


@pytest.fixture
def films(client: str, start: Callable[..., Emulator]) -> Emulator:
    """The real function."""
    return start(client, "ranklet_runtime.handler.handler")


@pytest.fixture
def tiny(client: str, start: Callable[..., Emulator]) -> Emulator:
    """A handler of a few lines."""
    return start(client, "tiny.handler")


def test_the_scores_are_right_in_every_form(films: Emulator) -> None:
    wanted = pytest.approx(expected(REQUEST), abs=1e-6)
    assert json_of(films.ask(rank(REQUEST)))["scores"] == wanted
    packed = films.ask(rank_packed(REQUEST))
    assert packed["isBase64Encoded"] is True
    import msgpack

    scores = msgpack.unpackb(body_of(packed))["scores"]
    assert np.frombuffer(scores["data"], scores["dtype"]) == wanted
    (output,) = json_of(films.ask(infer(V2)))["outputs"]
    assert output["data"] == wanted


def test_both_clients_give_the_same_answers_byte_for_byte(start: Callable[..., Emulator]) -> None:
    padded = rank(json.dumps(REQUEST) + " " * (5 * MB))
    events = [
        rank(REQUEST),
        rank_packed(REQUEST),
        infer(V2),
        rank("{"),
        infer({}),
        {"Records": []},
        [],
        7,
        b"{",
        b"",
        padded,
    ]
    theirs, ours = (
        [start(client, "ranklet_runtime.handler.handler").invoke(one) for one in events] for client in CLIENTS
    )
    for asked, one, other in zip(events, theirs, ours, strict=True):
        assert _anonymous(one) == _anonymous(other), str(asked)[:500]


def _anonymous(answer: bytes) -> bytes:
    """Errors of the runtime tell the request's id."""
    if b'"requestId"' not in answer:
        return answer
    told = json.loads(answer)
    assert len(told.pop("requestId")) == 36
    return json.dumps(told).encode()


def test_two_hundred_invocations_follow_one_another(films: Emulator) -> None:
    for age in range(200):
        request = {**REQUEST, "user": {"age": age, "country": "de"}}
        assert json_of(films.ask(rank(request)))["scores"] == pytest.approx(expected(request), abs=1e-6)


def test_two_hundred_invocations_come_over_one_connection(start: Callable[..., Emulator]) -> None:
    tiny = start("ours", "tiny.handler")
    assert len({tiny.ask({"port": True}) for _ in range(200)}) == 1


def test_the_client_and_the_context_are_those_that_are_meant(tiny: Emulator, client: str) -> None:
    installed = client == "ours"
    assert tiny.ask({"a": 1}) == {**TOLD, "event": {"a": 1}, "installed": installed}
    context = base64.b64encode('{"client": {"app_title": "été 夏"}}'.encode()).decode()
    found = tiny.ask({"a": "é"}, X_Amz_Client_Context=context)
    assert found == {**TOLD, "event": {"a": "é"}, "installed": installed, "client": "été 夏"}


@pytest.mark.parametrize("size", [0, 2000, 2047, 2048, 2049, 4096, 65_000, 66_000, MB, 5 * MB])
def test_an_event_of_any_size_arrives_whole(tiny: Emulator, size: int) -> None:
    """The emulator tells a body's length up to 2048 bytes, and sends a longer one in chunks."""
    told = tiny.ask({"a": "y" * size})
    assert told["event"] == {"a": "y" * size}


def test_five_megabytes_are_scored(films: Emulator) -> None:
    answer = films.ask(rank(json.dumps(REQUEST) + " " * (5 * MB)))
    assert json_of(answer)["scores"] == pytest.approx(expected(REQUEST), abs=1e-6)


@pytest.mark.parametrize("size", [0, 1, 70_000, 4 * MB])
def test_an_answer_of_any_size_is_posted_whole(tiny: Emulator, size: int) -> None:
    assert tiny.invoke({"size": size}) == b'"' + b"x" * size + b'"'


def test_an_error_of_the_handler_is_reported_and_it_goes_on(tiny: Emulator) -> None:
    for _ in range(3):
        told = tiny.ask({"fails": "no such item"})
        assert (told["errorType"], told["errorMessage"]) == ("ValueError", "no such item")
        assert tiny.ask({"a": 1})["event"] == {"a": 1}


def test_an_event_that_is_no_json_is_reported_and_it_goes_on(tiny: Emulator) -> None:
    assert tiny.ask(b"{")["errorType"] == "Runtime.UnmarshalError"
    assert tiny.ask({"a": 1})["event"] == {"a": 1}


def test_an_answer_that_is_too_large_ends_the_process_and_another_takes_its_place(tiny: Emulator) -> None:
    assert tiny.ask({"size": 7 * MB})["errorType"] == "Function.ResponseSizeTooLarge"
    assert tiny.ask({"a": 1})["event"] == {"a": 1}
    assert "Failed to post invocation response" in tiny.log
    assert "Exceeded maximum allowed payload size" in tiny.log


def test_a_process_that_ends_is_replaced(tiny: Emulator) -> None:
    assert tiny.ask({"exits": 3})["errorType"] == "Runtime.ExitError"
    assert tiny.ask({"a": 1})["event"] == {"a": 1}


def test_an_error_while_it_starts_is_reported(client: str, start: Callable[..., Emulator]) -> None:
    broken = start(client, "tiny.handler", FAILS="yes")
    told = broken.ask({"a": 1})
    assert (told["errorType"], told["errorMessage"]) == ("LookupError", "no such table")


def test_a_function_whose_bundle_is_broken_says_so(client: str, start: Callable[..., Emulator], tmp_path: Path) -> None:
    films = start(client, "ranklet_runtime.handler.handler", LAMBDA_TASK_ROOT=str(tmp_path))
    assert "manifest.json" in films.ask(rank(REQUEST))["errorMessage"]
