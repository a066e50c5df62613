from __future__ import annotations

import datetime
from typing import Any
from unittest import mock

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet_features.stores.aws.endpoint import parse
from ranklet_features.stores.aws.sigv4 import Credentials, Signer, timestamp

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
HOSTS = st.sampled_from(
    [
        "dynamodb.eu-west-3.amazonaws.com",
        "LOCALHOST",
        "127.0.0.1",
        "[::1]",
        "my_host-1.internal",
        "xn--bcher-kva.example",
    ]
)
PORTS = st.one_of(st.none(), st.sampled_from([80, 443, 8000]), st.integers(1, 65535))
CLOCKS = st.floats(946684800, 4102444799)  # 2000 to 2099


def botocore_headers(
    url: str, headers: dict[str, str], body: bytes, given: Credentials, scope: tuple[str, str], now: float
) -> dict[str, str]:
    """The same request signed by botocore at the same time."""
    moment = datetime.datetime.fromtimestamp(int(now), datetime.UTC)
    request = AWSRequest(method="POST", url=url, headers=dict(headers), data=body)
    region, service = scope
    signer = botocore.auth.SigV4Auth(BotoCredentials(given.access_key, given.secret_key, given.token), service, region)
    naive = moment.replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=naive):
        signer.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def assert_equal_to_botocore(
    signer: Signer, scope: tuple[str, str], url: str, body: bytes, given: Credentials, now: float, **more: str
) -> None:
    endpoint = parse(url, "test")
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "DynamoDB_20120810.BatchGetItem",
        **more,
    }
    ours = signer.sign({**headers, "host": endpoint.host_header}, body, given, now=now)
    theirs = botocore_headers(url + "/", headers, body, given, scope, now)
    assert ours["authorization"] == theirs["authorization"]
    assert ours["x-amz-date"] == theirs["x-amz-date"]
    assert ours.get("x-amz-security-token") == theirs.get("x-amz-security-token")


@settings(max_examples=1000, deadline=None)
@given(
    scheme=st.sampled_from(["http", "https"]),
    host=HOSTS,
    port=PORTS,
    region=st.one_of(st.sampled_from(["us-east-1", "cn-north-1", "us-gov-west-1"]), st.text(min_size=1, max_size=12)),
    service=st.sampled_from(["dynamodb", "execute-api"]),
    access_key=PRINTABLE,
    secret_key=st.text(min_size=1, max_size=60),
    token=st.one_of(st.none(), PRINTABLE),
    body=st.binary(max_size=300),
    now=CLOCKS,
    spaced=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30),
)
def test_signatures_equal_botocores(
    scheme: str, host: str, port: int | None, region: str, service: str, access_key: str, secret_key: str,
    token: str | None, body: bytes, now: float, spaced: str,
) -> None:  # fmt: skip
    region = region.encode("utf-8", "ignore").decode() or "x"
    secret_key = secret_key.encode("utf-8", "ignore").decode() or "x"
    url = f"{scheme}://{host}" + (f":{port}" if port is not None else "")
    given = Credentials(access_key, secret_key, token)
    more = {"x-amz-meta": spaced} if spaced.strip() else {}
    assert_equal_to_botocore(Signer(region, service), (region, service), url, body, given, now, **more)


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(-3, 3), st.floats(-5, 5), st.integers(0, 2)), min_size=1, max_size=12))
def test_the_kept_key_follows_the_day_and_the_secret(steps: list[tuple[int, float, int]]) -> None:
    """Clock values around midnight, back and forth, with changing credentials, through one signer."""
    signer, midnight = Signer("eu-west-3"), 1_767_225_600.0  # 2026-01-01T00:00:00Z
    for day, second, who in steps:
        given = Credentials(f"AK{who}", f"secret-{who}", None if who == 0 else f"token-{who}")
        now = midnight + day * 86_400 + second
        assert_equal_to_botocore(signer, ("eu-west-3", "dynamodb"), "http://localhost:8000", b"{}", given, now)


def test_the_key_is_derived_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    import ranklet_features.stores.aws.sigv4 as module

    derived: list[Any] = []
    plain = module.signing_key
    monkeypatch.setattr(module, "signing_key", lambda *given: derived.append(given) or plain(*given))
    signer = Signer("eu-west-3")
    for now in (0.0, 1.0, 86_399.0, 86_400.0, 86_401.0):
        signer.sign({"host": "h"}, b"", Credentials("a", "b"), now=now)
    assert [date for _, date, _, _ in derived] == ["19700101", "19700102"]


def test_the_documentations_example_has_its_signature() -> None:
    """The key derivation example of the AWS General Reference, "Deriving the signing key"."""
    from ranklet_features.stores.aws.sigv4 import signing_key

    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    key = signing_key(secret, "20150830", "us-east-1", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    assert timestamp(1440938160) == "20150830T123600Z"
