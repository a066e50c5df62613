"""Keys out of Secrets Manager and SSM, as moto plays both: fetched when needed, rotated, and kept through trouble."""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from tokens_kit import KEY, OTHER, THIRD

from ranklet_runtime.errors import InternalFault, Unavailable
from ranklet_runtime.tokens.keys import Keys, parsed
from ranklet_runtime.tokens.signing import Signing

REGION = "eu-central-1"
IDENTITY = {"AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


def client(url: str, service: str) -> Any:
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="id", aws_secret_access_key="key"
    )


@pytest.fixture
def secret(url: str) -> Iterator[str]:
    found = client(url, "secretsmanager")
    arn = found.create_secret(Name=f"tokens-{time.monotonic_ns()}", SecretString=KEY)["ARN"]
    yield arn
    found.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def keys(url: str, arn: str, clock: Clock | None = None) -> Keys:
    environ = {**IDENTITY, "RANKLET_SIGNING": arn, "AWS_ENDPOINT_URL_SECRETS_MANAGER": url, "AWS_ENDPOINT_URL_SSM": url}
    return Keys(environ, clock=clock or Clock())


def test_secret_gives_its_value_and_once_rotated_the_one_before_too(url: str, secret: str) -> None:
    clock = Clock()
    subject = keys(url, secret, clock)
    assert subject.all() == (KEY.encode(),)
    client(url, "secretsmanager").put_secret_value(SecretId=secret, SecretString=OTHER)
    assert subject.all() == (KEY.encode(),)  # kept
    clock.now += 301
    assert subject.all() == (OTHER.encode(), KEY.encode())


def test_token_of_a_key_that_another_environment_has_seen_first_is_taken(url: str, secret: str) -> None:
    clock = Clock()
    slow = Signing(keys(url, secret, clock))
    old = slow.sealed(b"old")
    client(url, "secretsmanager").put_secret_value(SecretId=secret, SecretString=OTHER)
    quick = Signing(keys(url, secret))
    new = quick.sealed(b"new")
    assert slow.opened(new) is None  # asked for keys just now: nobody makes us ask for each request
    clock.now += 6
    assert slow.opened(new) == b"new"
    assert quick.opened(old) == slow.opened(old) == b"old"


def test_parameter_holds_several_keys_with_blanks_between(url: str) -> None:
    name = f"/ranklet/tokens/{time.monotonic_ns()}"
    client(url, "ssm").put_parameter(Name=name, Value=f"{OTHER}\n{KEY}", Type="SecureString")
    arn = client(url, "ssm").get_parameter(Name=name)["Parameter"]["ARN"]
    assert keys(url, arn).all() == (OTHER.encode(), KEY.encode())


def test_secret_that_is_not_there_is_a_fault_of_ours(url: str) -> None:
    arn = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:absent-AbCdEf"
    with pytest.raises(InternalFault, match="not there"):
        keys(url, arn).all()


def test_nobody_answers_is_503_at_first_and_later_the_keys_that_were_known(url: str, secret: str) -> None:
    with pytest.raises(Unavailable):
        keys("http://127.0.0.1:9", secret).all(time.monotonic() + 1)
    clock = Clock()
    subject = keys(url, secret, clock)
    known = subject.all()
    subject.renew()
    assert subject.all() == known
    subject._environ = {**subject._environ, "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:9"}
    subject._service = None
    clock.now += 301
    assert subject.all(time.monotonic() + 1) == known


def test_value_that_is_no_key_leaves_the_keys_that_were_known(
    url: str, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    subject = keys(url, secret, clock)
    known = subject.all()
    client(url, "secretsmanager").put_secret_value(SecretId=secret, SecretString="too short")
    clock.now += 301
    assert subject.all() == known
    said = capsys.readouterr().err
    assert "stay as they were" in said and "too short" not in said and KEY not in said


def test_ready_says_nothing_of_trouble(secret: str) -> None:
    keys("http://127.0.0.1:9", secret).ready()


@pytest.mark.parametrize("text", ["", "   ", "a" * 31, f"{KEY} {'b' * 31}"])
def test_short_keys_are_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(InternalFault) as refused:
        parsed(text)
    assert not any(word in str(refused.value) for word in text.split())


def test_keys_stand_once_and_not_too_many_are_taken() -> None:
    assert parsed(f"{KEY} {OTHER} {KEY}\t{THIRD}") == (KEY.encode(), OTHER.encode(), THIRD.encode())
    assert len(parsed(" ".join(f"{number:040}" for number in range(20)))) == 8


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def noted(a: bytes, b: bytes) -> bool:
        asked.append((a, b))
        return compare(a, b)

    monkeypatch.setattr("hmac.compare_digest", noted)
    signing = Signing(Keys({"RANKLET_SIGNING_KEYS": KEY}))
    assert signing.opened(signing.sealed(b"content")) == b"content"
    assert [len(one) for pair in asked for one in pair] == [32, 32]
