"""The Runtime API over one socket: what is sent, and what is made of an answer, however it is framed and split."""

from __future__ import annotations

import pytest
from scripted_kit import CLOSE, DONE, chunked, event, scripted
from wire_kit import AGENT, BIG, BODIES, CLOSING, START, UNENDED, WHOLE, Opened, clients, never_hangs, next_of, over  # noqa: F401  fixtures

from ranklet_runtime import wire
from ranklet_runtime.wire import RuntimeApi


def test_the_questions_are_those_of_the_runtime_api(opened: Opened) -> None:
    with scripted(event(), DONE, event(), DONE) as server:
        api = opened(server)
        api.next()
        api.post_invocation_result("8476", b'{"a":1}', "application/json", "inv-1")
        api.next()
        api.post_invocation_result("8477", b"", "text/plain; charset=é")
    always = f"HTTP/1.1\r\nHost: {server.address}\r\nUser-Agent: {AGENT}"
    asked = f"GET /2018-06-01/runtime/invocation/next {always}".encode()
    posted = (
        f"POST /2018-06-01/runtime/invocation/8476/response {always}\r\nContent-Type: application/json\r\n"
        "Lambda-Runtime-Invocation-Id: inv-1\r\nContent-Length: 7"
    )
    empty = (
        f"POST /2018-06-01/runtime/invocation/8477/response {always}\r\nContent-Type: text/plain; charset=é\r\n"
        "Content-Length: 0"
    )
    assert server.requests == [
        (0, asked, b""),
        (0, posted.encode(), b'{"a":1}'),
        (0, asked, b""),
        (0, empty.encode(), b""),
    ]


def test_what_is_not_here_is_asked_of_the_original() -> None:
    class Original:
        post_error = "posts errors"

    api = RuntimeApi("127.0.0.1:1", AGENT, Original)
    assert api.post_error == "posts errors"
    with pytest.raises(AttributeError, match="initialize"):
        _ = api.initialize


def test_something_is_done_before_every_question_and_no_answer(opened: Opened) -> None:
    done: list[int] = []
    with scripted(event(), DONE, event()) as server:
        api = opened(server)
        api.before = lambda: done.append(len(server.requests))
        api.next()
        api.post_invocation_result("8476", b"1", "application/json")
        api.next()
    assert done == [0, 2]


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_is_read_however_it_is_framed_and_split(name: str, opened: Opened) -> None:
    answer, body = WHOLE[name], BODIES.get(name, b"{}")
    splits = [[answer], [bytes([one]) for one in answer], *([answer[:at], answer[at:]] for at in range(1, len(answer)))]
    if name in CLOSING:
        splits = [[*pieces, CLOSE] for pieces in splits]
    with scripted(*splits) as server:
        api = opened(server)
        found = [api.next() for _ in splits]
    assert [one for one, _ in found] == [body] * len(splits)
    assert {headers["Lambda-Runtime-Aws-Request-Id"] for _, headers in found} == {"8476"}
    assert server.connections == ([*range(len(splits))] if name in CLOSING else [0] * len(splits))


def test_an_answer_without_a_length_ends_where_the_connection_does(opened: Opened) -> None:
    splits = [[UNENDED[:at], UNENDED[at:], CLOSE] for at in range(1, len(UNENDED))]
    with scripted(*splits) as server:
        api = opened(server)
        assert {api.next()[0] for _ in splits} == {b'{"a": 1}'}
    assert server.connections == [*range(len(splits))]


@pytest.mark.parametrize("connection", ["close", "Close", "keep-alive, close"])
def test_a_connection_that_is_said_to_close_is_asked_nothing_more(connection: str, opened: Opened) -> None:
    with scripted([event(b"1", b"Connection: " + connection.encode()), CLOSE], event(b"2")) as server:
        api = opened(server)
        assert [api.next()[0], api.next()[0]] == [b"1", b"2"]
    assert server.connections == [0, 1]


