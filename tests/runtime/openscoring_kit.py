"""Requests in Openscoring's forms, and what comes back."""

import csv
import io
import json
from typing import Any

import pytest
from runtime_kit import MODEL, REQUEST, body_of, event, expected, json_of

ONCE = {**REQUEST["user"], **REQUEST["context"]}
ROWS = [{**ONCE, **{name: column[i] for name, column in REQUEST["items"].items()}} for i in range(3)]
SCORES = expected(REQUEST)


def near(scores: Any) -> Any:
    return pytest.approx(scores, abs=1e-6)


def evaluate(body: Any, verb: str = "", **headers: str) -> dict[str, Any]:
    """An event that evaluates records."""
    sent = body if isinstance(body, str | bytes) else json.dumps(body)
    return event(f"/model/{MODEL}{verb}", sent, content_type="application/json", **headers)


def batch(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return evaluate({"requests": [{"id": f"r{i}", "arguments": row} for i, row in enumerate(rows)]}, "/batch")


def table(text: str | bytes, content_type: str | None = "text/plain", **query: str) -> dict[str, Any]:
    return {
        **event(f"/model/{MODEL}/csv", text, content_type=content_type),
        "queryStringParameters": query or None,
    }


def asked(path: str, method: str = "GET") -> dict[str, Any]:
    return event(path, method=method)


def message(answer: dict[str, Any], status: int) -> str:
    """The message of a refusal, which is all that there is of it."""
    assert answer["statusCode"] == status
    assert answer["headers"]["x-application"] == "Openscoring/2.2"
    (name, said), *more = json_of(answer).items()
    assert (name, more) == ("message", [])
    return str(said)


def read(answer: dict[str, Any], delimiter: str = ",") -> list[list[str]]:
    assert answer["statusCode"] == 200, answer
    assert answer["headers"]["content-type"] == "text/plain; charset=UTF-8"
    return list(csv.reader(io.StringIO(body_of(answer).decode(), newline=""), delimiter=delimiter))
