"""The Runtime API beside http.client and beside awslambdaric's client in C++."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import subprocess
import sys
import textwrap
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_kit import CLOSE, DONE, ID, Scripted, chunked, event, scripted
from wire_kit import AGENT, CLOSING, UNENDED, WHOLE, Opened, clients, never_hangs, over  # noqa: F401  fixtures

from ranklet_runtime.wire import RuntimeApi

CUTS = st.lists(st.integers(1, 40), max_size=30)
TOKEN = st.text("abcXYZ-_09", min_size=1, max_size=9).map(lambda name: f"N{name}")
VALUE = st.text(st.sampled_from('aZ09 ;=,:"{}\té夏'), max_size=12).map(str.strip)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """A valid answer."""
    version = draw(st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]))
    status = draw(st.sampled_from([200, 200, 202, 204, 299, 304, 403, 500]))
    headers = draw(st.dictionaries(TOKEN, VALUE, max_size=5))
    headers = {name.casefold(): value for name, value in headers.items()}
    chunks = draw(st.lists(st.binary(min_size=1, max_size=60), max_size=5))
    body = b"".join(chunks)
    framing = draw(st.sampled_from(["length", "chunked", "close"] if version == "HTTP/1.1" else ["length", "close"]))
    if status in (204, 304):
        body = b""
    elif framing == "length":
        headers["Content-Length"] = str(len(body))
    elif framing == "chunked":
        headers["transfer-encoding"] = "chunked"
        trailers = b"".join(
            draw(st.lists(st.sampled_from([b"A: b\r\n", b"Long-One: " + b"c" * 50 + b"\r\n"]), max_size=2))
        )
        body = chunked(*chunks, trailers=trailers, extension=draw(st.sampled_from([b"", b";a", b'; a="b"', b" ;x"])))
    if draw(st.booleans()):
        headers["Connection"] = draw(st.sampled_from(["close", "keep-alive", "Close"]))
    names = draw(st.permutations(list(headers)))
    space = draw(st.sampled_from(["", " ", "  "]))
    lines = [f"{version} {status} {draw(st.sampled_from(['OK', '', 'Not At All']))}"]
    # http.client reads `chunked `, with a space after it, as no encoding.
    lines += [f"{name}:{space}{headers[name]}{space if name[0] == 'n' else ''}" for name in names]
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n"]))
    return interim + "\r\n".join([*lines, "", ""]).encode() + body


class Socket:
    """As much of a socket as http.client asks for."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)


@settings(max_examples=300, deadline=None)
@given(answers(), CUTS)
def test_an_answer_in_any_pieces_is_read_as_by_http_client(answer: bytes, cuts: list[int]) -> None:
    with http.client.HTTPResponse(Socket(answer), method="GET") as theirs:  # type: ignore[arg-type]
        theirs.begin()
        wanted = theirs.read()
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(answer[at : at + cut])
        at += cut
    api = over(*pieces, answer[at:])
    status, headers, body = api._exchange(b"", b"")
    assert (status, body) == (theirs.status, wanted)
    assert {name.casefold(): value for name, value in headers.items()} == {
        name.casefold(): value.strip().encode("latin-1").decode() for name, value in theirs.getheaders()
    }
    assert (api._socket is None) == (theirs.will_close or theirs.version == 10)


ORIGINAL = textwrap.dedent("""
    import base64, json, sys
    import runtime_client
    runtime_client.initialize_client(sys.argv[1])
    for call, *arguments in json.loads(sys.argv[2]):
        try:
            if call == "next":
                body, headers = runtime_client.next()
                found = [base64.b64encode(body).decode(), headers]
            else:
                identity, body, *rest = arguments
                found = runtime_client.post_invocation_result(identity, base64.b64decode(body), *rest)
        except RuntimeError as error:
            found = str(error)
        print("found", json.dumps(found))
""")
"""It reads its address when it is imported, and posts without letting other threads run."""


def original(server: Scripted, *calls: tuple[str | None, ...]) -> list[Any]:
    """What the module in C++ answers to calls, one after another; bodies in base64, errors as text."""
    ran = subprocess.run(
        [sys.executable, "-c", ORIGINAL, AGENT, json.dumps(calls)],
        env={**os.environ, "AWS_LAMBDA_RUNTIME_API": server.address},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line[6:]) for line in ran.stdout.splitlines() if line.startswith("found ")]


