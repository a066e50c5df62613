"""Who calls: signatures are checked as AWS checks them, on what arrived."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import httpx
import pytest
from client_asks import Ask
from client_fleet import Answer, Fleet, Said

from ranklet.client import ApiKey, Bearer, SigV4, Unsigned
from ranklet.local.dynamodb.auth import Verifier
from ranklet_features.stores.aws.sigv4 import Credentials

KEYS = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a session/token==")
REGION = "eu-central-1"
ARGUMENTS: dict[str, Any] = {"user": {"age": 0.5}, "items": {"id": [1, 2], "price": [0.5, 1.0]}}


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """An environment without credentials and without a region."""
    for name in ("PROFILE", "DEFAULT_PROFILE", "REGION", "DEFAULT_REGION", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("SESSION_TOKEN", "WEB_IDENTITY_TOKEN_FILE", "CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("BOTO_CONFIG", str(tmp_path / "boto"))
    yield monkeypatch


def _keys(*keys: str) -> botocore.credentials.Credentials:
    return botocore.credentials.Credentials(*keys)


def _check(said: Said, keys: tuple[str, ...], *, region: str = REGION, service: str = "execute-api") -> None:
    """By our own verifier, which is held to AWS's words, and by botocore, for the headers that arrived."""
    own = Verifier(Credentials(*keys), region, service=service)
    own.check(said.method, quote(said.path, safe="/~"), list(said.headers.items()), said.body)
    names = re.search(r"SignedHeaders=([^,]+)", said.headers["authorization"])
    assert names
    headers = {name: said.headers[name] for name in names[1].split(";")}
    request = botocore.awsrequest.AWSRequest(
        said.method, f"http://{said.headers['host']}{said.path}", headers=headers, data=said.body
    )
    request.context["timestamp"] = said.headers["x-amz-date"]
    signer = botocore.auth.SigV4Auth(_keys(*keys), service, region)
    right = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert said.headers["authorization"].endswith(f"Signature={right}")
    assert {"host", "x-amz-date"} <= headers.keys()


@pytest.mark.parametrize("keys", [KEYS[:2], KEYS])
@pytest.mark.parametrize("compress", [False, "gzip"])
def test_every_attempt_is_signed(ask: Ask, fleet: Fleet, keys: tuple[str, ...], compress: Any) -> None:
    fleet.faults.extend([Answer(503, b""), None])
    items = {**ARGUMENTS["items"], "note": ["x" * 9000] * 2}
    auth = SigV4(region=REGION, credentials=_keys(*keys))
    ask(fleet.url, options={"auth": auth, "compress": compress}, user={"age": 0.5}, items=items)
    assert len(fleet.said) == 2
    for said in fleet.said:
        _check(said, keys)
    assert fleet.said[0].headers.get("x-amz-security-token") == (keys[2] if len(keys) > 2 else None)


def test_the_wrong_secret_does_not_pass(ask: Ask, fleet: Fleet) -> None:
    ask(fleet.url, options={"auth": SigV4(region=REGION, credentials=_keys("AKIDEXAMPLE", "other"))}, **ARGUMENTS)
    with pytest.raises(Exception, match="does not match the signature"):
        _check(fleet.said[0], KEYS[:2])


def test_documents_and_paths_with_reserved_characters_are_signed(fleet: Fleet) -> None:
    auth = SigV4(region=REGION, credentials=_keys(*KEYS))
    with httpx.Client() as http:
        for path in ("/films/openapi.json", "/films/v1/models/films/labels/a%20b%2Fc:rank", "/a+b/~c/d,e"):
            http.get(fleet.url + path, auth=auth)
            _check(fleet.said[-1], KEYS)


