"""The front over real HTTP, before a Lambda that is a coroutine in memory: events, limits, refusals, answers."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import random
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ranklet.errors import LocalError
from ranklet.local.call import Api
from ranklet.local.function import REQUEST_LIMIT, Invoked
from ranklet.local.gateway import BODY_LIMIT, HEAD_LIMIT, Gateway
from ranklet.local.logs import LogLine
from ranklet.local.routes import Route

ROUTES = (
    Route("ANY /films/{proxy+}", "films"),
    Route("ANY /v1/models/films:rank", "films"),
    Route("GET /old", "films", payload="1.0"),
    Route("ANY /slow", "slow", timeout_s=0.2),
    Route("ANY /signed", "films", auth="AWS_IAM"),
    Route("ANY /token", "films", auth="JWT"),
)
Answer = Callable[[dict[str, Any]], Awaitable[Invoked]]


def ok(payload: bytes) -> Invoked:
    return Invoked(200, payload, "r-1")


async def mirror(event: dict[str, Any]) -> Invoked:
    """Answers the event itself."""
    return ok(
        json.dumps(
            {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
        ).encode()
    )


class Front:
    """A running front and what it called."""

    def __init__(self, gateway: Gateway, lines: list[LogLine]) -> None:
        self.gateway, self.lines = gateway, lines
        self.called: list[tuple[str, dict[str, Any]]] = []

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        host = self.gateway.url.split("/")[2]
        connection = http.client.HTTPConnection(host, timeout=20)
        try:
            connection.request(method, path, body=body, headers=named)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def event(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        status, _, answer = self.ask(method, path, body, **headers)
        assert status == 200, answer
        event: dict[str, Any] = json.loads(answer)
        return event


@contextmanager
def front(answer: Answer = mirror, **settings: Any) -> Iterator[Front]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    lines: list[LogLine] = []

    async def invoke(name: str, payload: bytes, trace_id: str) -> Invoked:
        event = json.loads(payload)
        running.called.append((name, event))
        return await answer(event)

    gateway = Gateway(ROUTES, invoke, log=lines.append, **settings)
    running = Front(gateway, lines)
    try:
        asyncio.run_coroutine_threadsafe(gateway.start(), loop).result(10)
        yield running
    finally:
        asyncio.run_coroutine_threadsafe(gateway.close(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def running() -> Iterator[Front]:
    with front() as started:
        yield started


def test_request_becomes_an_event_of_its_route(running: Front) -> None:
    event = running.event("POST", "/films/v1/a%20b?top=3", b'{"a":1}', Content_Type="application/json", X_Own="1")
    assert running.called[0][0] == "films"
    assert (event["version"], event["routeKey"]) == ("2.0", "ANY /films/{proxy+}")
    assert (event["rawPath"], event["rawQueryString"]) == ("/films/v1/a b", "top=3")
    assert event["pathParameters"] == {"proxy": "v1/a b"}
    assert (event["body"], event["isBase64Encoded"]) == ('{"a":1}', False)
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    headers = event["headers"]
    assert (headers["x-own"], headers["content-length"]) == ("1", "7")
    assert headers["host"] == f"127.0.0.1:{headers['x-forwarded-port']}"


def test_literal_colon_leads_to_the_model(running: Front) -> None:
    event = running.event("POST", "/v1/models/films:rank", b"{}", Content_Type="application/json")
    assert (event["routeKey"], event["rawPath"]) == ("ANY /v1/models/films:rank", "/v1/models/films:rank")
    assert running.event("POST", "/v1/models/films%3Arank", b"{}")["rawPath"] == "/v1/models/films:rank"


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/msgpack", None])
def test_bytes_arrive_as_base64(running: Front, content_type: str | None) -> None:
    headers = {"Content_Type": content_type} if content_type else {}
    event = running.event("POST", "/films/a", b"\x00\xff", **headers)
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\x00\xff"


def test_chunked_body_arrives_whole_with_its_length(running: Front) -> None:
    event = running.event("POST", "/films/a", iter([b"ab", b"cd"]), Content_Type="text/plain")
    assert event["body"] == "abcd"
    assert event["headers"]["content-length"] == "4"
    assert "transfer-encoding" not in event["headers"]


def test_integration_of_format_1_gets_the_old_event(running: Front) -> None:
    event = running.event("GET", "/old?a=1&a=2")
    assert (event["version"], event["resource"], event["path"]) == ("1.0", "/old", "/old")
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}


def test_answer_carries_the_request_id_and_keeps_the_connection(running: Front) -> None:
    _, headers, answer = running.ask("GET", "/films/a")
    assert headers["apigw-requestid"] == json.loads(answer)["requestContext"]["requestId"]
    assert headers["connection"] == "keep-alive"
    connection = http.client.HTTPConnection(running.gateway.url.split("/")[2], timeout=10)
    sockets = set()
    for number in range(5):
        connection.request("POST", "/films/a", body=str(number), headers={"Content-Type": "text/plain"})
        answer = connection.getresponse().read()
        assert json.loads(answer)["body"] == str(number)
        sockets.add(connection.sock)
    connection.close()
    assert len(sockets) == 1


def test_head_request_is_an_event_and_its_answer_has_no_body(running: Front) -> None:
    status, headers, answer = running.ask("HEAD", "/films/a")
    assert (status, answer) == (200, b"")
    assert int(headers["content-length"]) > 100
    assert running.called[0][1]["requestContext"]["http"]["method"] == "HEAD"


@pytest.mark.parametrize("path", ["/", "/film", "/films", "/v1/models/films:other", "//films/a"])
def test_path_without_a_route_is_not_found(running: Front, path: str) -> None:
    status, headers, answer = running.ask("GET", path)
    assert (status, answer) == (404, b'{"message":"Not Found"}')
    assert headers["content-type"] == "application/json"
    assert "apigw-requestid" in headers
    assert running.called == []


def test_greedy_variable_takes_the_slash_alone(running: Front) -> None:
    assert running.ask("GET", "/films/")[0] == 200
    event = running.called[0][1]
    assert (event["routeKey"], event["rawPath"]) == ("ANY /films/{proxy+}", "/films/")
    assert event["pathParameters"] == {"proxy": ""}


def test_method_without_a_route_is_not_found(running: Front) -> None:
    assert running.ask("POST", "/old")[0] == 404


def test_payload_above_ten_megabytes_is_refused(running: Front) -> None:
    status, _, answer = running.ask("POST", "/films/a", b"x" * (BODY_LIMIT + 1))
    assert (status, answer) == (413, b'{"message":"Request Entity Too Large"}')


def test_event_above_six_megabytes_is_refused_and_not_sent(running: Front) -> None:
    binary = b"x" * (REQUEST_LIMIT * 3 // 4)
    status, _, answer = running.ask("POST", "/films/a", binary, Content_Type="application/octet-stream")
    assert (status, answer) == (413, b'{"message":"Request Entity Too Large"}')
    assert running.called == []
    text = b"x" * (REQUEST_LIMIT * 3 // 4)
    assert running.ask("POST", "/films/a", text, Content_Type="text/plain")[0] == 200


def test_head_above_ten_kilobytes_is_refused(running: Front) -> None:
    status, _, answer = running.ask("GET", "/films/a", X=("x" * HEAD_LIMIT))
    assert (status, answer) == (431, b'{"message":"Request Header Fields Too Large"}')
    assert running.ask("GET", "/films/a?" + "x" * (HEAD_LIMIT + 1))[0] == 431
    assert running.ask("GET", "/films/a?" + "x" * (HEAD_LIMIT - 500))[0] == 200


def test_malformed_request_is_a_bad_request(running: Front) -> None:
    status, _, answer = running.ask("POST", "/films/a", None, Content_Length="1", Transfer_Encoding="chunked")
    assert (status, answer) == (400, b'{"message":"Bad Request"}')


def test_integration_past_its_time_is_unavailable_and_goes_on() -> None:
    finished = threading.Event()

    async def late(event: dict[str, Any]) -> Invoked:
        await asyncio.sleep(0.6)
        finished.set()
        return ok(b"{}")

    with front(late) as running:
        status, _, answer = running.ask("GET", "/slow")
        assert (status, answer) == (503, b'{"message":"Service Unavailable"}')
        assert not finished.is_set()
        assert finished.wait(5)


@pytest.mark.parametrize(
    ("invoked", "status", "body"),
    [
        (Invoked(200, b'{"errorMessage":"x"}', "r", error="Unhandled"), 500, b'{"message":"Internal Server Error"}'),
        (Invoked(429, b"{}", "r"), 503, b'{"message":"Service Unavailable"}'),
        (Invoked(413, b"{}", "r"), 413, b'{"message":"Request Entity Too Large"}'),
        (ok(b"not json"), 500, b'{"message":"Internal Server Error"}'),
        (ok(b'{"statusCode":"x"}'), 500, b'{"message":"Internal Server Error"}'),
        (ok(b'{"message":"x"}'), 200, b'{"message":"x"}'),
        (ok(b'{"statusCode":204}'), 204, b""),
        (ok(b'{"statusCode":302,"headers":{"location":"/"}}'), 302, b""),
    ],
)
def test_lambdas_answers_become_the_apis(invoked: Invoked, status: int, body: bytes) -> None:
    async def answer(event: dict[str, Any]) -> Invoked:
        return invoked

    with front(answer) as running:
        answered, _, received = running.ask("GET", "/films/a")
    assert (answered, received) == (status, body)


def test_reason_of_a_malformed_answer_is_logged_and_not_told() -> None:
    async def answer(event: dict[str, Any]) -> Invoked:
        return ok(b'{"statusCode":200,"body":5}')

    with front(answer) as running:
        assert b"string" not in running.ask("GET", "/films/a")[2]
        assert any("body is a int, it must be a string" in line.text for line in running.lines)


def test_every_request_is_logged(running: Front) -> None:
    running.ask("GET", "/films/a?secret=1")
    running.ask("GET", "/other")
    texts = [line.text for line in running.lines if line.function == "front"]
    assert texts[0].startswith("GET /films/a 200 ") and texts[0].endswith("→ films")
    assert texts[1].startswith("GET /other 404 ") and texts[1].endswith("→ -")


def test_callers_need_no_authorization_where_the_front_is_open(running: Front) -> None:
    assert running.ask("GET", "/signed")[0] == running.ask("GET", "/token")[0] == 200


def test_callers_without_authorization_are_refused_where_it_is_required() -> None:
    with front(auth="required") as running:
        assert running.ask("GET", "/signed")[::2] == (403, b'{"message":"Forbidden"}')
        status, headers, answer = running.ask("GET", "/token")
        assert (status, answer) == (401, b'{"message":"Unauthorized"}')
        assert headers["www-authenticate"] == "Bearer"
        assert (
            running.ask("GET", "/signed", Authorization="AWS4-HMAC-SHA256 …".encode("latin-1", "ignore").decode())[0]
            == 200
        )
        assert running.ask("GET", "/films/a")[0] == 200


def test_named_stage_is_the_first_part_of_every_path() -> None:
    with front(api=Api(stage="prod")) as running:
        assert running.gateway.url.endswith("/prod")
        assert running.event("GET", "/prod/films/a")["rawPath"] == "/prod/films/a"
        for path in ("/films/a", "/production/films/a", "/prod"):
            assert running.ask("GET", path)[0] == 404


REST = Api(kind="rest", stage="prod")


def test_rest_api_sends_its_own_event() -> None:
    with front(api=REST) as running:
        event = running.event("POST", "/prod/films/a%20b", b"{}", Content_Type="application/json")
        _, headers, _ = running.ask("GET", "/prod/films/a")
    assert "version" not in event
    assert (event["path"], event["resource"]) == ("/films/a%20b", "/films/{proxy+}")
    assert event["requestContext"]["path"] == "/prod/films/a%20b"
    assert (event["body"], event["isBase64Encoded"]) == ("e30=", True)
    assert event["headers"]["Content-Type"] == "application/json"
    assert {"x-amzn-requestid", "x-amz-apigw-id"} <= set(headers)


@pytest.mark.parametrize(
    ("path", "status", "body", "kind"),
    [
        ("/prod/other", 403, b'{"message":"Missing Authentication Token"}', "MissingAuthenticationTokenException"),
        ("/other/films/a", 403, b'{"message":"Forbidden"}', "ForbiddenException"),
        ("/prod/slow", 504, b'{"message": "Endpoint request timed out"}', None),
        ("/prod/films/a", 502, b'{"message": "Internal server error"}', "InternalServerErrorException"),
    ],
)
def test_rest_api_refuses_in_its_own_words(path: str, status: int, body: bytes, kind: str | None) -> None:
    async def answer(event: dict[str, Any]) -> Invoked:
        await asyncio.sleep(0.5 if event["path"] == "/slow" else 0)
        return ok(b'{"message":"no status"}')

    with front(answer, api=REST) as running:
        answered, headers, received = running.ask("GET", path)
    assert (answered, received, headers.get("x-amzn-errortype")) == (status, body, kind)


def test_rest_api_hides_a_throttled_function() -> None:
    async def answer(event: dict[str, Any]) -> Invoked:
        return Invoked(429, b"{}", "r")

    with front(answer, api=REST) as running:
        assert running.ask("GET", "/prod/films/a")[0] == 500
        assert running.ask("POST", "/prod/films/a", b"x" * (BODY_LIMIT + 1))[2] == b'{"message":"Request Too Long"}'


def test_taken_port_is_told(running: Front) -> None:
    port = int(running.gateway.url.rpartition(":")[2])

    async def start() -> None:
        async def never(name: str, payload: bytes, trace_id: str) -> Invoked:
            raise AssertionError

        await Gateway(ROUTES, never).start(port)

    with pytest.raises(LocalError, match=rf"cannot listen on 127.0.0.1:{port}.*choose another port"):
        asyncio.run(start())


def test_function_that_is_given_up_is_cut_when_the_front_closes() -> None:
    cut = threading.Event()

    async def endless(event: dict[str, Any]) -> Invoked:
        try:
            await asyncio.sleep(3600)
        finally:
            cut.set()
        raise AssertionError

    with front(endless) as running:
        assert running.ask("GET", "/slow")[0] == 503
    assert cut.is_set()


SEGMENTS = (
    "films",
    "a",
    "%20",
    "%2F",
    "%ff",
    "%",
    "%zz",
    "..",
    "v1",
    "models",
    "films:rank",
    "",
    "é".encode().decode("latin-1"),
    "%00",
)
QUERIES = ("", "?", "?a=b&a=c", "?%ff=%fe", "?=", "?a", "?&&", "?a=%0d%0a")
HEADER_VALUES = ("x", "", "a,b", "\xe9", "application/json", "text/plain; charset=bad", "*", "chunked", "a=b; c", "\t")


def test_random_requests_are_always_answered_and_never_by_a_defect(caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(11)
    with front() as http_api, front(api=REST) as rest_api:
        for number in range(200):
            running = http_api if number % 2 else rest_api
            head = [
                f"{chance.choice(['GET', 'POST', 'HEAD', 'OPTIONS', 'X'])} {random_target(chance)} HTTP/1.1",
                "Host: x",
            ]
            names = ("Content-Type", "Cookie", "User-Agent", "X-Forwarded-For", "Accept", "x-amzn-trace-id")
            head += [f"{chance.choice(names)}: {chance.choice(HEADER_VALUES)}" for _ in range(chance.randrange(6))]
            body = chance.randbytes(chance.randrange(30))
            raw = "\r\n".join([*head, f"Content-Length: {len(body)}", "Connection: close", "", ""]).encode("latin-1")
            status = int(exchange(running, raw + body).split(b" ")[1])
            assert status in (200, 400, 403, 404), head
    assert not caplog.records


def random_target(chance: random.Random) -> str:
    prefix = chance.choice(["", "/prod", "/films", "/prod/films", "http://x/films"])
    segments = [chance.choice(SEGMENTS) for _ in range(chance.randrange(4))]
    return (prefix + "".join(f"/{segment}" for segment in segments) or "/") + chance.choice(QUERIES)


def exchange(running: Front, raw: bytes) -> bytes:
    host, _, port = running.gateway.url.split("/")[2].partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(raw)
        received = b""
        while data := sock.recv(65_536):
            received += data
    return received
