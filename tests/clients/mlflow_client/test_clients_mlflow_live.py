"""MLflow's ScoringServerClient, unmodified, asks the local cloud: `python tests/oracles.py mlflow_client`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from clients_kit import Row
from mlflow_kit import asked, predictions
from packaging.version import Version

pytestmark = pytest.mark.oracle

Client = Callable[[str], Any]


@pytest.fixture
def client(served: str) -> Client:
    """Model → a client below its prefix: host and port as the client joins them, the path behind the port."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's own modules, about its own type hints
        from mlflow.pyfunc.scoring_server.client import ScoringServerClient
    host, port = served.removeprefix("http://").split(":", 1)
    return lambda model: ScoringServerClient(host, f"{port}/{model}")


def test_every_kind_of_data_gives_the_golden_scores(client: Client, golden: list[Row]) -> None:
    for row in golden:
        for data in asked(row).values():
            predictions(client(row.model).invoke(data), row)
        predictions(client(row.model).invoke(asked(row)["frame"], params={"temperature": 0.5}), row)


def test_the_server_is_ready_and_says_its_version(client: Client) -> None:
    films = client("films")
    films.wait_server_ready(timeout=30)
    films.ping()
    assert Version(films.get_version()).major == 3


def test_errors_are_told_as_mlflow_reads_them(client: Client, golden: list[Row]) -> None:
    from mlflow.exceptions import RestException

    with pytest.raises(Exception, match=r"error code 400, response.*\[0\]\.price: a number is expected") as refused:
        client("films").invoke([{**golden[0].rows[0], "price": "x"}])
    said = str(refused.value)
    error = RestException(json.loads(said[said.index("{") : said.rindex("}") + 1]))
    assert (error.error_code, error.get_http_status_code()) == ("BAD_REQUEST", 400)
