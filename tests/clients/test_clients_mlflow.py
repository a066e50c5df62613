"""What MLflow's ScoringServerClient sent, byte for byte, asks the local cloud and gets the golden scores.

The client itself is asked in tests/clients/mlflow_client, in an environment of its own: it is large.
"""

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from clients_kit import Row

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("mlflow_client").joinpath("wire.json").read_text())


def ask(served: str, call: dict[str, Any]) -> tuple[int, str, str]:
    """Status, media type and body of the answer to a recorded call, below the stage."""
    url = urlsplit(served)
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=30)
    try:
        connection.request(call["method"], url.path + call["path"], call["body"] or None, call["headers"])
        answer = connection.getresponse()
        return answer.status, answer.headers["content-type"], answer.read().decode()
    finally:
        connection.close()


def test_the_recording_is_of_all_golden_rows_in_all_forms(golden: list[Row]) -> None:
    assert RECORDED["client"] == "mlflow-skinny 3.17.2"
    asked = [(call["path"].split("/")[1], call["name"], call["row"]) for call in RECORDED["calls"] if "name" in call]
    names = ("frame", "records", "instances", "inputs", "list")
    assert asked == [(row.model, name, pytest.approx(row.scores)) for row in golden for name in names]


def test_recorded_calls_give_the_golden_scores(served: str) -> None:
    for call in RECORDED["calls"]:
        status, kind, body = ask(served, call)
        assert status == 200
        if "row" in call:
            predictions = json.loads(body)["predictions"]
            scores = [one["score"] if isinstance(one, dict) else one for one in predictions]
            assert scores == pytest.approx(call["row"], abs=1e-6)
            assert kind == "application/json"
        assert same(body, call["answer"])


def same(one: str, other: str) -> bool:
    """Whether the client would take an answer as the one that it took: the same but for the last digits."""
    if not one.startswith("{"):
        return one == other
    first, second = json.loads(one), json.loads(other)
    return first.keys() == second.keys() and len(first.get("predictions", ())) == len(second.get("predictions", ()))
