"""What V2's other clients sent, byte for byte, gets the golden scores from the local cloud.

The clients themselves are asked in tests/clients/kserve_v2_client and tests/clients/mlserver_client, in environments of
their own: they bring whole servers along.
"""

from __future__ import annotations

import base64
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import v2_wire

CLIENTS = {"kserve_v2_client": "kserve 0.21.0", "mlserver_client": "mlserver 1.7.1, tritonclient 2.73.0"}


def recorded(client: str) -> dict[str, Any]:
    """The recording of a client."""
    document: dict[str, Any] = json.loads((Path(__file__).parent / client / "wire.json").read_text())
    return document


def ask(served: str, call: dict[str, Any]) -> tuple[int, str | None, bytes]:
    """Status, length of the JSON and body of the answer to a recorded call, below the stage."""
    url = urlsplit(served)
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=30)
    try:
        body = base64.b64decode(call["body"])
        connection.request(call["method"], url.path + call["path"], body or None, call["headers"])
        answer = connection.getresponse()
        return answer.status, answer.headers[v2_wire.LENGTH], answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_the_recording_has_json_and_bytes_of_both_models(client: str) -> None:
    document = recorded(client)
    assert document["client"] == CLIENTS[client]
    asked = {(call["row"], v2_wire.LENGTH in call["headers"]) for call in document["calls"] if "row" in call}
    assert asked >= {(row, binary) for row in range(len(v2_wire.ROWS)) for binary in (False, True)}


@pytest.mark.parametrize("client", CLIENTS)
def test_recorded_calls_give_the_golden_scores(served: str, client: str) -> None:
    for call in recorded(client)["calls"]:
        status, length, body = ask(served, call)
        assert status == 200
        accepted = base64.b64decode(call["answer"])
        if "row" not in call:
            assert json.loads(body) == json.loads(accepted)
            continue
        told = v2_wire.outputs(body, length)
        v2_wire.check(told, v2_wire.ROWS[call["row"]])
        assert (told.keys(), length) == (v2_wire.outputs(accepted, call["answer_length"]).keys(), call["answer_length"])