def test_headers_are_known_in_any_case() -> None:
    for case in (bytes.lower, bytes.upper, bytes.title, bytes.swapcase):
        head, _, body = event(
            b"[1]", b"Lambda-Runtime-Deadline-Ms:7", b"lAMBDA-runtime-TRACE-id : \t Root=1 "
        ).partition(b"\r\n\r\n")
        lines = [
            name and case(name) + b":" + value
            for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
        ]
        body, headers = next_of(b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"", body]))
        assert body == b"[1]"
        assert headers == {
            **dict.fromkeys(wire.TOLD),
            "Lambda-Runtime-Aws-Request-Id": "8476",
            "Lambda-Runtime-Invoked-Function-Arn": "",
            "Lambda-Runtime-Deadline-Ms": 7,
            "Lambda-Runtime-Trace-Id": "Root=1",
            "Content-Type": "application/json",
        }


def test_an_empty_header_is_none_and_the_first_of_two_stands() -> None:
    _, headers = next_of(
        event(
            b"{}", b"Lambda-Runtime-Client-Context:", b"Lambda-Runtime-Trace-Id: ", b"X", b"lambda-runtime-trace-id: 2"
        )
    )
    assert headers["Lambda-Runtime-Client-Context"] is None
    assert headers["Lambda-Runtime-Trace-Id"] is None
    _, headers = next_of(event(b"{}", b"Lambda-Runtime-Trace-Id: 1", b"lambda-runtime-trace-id: 2"))
    assert headers["Lambda-Runtime-Trace-Id"] == "1"


@pytest.mark.parametrize(("told", "deadline"), [(b"1795984083085", 1795984083085), (b"", 0), (b"007", 7)])
def test_the_deadline_is_a_number(told: bytes, deadline: int) -> None:
    _, headers = next_of(event(b"{}", b"Lambda-Runtime-Deadline-Ms: " + told))
    assert headers["Lambda-Runtime-Deadline-Ms"] == deadline
    assert type(headers["Lambda-Runtime-Deadline-Ms"]) is int


def test_a_context_may_be_of_any_letters_and_bytes_that_are_none_do_not_end_the_process() -> None:
    context = '{"client": {"app_title": "été 夏 🌞"}}'
    _, headers = next_of(event(b"{}", b"Lambda-Runtime-Client-Context: " + context.encode()))
    assert headers["Lambda-Runtime-Client-Context"] == context
    _, headers = next_of(event(b"{}", b"Lambda-Runtime-Client-Context: \xe9"))
    assert headers["Lambda-Runtime-Client-Context"] == "�"


def test_a_head_of_a_megabyte_is_read(opened: Opened) -> None:
    long = b"x" * (1 << 20)
    with scripted(event(b"{}", b"Lambda-Runtime-Client-Context: " + long)) as server:
        _, headers = opened(server).next()
    assert headers["Lambda-Runtime-Client-Context"] == long.decode()


def test_names_that_were_never_seen_are_read_after_many_others() -> None:
    many = [f"X-{number}: {number}".encode() for number in range(3 * wire.MOST_NAMES)]
    pieces = event(b"{}", *many), event(b"{}", *many[::-1], b"Lambda-Runtime-Trace-Id: 1")
    api = over(*pieces)
    api.next()
    _, headers = api.next()
    assert headers["Lambda-Runtime-Trace-Id"] == "1"
    assert len(api._names) == wire.MOST_NAMES


def test_six_megabytes_go_both_ways(opened: Opened) -> None:
    parts = [BIG[at : at + 100_000] for at in range(0, len(BIG), 100_000)]
    with scripted(
        event(BIG),
        DONE,
        START + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(BIG),
        START + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(*parts),
        [START + b"\r\n" + BIG, CLOSE],
    ) as server:
        api = opened(server)
        assert api.next()[0] == BIG
        api.post_invocation_result("8476", BIG, "application/octet-stream")
        assert [api.next()[0] == BIG for _ in range(3)] == [True] * 3
    assert server.requests[1][2] == BIG
    assert server.connections == [0] * 5