def test_credentials_region_and_profile_are_what_boto3_would_find(
    ask: Ask, fleet: Fleet, nobody: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text(f"[shop]\naws_access_key_id={KEYS[0]}\naws_secret_access_key={KEYS[1]}\n")
    (tmp_path / "config").write_text("[profile shop]\nregion=ap-south-1\n")
    ask(fleet.url, options={"auth": SigV4(profile="shop", service="lambda")}, **ARGUMENTS)
    _check(fleet.said[0], KEYS[:2], region="ap-south-1", service="lambda")


@pytest.mark.parametrize(
    ("host", "scope"),
    [
        ("a1b2c3.execute-api.us-west-2.amazonaws.com", "us-west-2/execute-api"),
        ("a1b2c3.execute-api.cn-north-1.amazonaws.com.cn", "cn-north-1/execute-api"),
        ("a1b2c3.lambda-url.eu-west-1.on.aws", "eu-west-1/lambda"),
    ],
)
def test_region_and_service_are_those_of_the_host(host: str, scope: str, nobody: pytest.MonkeyPatch) -> None:
    nobody.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    request = httpx.Request("GET", f"https://{host}/films/health")
    next(SigV4(credentials=_keys(*KEYS)).sync_auth_flow(request))
    assert f"/{scope}/aws4_request" in request.headers["authorization"]


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        (SigV4(region=REGION), "no credentials to sign with; set AWS_PROFILE"),
        (SigV4(region=REGION, profile="gone"), "gone"),
        (SigV4(credentials=_keys(*KEYS)), "no region to sign for"),
    ],
)
def test_nothing_to_sign_with_is_said(
    ask: Ask, fleet: Fleet, nobody: pytest.MonkeyPatch, auth: SigV4, words: str
) -> None:
    with pytest.raises(Unsigned, match=words):
        ask(fleet.url, options={"auth": auth}, **ARGUMENTS)
    assert not fleet.said


def test_credentials_that_end_are_renewed_between_calls(ask: Ask, fleet: Fleet) -> None:
    renewed: list[int] = []

    def renew() -> dict[str, str]:
        renewed.append(1)
        until = datetime.now(UTC) + timedelta(seconds=1 if len(renewed) == 1 else 7200)
        return {
            "access_key": f"AKID{len(renewed)}",
            "secret_key": "secret",
            "token": "token",
            "expiry_time": until.isoformat(),
        }

    begun = datetime.now(UTC) - timedelta(hours=1)
    keys = botocore.credentials.RefreshableCredentials("AKID0", "secret", "token", begun, renew, "test")
    auth = SigV4(region=REGION, credentials=keys)
    fleet.faults.extend([Answer(503, b""), Answer(503, b""), None])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "_mandatory_refresh_timeout", 0)
        ask(fleet.url, options={"auth": auth}, **ARGUMENTS)
    assert len(renewed) >= 1
    for said in fleet.said:
        assert re.search(r"Credential=AKID[12]/", said.headers["authorization"])


def test_tokens_and_keys_are_sent(ask: Ask, fleet: Fleet) -> None:
    tokens = iter(["one", "two", "three"])
    fleet.faults.extend([None, Answer(503, b""), None])
    ask(fleet.url, options={"auth": Bearer("fixed")}, **ARGUMENTS)
    ask(fleet.url, options={"auth": Bearer(lambda: next(tokens))}, **ARGUMENTS)
    ask(fleet.url, options={"auth": ApiKey("key")}, **ARGUMENTS)
    assert [said.headers.get("authorization") for said in fleet.said] == [
        "Bearer fixed",
        "Bearer one",
        "Bearer two",
        None,
    ]
    assert fleet.said[-1].headers["x-api-key"] == "key"


def test_asyncio_is_not_held_up_by_looking_for_credentials() -> None:
    async def signed() -> str:
        flow = SigV4(region=REGION, credentials=_keys(*KEYS)).async_auth_flow(httpx.Request("GET", "https://host/x"))
        request = await anext(flow)
        await flow.aclose()
        return str(request.headers["authorization"])

    assert asyncio.run(signed()).startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