def ours(api: RuntimeApi, *calls: tuple[str | None, ...]) -> list[Any]:
    """The same of ours."""
    found: list[Any] = []
    for call, *arguments in calls:
        try:
            if call == "next":
                body, headers = api.next()
                found.append([base64.b64encode(body).decode(), headers])
            else:
                identity, body, *rest = arguments
                found.append(api.post_invocation_result(identity, base64.b64decode(body), *rest))
        except RuntimeError as error:
            found.append(str(error).partition(":")[0])
    return found


ALL = [
    b"Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
    b"Lambda-Runtime-Client-Context: " + '{"client": {"app_title": "été"}}'.encode(),
    b'Lambda-Runtime-Cognito-Identity: {"cognitoIdentityId": "a", "cognitoIdentityPoolId": "b"}',
    b"Lambda-Runtime-Aws-Tenant-Id: blue",
    b"Lambda-Runtime-Invocation-Id: 5bef4de7",
    b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:films",
    b"Lambda-Runtime-Deadline-Ms: 1795984083085",
]
TWICE = [b"Lambda-Runtime-Trace-Id: 1", b"Lambda-Runtime-Trace-Id: 2"]
LEFT_OUT = [event(b"{}", *ALL[:at], *ALL[at + 1 :]) for at in range(len(ALL))]
ALONE = [event(b"[1]", line) for line in ALL]
BLANK = [event(b"1", line.partition(b":")[0] + b": ") for line in ALL[:-1]]
ODD = [
    event(b"{}", *TWICE),
    event(b"\0\xff", b"X-Other: y", b"lambda-runtime-trace-id :\t1 \t"),
    event().replace(ID, b""),
]
FAILED = [event().replace(b"200 OK", status) for status in (b"301 X", b"403 X", b"500 X")]


def test_an_event_is_told_as_the_original_tells_it(opened: Opened) -> None:
    framed = [[answer, CLOSE] if name in CLOSING else answer for name, answer in WHOLE.items()]
    told = [event(b"{}", *ALL), *LEFT_OUT, *ALONE, *BLANK, *ODD, *framed, [UNENDED, CLOSE], *FAILED]
    calls: list[tuple[str | None, ...]] = [("next",)] * len(told)
    with scripted(*told) as first, scripted(*told) as second:
        theirs, here = original(first, *calls), ours(opened(second), *calls)
    for answer, wanted, found in zip(told, theirs, here, strict=True):
        assert found == wanted, answer
    assert sum(isinstance(one, str) for one in theirs) == 1 + len(FAILED)


def test_the_type_of_an_event_is_told_and_one_without_a_type_which_ends_the_original_is_taken(opened: Opened) -> None:
    other = event().replace(b"application/json", b"text/plain; charset=utf-8")
    with (
        scripted(other) as first,
        scripted(other, event().replace(b"Content-Type: application/json\r\n", b"")) as second,
    ):
        api = opened(second)
        assert ours(api, ("next",)) == original(first, ("next",))
        assert api.next()[1]["Content-Type"] is None


def test_an_answer_is_posted_as_the_original_posts_it(opened: Opened) -> None:
    def post(body: bytes, kind: str, invocation: str | None) -> tuple[str | None, ...]:
        return "post", "8476-a", base64.b64encode(body).decode(), kind, invocation

    calls = [
        post(b'{"a": 1}', "application/json", None),
        post(b'{"a": 1}', "application/json", "inv-1"),
        post(b"", "text/plain; charset=utf-8", ""),
        post(bytes(range(256)) * 200, "application/octet-stream", "inv-2"),
        post(b"refused", "application/json", "inv-3"),
    ]
    done = [DONE, DONE, DONE, DONE, DONE.replace(b"202", b"413")]
    with scripted(*done) as first, scripted(*done) as second:
        theirs, here = original(first, *calls), ours(opened(second), *calls)
    assert here == theirs == [None] * 4 + ["Failed to post invocation response"]
    assert [_essence(one) for one in second.requests] == [_essence(one) for one in first.requests]
    with scripted(event()) as first, scripted(event()) as second:
        original(first, ("next",))
        ours(opened(second), ("next",))
    assert [_essence(one) for one in second.requests] == [_essence(one) for one in first.requests]


def _essence(request: tuple[int, bytes, bytes]) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Method and path, headers that say something, body."""
    _, head, body = request
    first, *lines = head.split(b"\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    assert headers.pop(b"host").startswith(b"127.0.0.1:")
    headers.pop(b"accept", None)
    return first, headers, body
