from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ranklet_features.errors import StoreUnavailable
from ranklet_features.stores.aws.connection import Broken
from ranklet_features.stores.aws.credentials import (
    FULL_URI,
    REFRESH_S,
    TOKEN,
    ContainerCredentials,
    EnvironmentCredentials,
    provider,
)
from ranklet_features.stores.aws.sigv4 import Credentials

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_SESSION_TOKEN": "T"}


def test_the_environments_own_credentials_come_first() -> None:
    given = provider({**ENVIRONMENT, FULL_URI: "http://127.0.0.1:1/"})
    assert given.current(deadline=0) == Credentials("AK", "SK", "T")
    assert not given.renew()


def test_permanent_credentials_have_no_token() -> None:
    environ = {**ENVIRONMENT, "AWS_SESSION_TOKEN": ""}
    assert EnvironmentCredentials(environ).current(deadline=0) == Credentials("AK", "SK", None)


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
@pytest.mark.parametrize("bad", ["a\r\nx-evil: 1", "a\n", "é", "a\0b", " ak"])
def test_what_would_become_a_header_of_its_own_is_refused(name: str, bad: str) -> None:
    with pytest.raises(StoreUnavailable, match="no header may have") as refusal:
        provider({**ENVIRONMENT, name: bad})
    assert bad not in str(refusal.value)


@dataclass
class Issuer:
    """A container credentials endpoint. What it answers is set by the test; requests are kept."""

    now: float = field(default_factory=time.time)
    life_s: float = 3600.0
    status: int = 200
    answer: Any = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def document(self) -> Any:
        if self.answer is not None:
            return self.answer
        expires = datetime.fromtimestamp(self.now, UTC) + timedelta(seconds=self.life_s)
        return {
            "AccessKeyId": f"AK{len(self.asked)}",
            "SecretAccessKey": "SK",
            "Token": "T",
            "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


@pytest.fixture
def issuer() -> Iterator[tuple[Issuer, str]]:
    state = Issuer()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("Authorization")))
            body = json.dumps(state.document()).encode()
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state, f"http://127.0.0.1:{server.server_address[1]}/2021-04-23/credentials?a=b"
    server.shutdown()
    thread.join()
    server.server_close()


def soon() -> float:
    return time.monotonic() + 30


def opened(issuer: tuple[Issuer, str], token: str | None = "auth") -> ContainerCredentials:
    state, url = issuer
    return ContainerCredentials(url, token, now=lambda: state.now)


def test_container_credentials_are_fetched_with_the_token_and_kept(issuer: tuple[Issuer, str]) -> None:
    state, url = issuer
    given = provider({FULL_URI: url, TOKEN: "auth"})
    first = given.current(deadline=soon())
    assert first[:3] == ("AK1", "SK", "T") and first.expires is not None and abs(first.expires - state.now - 3600) < 2
    assert given.current(deadline=soon()) is first
    assert state.asked == [("/2021-04-23/credentials?a=b", "auth")]


def test_without_a_token_none_is_sent(issuer: tuple[Issuer, str]) -> None:
    opened(issuer, None).current(deadline=soon())
    assert issuer[0].asked[0][1] is None


def test_credentials_are_renewed_before_they_expire(issuer: tuple[Issuer, str]) -> None:
    state, _ = issuer
    given = opened(issuer)
    given.current(deadline=soon())
    state.now += 3600 - REFRESH_S - 2
    assert given.current(deadline=soon()).access_key == "AK1"
    state.now += 4
    assert given.current(deadline=soon()).access_key == "AK2"


def test_a_failed_renewal_does_no_harm_until_they_expire(issuer: tuple[Issuer, str]) -> None:
    state, _ = issuer
    given = opened(issuer)
    given.current(deadline=soon())
    state.status = 500
    state.now += 3600 - REFRESH_S + 1
    assert given.current(deadline=soon()).access_key == "AK1"
    state.now += REFRESH_S
    with pytest.raises(Broken, match="500"):
        given.current(deadline=soon())


def test_credentials_that_aws_calls_expired_are_fetched_anew(issuer: tuple[Issuer, str]) -> None:
    given = opened(issuer)
    given.current(deadline=soon())
    assert given.renew()
    assert given.current(deadline=soon()).access_key == "AK2"


def test_credentials_without_an_end_are_kept(issuer: tuple[Issuer, str]) -> None:
    state, _ = issuer
    state.answer = {"AccessKeyId": "AK", "SecretAccessKey": "SK"}
    given = opened(issuer)
    assert given.current(deadline=soon()) == Credentials("AK", "SK", None, None)
    state.now += 10**9
    given.current(deadline=soon())
    assert len(state.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        "text",
        {"AccessKeyId": "AK"},
        {"AccessKeyId": 1, "SecretAccessKey": "SK"},
        {"AccessKeyId": "AK", "SecretAccessKey": "SK", "Expiration": "tomorrow"},
        {"AccessKeyId": "AK\r\nx: y", "SecretAccessKey": "SK"},
    ],
)
def test_an_answer_that_holds_no_credentials_is_refused_without_repeating_it(
    issuer: tuple[Issuer, str], answer: Any
) -> None:
    issuer[0].answer = answer
    with pytest.raises(StoreUnavailable) as refusal:
        opened(issuer).current(deadline=soon())
    assert "SK" not in str(refusal.value)


def test_a_refusal_of_the_endpoint_is_final(issuer: tuple[Issuer, str]) -> None:
    issuer[0].status = 403
    with pytest.raises(StoreUnavailable, match="403"):
        opened(issuer).current(deadline=soon())


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/x", "http://example.com/", "http://10.0.0.1", "ftp://127.0.0.1/"]
)
def test_secrets_never_go_over_plain_http_to_another_machine(url: str) -> None:
    with pytest.raises(StoreUnavailable, match=FULL_URI):
        provider({FULL_URI: url})


@pytest.mark.parametrize(
    "url", ["https://example.com/x", "http://localhost:1/x", "http://[::1]:1/x", "http://127.9.9.9/"]
)
def test_https_and_loopback_are_allowed(url: str) -> None:
    assert isinstance(provider({FULL_URI: url}), ContainerCredentials)


def test_an_endpoint_that_does_not_answer_is_left_at_the_deadline() -> None:
    with pytest.raises(Broken):
        ContainerCredentials("http://127.0.0.1:9/", "t").current(deadline=time.monotonic() + 5)
