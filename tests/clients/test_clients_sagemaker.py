"""boto3's `sagemaker-runtime`, unmodified, asks the local cloud and gets the golden scores."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import numpy as np
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from clients_kit import Row

JSON, JSONLINES, CSV, NPY = "application/json", "application/jsonlines", "text/csv", "application/x-npy"
INPUTS = {"films": ("age", "country", "hour", "id", "price", "rating"), "shelves": ("age", "shelf", "size")}


@pytest.fixture(params=["fleet", "model"])
def client(request: pytest.FixtureRequest, served: str) -> Iterator[Any]:
    """A client of the fleet's URL, and one below a model's own prefix."""
    url = served if request.param == "fleet" else f"{served}/films"
    session = boto3.Session(aws_access_key_id="id", aws_secret_access_key="key", region_name="eu-central-1")
    found = session.client("sagemaker-runtime", endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))
    yield found
    found.close()


def invoke(client: Any, row: Row, body: Any, content_type: str | None = JSON, **more: Any) -> dict[str, Any]:
    """The answer of InvokeEndpoint, its body read."""
    sent = body if isinstance(body, str | bytes) else json.dumps(body)
    typed = {} if content_type is None else {"ContentType": content_type}
    answer: dict[str, Any] = client.invoke_endpoint(EndpointName=row.model, Body=sent, **typed, **more)
    return {**answer, "Body": answer["Body"].read()}


def reachable(client: Any, golden: list[Row]) -> list[Row]:
    """The golden rows of the models that the client's URL leads to."""
    return [row for row in golden if row.model == "films" or not client.meta.endpoint_url.endswith("/films")]


def check(row: Row, predictions: list[Any]) -> None:
    scores = [one["score"] if isinstance(one, dict) else one for one in predictions]
    assert scores == pytest.approx(row.scores, abs=1e-6)
    for name, column in row.outputs.items():
        told = [one[name] for one in predictions]
        assert told == (pytest.approx(column, abs=1e-6) if name == "margin" else column)


@pytest.mark.parametrize("content_type", [JSON, None])
def test_instances_and_inputs_in_json(client: Any, golden: list[Row], content_type: str | None) -> None:
    for row in reachable(client, golden):
        for body in ({"instances": row.rows}, {"inputs": row.columns}):
            answer = invoke(client, row, body, content_type)
            check(row, json.loads(answer["Body"])["predictions"])
            assert answer["ContentType"] == JSON
            assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_json_lines(client: Any, golden: list[Row]) -> None:
    for row in reachable(client, golden):
        answer = invoke(client, row, "\n".join(map(json.dumps, row.rows)), JSONLINES)
        assert answer["ContentType"] == JSONLINES
        check(row, list(map(json.loads, answer["Body"].splitlines())))


def test_csv_without_and_with_a_header(client: Any, golden: list[Row]) -> None:
    for row in reachable(client, golden):
        if row.model != "films":
            continue
        names = INPUTS[row.model]
        table = [[one[name] for name in names] for one in row.rows]
        for lines in (table, [names, *table]):
            text = io.StringIO(newline="")
            csv.writer(text).writerows(lines)
            answer = invoke(client, row, text.getvalue(), CSV, Accept=CSV)
            assert answer["ContentType"] == CSV
            check(row, list(map(float, answer["Body"].split())))


def test_structured_arrays_in_npy(client: Any, golden: list[Row]) -> None:
    films = [("age", "<i8"), ("country", "<U2"), ("hour", "<i8"), ("id", "<i8"), ("price", "<f8"), ("rating", "<f8")]
    shelves = [("age", "<f8"), ("shelf", "<U7"), ("size", "<f8", (2,))]
    for row in reachable(client, golden):
        dtype = np.dtype(films if row.model == "films" else shelves)
        table = np.array([tuple(one[name] for name in INPUTS[row.model]) for one in row.rows], dtype)
        file = io.BytesIO()
        np.save(file, table)
        answer = invoke(client, row, file.getvalue(), NPY, Accept=NPY)
        assert answer["ContentType"] == NPY
        scores = np.load(io.BytesIO(answer["Body"]), allow_pickle=False)
        assert scores.tolist() == pytest.approx(row.scores, abs=1e-6)


def test_headers_go_and_come(client: Any, golden: list[Row]) -> None:
    row = golden[0]
    answer = invoke(
        client,
        row,
        {"instances": row.rows},
        TargetVariant="3",
        TargetModel="films.tar.gz",
        InferenceId="one",
        CustomAttributes="trace=7; shop=de",
    )
    check(row, json.loads(answer["Body"])["predictions"])
    assert answer["InvokedProductionVariant"] == "3"
    assert answer["CustomAttributes"] == "trace=7; shop=de"


def test_what_the_model_refuses_is_a_model_error(client: Any, golden: list[Row]) -> None:
    row = golden[0]
    with pytest.raises(client.exceptions.ModelError, match=r"instances\[0\]\.price: a number is expected") as refused:
        invoke(client, row, {"instances": [{**row.rows[0], "price": "x"}]})
    error = refused.value.response
    assert error["Error"]["Code"] == "ModelError"
    assert (error["ResponseMetadata"]["HTTPStatusCode"], error["OriginalStatusCode"]) == (424, 400)
    assert error["OriginalMessage"].startswith("$.instances[0].price: a number is expected")


def test_what_is_not_here_is_a_validation_error(client: Any, golden: list[Row]) -> None:
    row = golden[0]
    with pytest.raises(client.exceptions.ValidationError, match="'blue' is no target variant here") as refused:
        invoke(client, row, {"instances": row.rows}, TargetVariant="blue")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    with pytest.raises(client.exceptions.ValidationError, match="use InvokeEndpoint"):
        client.invoke_endpoint_with_response_stream(EndpointName=row.model, Body=b"{}")
    with pytest.raises(client.exceptions.ValidationError, match="use InvokeEndpoint"):
        client.invoke_endpoint_async(EndpointName=row.model, InputLocation="s3://bucket/key")


def test_an_unknown_endpoint_is_refused(client: Any) -> None:
    with pytest.raises(ClientError) as refused:
        client.invoke_endpoint(EndpointName="no-such", Body=b"{}")
    # Below a model's prefix its function says so; the fleet's API has no such route, and says so in its own words.
    if client.meta.endpoint_url.endswith("/films"):
        assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_a_client_may_sign_nothing_and_send_a_token(served: str, golden: list[Row]) -> None:
    def add_token(request: Any, **_: Any) -> None:
        request.headers["Authorization"] = "Bearer token"

    session = boto3.Session(region_name="eu-central-1")
    client = session.client("sagemaker-runtime", endpoint_url=served, config=Config(signature_version=UNSIGNED))
    client.meta.events.register("before-send.sagemaker-runtime", add_token)
    check(golden[0], json.loads(invoke(client, golden[0], {"instances": golden[0].rows})["Body"])["predictions"])
    client.close()
