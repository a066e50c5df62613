"""Signatures are checked as AWS checks them: boto3's own pass, wrong ones are refused in AWS's words."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from dynamodb_helpers import client, create, outcome

from ranklet.local.dynamodb import LocalDynamo
from ranklet_features.stores.aws.sigv4 import Credentials, Signer

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@pytest.fixture(params=[None, "session/token+=="])
def guarded(request: pytest.FixtureRequest) -> Iterator[tuple[LocalDynamo, dict[str, Any]]]:
    given = {"access_key": "AKIDEXAMPLE", "secret_key": SECRET, "token": request.param}
    with LocalDynamo(credentials=Credentials("AKIDEXAMPLE", SECRET, request.param), region="eu-west-3") as server:
        yield server, given


def test_boto3s_requests_pass(guarded: tuple[LocalDynamo, dict[str, Any]]) -> None:
    server, given = guarded
    api = client(server.endpoint, region="eu-west-3", **given)
    create(api)
    api.put_item(TableName="films", Item={"k": {"S": "é"}})
    assert api.get_item(TableName="films", Key={"k": {"S": "é"}})["Item"] == {"k": {"S": "é"}}


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"secret_key": "wrong"}, "InvalidSignatureException", "does not match the signature you provided"),
        (
            {"access_key": "AKIDOTHER"},
            "UnrecognizedClientException",
            "security token included in the request is invalid",
        ),
        ({"token": "other"}, "UnrecognizedClientException", "security token"),
        ({"region": "us-east-1"}, "InvalidSignatureException", "scoped to a valid region"),
    ],
)
def test_a_wrong_identity_is_refused(
    guarded: tuple[LocalDynamo, dict[str, Any]], change: dict[str, str], code: str, words: str
) -> None:
    server, given = guarded
    api = client(server.endpoint, **{"region": "eu-west-3", **given, **change})
    got_code, status, message = outcome(api, "list_tables", {})
    assert (got_code, status) == (code, 400) and words in message
    assert not server.calls


class Raw:
    """Signed requests that are changed after they were signed."""

    def __init__(self, server: LocalDynamo) -> None:
        self.host = server.endpoint.removeprefix("http://")
        self.signer = Signer("eu-west-3")
        self.body = b"{}"

    def signed(self, now: float | None = None, service: str = "dynamodb") -> dict[str, str]:
        headers = {"host": self.host, "x-amz-target": "DynamoDB_20120810.ListTables"}
        given = Credentials("AKIDEXAMPLE", SECRET)
        return Signer("eu-west-3", service).sign(headers, self.body, given, now=time.time() if now is None else now)

    def send(self, headers: dict[str, str], body: bytes | None = None) -> tuple[str, str]:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        connection.request("POST", "/", self.body if body is None else body, headers)
        document = orjson.loads(connection.getresponse().read())
        connection.close()
        return document.get("__type", "").rpartition("#")[2], document.get("message", "")


@pytest.fixture
def raw() -> Iterator[Raw]:
    with LocalDynamo(credentials=Credentials("AKIDEXAMPLE", SECRET), region="eu-west-3") as server:
        yield Raw(server)


def test_a_right_signature_passes(raw: Raw) -> None:
    assert raw.send(raw.signed()) == ("", "")


def test_a_request_without_a_signature_is_refused(raw: Raw) -> None:
    assert raw.send({"x-amz-target": "DynamoDB_20120810.ListTables"})[0] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize("authorization", ["", "Basic eDp5", "AWS4-HMAC-SHA256 Credential=a/b", "AWS4-HMAC-SHA256 x"])
def test_an_authorization_of_another_form_is_refused(raw: Raw, authorization: str) -> None:
    assert raw.send({**raw.signed(), "authorization": authorization})[0] == "IncompleteSignatureException"


@pytest.mark.parametrize(
    "change",
    [
        {"x-amz-target": "DynamoDB_20120810.DeleteTable"},
        {"x-amz-date": "20260101T000000Z"},
        {"host": "127.0.0.1:1"},
    ],
)
def test_what_was_signed_must_not_change(raw: Raw, change: dict[str, str]) -> None:
    assert raw.send({**raw.signed(), **change})[0] == "InvalidSignatureException"


def test_the_body_is_signed(raw: Raw) -> None:
    assert raw.send(raw.signed(), b'{"Limit": 1}')[0] == "InvalidSignatureException"


def test_host_and_date_must_be_signed(raw: Raw) -> None:
    headers = raw.signed()
    headers["authorization"] = headers["authorization"].replace("SignedHeaders=host;", "SignedHeaders=")
    assert raw.send(headers) == ("InvalidSignatureException", "host must be signed")


def test_another_services_signature_is_refused(raw: Raw) -> None:
    code, message = raw.send(raw.signed(service="s3"))
    assert code == "InvalidSignatureException" and "correct service: 'dynamodb'" in message


@pytest.mark.parametrize(("ahead", "words"), [(-301, "Signature expired: "), (301, "Signature not yet current: ")])
def test_a_date_beyond_five_minutes_is_refused(raw: Raw, ahead: float, words: str) -> None:
    code, message = raw.send(raw.signed(time.time() + ahead))
    assert code == "InvalidSignatureException" and message.startswith(words)
    assert raw.send(raw.signed(time.time() + ahead * 0.9)) == ("", "")
