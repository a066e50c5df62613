"""Lambda's Invoke over HTTP, as boto3 calls it."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest
from local_helpers import HANDLERS, eventually

from ranklet.local.call import Api
from ranklet.local.cloud import LocalCloud
from ranklet.local.function import Function
from ranklet.local.hosted import Hosted
from ranklet.local.template import Deployment


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """Functions of the handlers named like them."""
    names = ("echo", "boom", "sleep", "talk", "context", "hog")
    functions = tuple(
        Function(name, f"tiny.{name}", HANDLERS, timeout_s=20.0, alias="live", version="1", memory_mb=256)
        for name in names
    )
    deployment = Deployment(functions, (), Api())
    build = tmp_path_factory.mktemp("build")
    with LocalCloud(deployment, build=build, cap=2, log=lambda line: None).running() as running:
        yield running


@pytest.fixture(scope="module")
def client(cloud: Hosted) -> Any:
    config = botocore.config.Config(retries={"max_attempts": 0}, read_timeout=30)
    credentials = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    return boto3.client("lambda", "us-east-1", endpoint_url=cloud.lambda_url, config=config, **credentials)


def test_function_is_invoked_and_its_answer_read(client: Any) -> None:
    answer = client.invoke(FunctionName="echo", Payload=json.dumps({"a": "é"}))
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "1")
    assert "FunctionError" not in answer
    assert json.load(answer["Payload"]) == {"a": "é"}


@pytest.mark.parametrize(
    "name",
    ["echo:live", "arn:aws:lambda:us-east-1:123456789012:function:echo", "123456789012:function:echo:1"],
)
def test_function_is_found_by_every_form_of_its_name(client: Any, name: str) -> None:
    assert json.load(client.invoke(FunctionName=name, Payload=b"1")["Payload"]) == 1


def test_payload_may_be_absent(client: Any) -> None:
    assert json.load(client.invoke(FunctionName="echo")["Payload"]) == {}


def test_function_error_is_marked(client: Any) -> None:
    answer = client.invoke(FunctionName="boom", Payload=b"1")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.load(answer["Payload"])["errorType"] == "ValueError"


def test_tail_of_the_log_is_returned_on_request(client: Any) -> None:
    answer = client.invoke(FunctionName="boom", LogType="Tail", Payload=b"1")
    log = base64.b64decode(answer["LogResult"]).decode()
    assert "no such film" in log
    assert "REPORT RequestId" in log.splitlines()[-1]
    assert "LogResult" not in client.invoke(FunctionName="boom", Payload=b"1")


def test_context_carries_the_alias(client: Any) -> None:
    seen = json.load(client.invoke(FunctionName="context", Payload=b"1")["Payload"])
    assert seen["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:context:live"
    assert seen["version"] == "1"


def test_event_is_accepted_and_run_in_the_background(client: Any, cloud: Hosted) -> None:
    before = cloud.stats()["echo"].invocations
    answer = client.invoke(FunctionName="echo", InvocationType="Event", Payload=b"1")
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    ran = eventually(lambda: cloud.stats()["echo"].invocations == before + 1, 10)
    assert asyncio.run(ran)


def test_dry_run_calls_nothing(client: Any, cloud: Hosted) -> None:
    before = cloud.stats()["echo"].invocations
    assert client.invoke(FunctionName="echo", InvocationType="DryRun", Payload=b"1")["StatusCode"] == 204
    assert cloud.stats()["echo"].invocations == before


def test_unknown_function_is_not_found(client: Any) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="there are echo, boom"):
        client.invoke(FunctionName="absent", Payload=b"1")


def test_payload_that_is_no_json_is_refused(client: Any) -> None:
    with pytest.raises(
        client.exceptions.InvalidRequestContentException, match="Could not parse request body into json"
    ):
        client.invoke(FunctionName="echo", Payload=b"{")


def test_payload_above_six_megabytes_is_refused(client: Any) -> None:
    with pytest.raises(client.exceptions.RequestTooLargeException, match="limit 6291456 bytes"):
        client.invoke(FunctionName="echo", Payload=b'"' + b"x" * 6_291_455 + b'"')
    fits = b'"' + b"x" * 6_291_454 + b'"'
    assert client.invoke(FunctionName="echo", Payload=fits)["Payload"].read() == fits


def test_invocations_above_the_cap_are_throttled(client: Any) -> None:
    results: list[Any] = []
    lock = threading.Lock()

    def one() -> None:
        try:
            result: Any = client.invoke(FunctionName="sleep", Payload=b"1.5")["StatusCode"]
        except botocore.exceptions.ClientError as error:
            result = error.response
        with lock:
            results.append(result)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results.count(200) == 2
    refused = [result for result in results if result != 200]
    assert {refusal["Error"]["Code"] for refusal in refused} == {"TooManyRequestsException"}
    assert {refusal["ResponseMetadata"]["HTTPStatusCode"] for refusal in refused} == {429}
    assert {refusal["Reason"] for refusal in refused} == {"ConcurrentInvocationLimitExceeded"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/2015-03-31/functions", {}, 404),
        ("GET", "/2015-03-31/functions/echo/invocations", {}, 404),
        ("POST", "/2015-03-31/functions/echo/invoke-async", {}, 404),
        ("POST", "/2015-03-31/functions/echo/invocations", {"X-Amz-Invocation-Type": "Later"}, 400),
        ("POST", "/2015-03-31/functions/echo/invocations", {"X-Amz-Client-Context": "*"}, 400),
    ],
)
def test_what_is_not_played_is_refused(
    cloud: Hosted, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    connection = http.client.HTTPConnection(cloud.lambda_url.split("/")[2], timeout=10)
    connection.request(method, path, body=b"1", headers=headers)
    answer = connection.getresponse()
    assert answer.status == status
    assert json.loads(answer.read())["Message"]
    connection.close()
