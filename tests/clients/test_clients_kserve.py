"""What KServe's V1 client sent, byte for byte, asks the local cloud and gets the golden scores.

The client itself is asked in tests/clients/kserve_client, in an environment of its own: it is large.
"""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from clients_kit import Row

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("kserve_client").joinpath("wire.json").read_text())


def ask(served: str, call: dict[str, Any]) -> Any:
    """The answer to a recorded call, below the stage."""
    url = urlsplit(served)
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=60)
    try:
        connection.request(call["method"], url.path + call["path"], call["body"] or None, call["headers"])
        answer = connection.getresponse()
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        return json.load(answer)
    finally:
        connection.close()


def test_the_recording_is_of_the_golden_rows_in_both_forms(golden: list[Row]) -> None:
    assert RECORDED["client"] == "kserve 0.21.0"
    asked = [(call["path"].split("/")[1], call["name"], call["row"]) for call in RECORDED["calls"] if "name" in call]
    short = [row for row in golden if len(row.scores) < 100]
    assert asked == [(row.model, name, pytest.approx(row.scores)) for row in short for name in ("instances", "inputs")]


def test_recorded_calls_give_the_golden_scores(served: str) -> None:
    for call in RECORDED["calls"]:
        answer = ask(served, call)
        if "row" not in call:
            assert answer == json.loads(call["answer"])
            continue
        ((key, told),) = answer.items()
        if key == "predictions":
            scores = [one["score"] if isinstance(one, dict) else one for one in told]
        else:
            scores = told["score"] if isinstance(told, dict) else told
        assert scores == pytest.approx(call["row"], abs=1e-6)


def test_the_client_asked_for_a_sign_of_life_and_for_readiness() -> None:
    (alive, ready) = (call for call in RECORDED["calls"] if call["method"] == "GET")
    assert (alive["path"], json.loads(alive["answer"])) == ("/films/", {"status": "alive"})
    assert (ready["path"], json.loads(ready["answer"])["ready"]) == ("/films/v1/models/films", True)
