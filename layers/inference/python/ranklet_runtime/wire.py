"""Lambda's Runtime API over one kept socket, in place of awslambdaric's client in C++.

That client asks for an event in a thread of its own, so that signals reach the main one meanwhile, and its libcurl sets
up every exchange anew. Python's sockets let signals through as they wait, so here everything happens in the main
thread: a request out, a response in, twice per invocation. The sockets are those of `_socket`, as importing `socket`
makes its constants into enums, 2 ms of every cold start.

Only the two calls of every invocation are made here, `next` and `post_invocation_result`; errors are posted by the
original. Failures are raised as the original raises them. A kept connection that is found dead before anything came
back is replaced once, as libcurl does. All of it is one module, as every further one is read at every cold start.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import _socket
from collections.abc import Callable
from typing import Any

PREFIX = "/2018-06-01/runtime/invocation/"
REQUEST, ARN, DEADLINE, INVOCATION = (
    "Lambda-Runtime-Aws-Request-Id",
    "Lambda-Runtime-Invoked-Function-Arn",
    "Lambda-Runtime-Deadline-Ms",
    "Lambda-Runtime-Invocation-Id",
)
TOLD = (
    REQUEST,
    "Lambda-Runtime-Trace-Id",
    ARN,
    DEADLINE,
    "Lambda-Runtime-Client-Context",
    "Content-Type",
    "Lambda-Runtime-Cognito-Identity",
    "Lambda-Runtime-Aws-Tenant-Id",
    INVOCATION,
)
"""What the original tells of an event besides its bytes."""
LENGTH, ENCODING, CONNECTION = "Content-Length", "Transfer-Encoding", "Connection"

READ = 1 << 16
"""Bytes of one read: most events and their head come at once."""
MOST_HEAD, MOST_BODY = 4 << 20, 64 << 20
"""Bytes. The context of a caller travels in the head."""
MOST_NAMES = 64
"""Names of headers that are remembered as awslambdaric writes them."""
MOST_DIGITS = 18
"""Of a length or a time; Python refuses to write and read thousands."""
MOST_SHOWN = 200
"""Bytes of what cannot be used, in a message."""
HEX = b"0123456789abcdefABCDEF"

Answer = tuple[int, dict[str, str], bytes]


class Broken(RuntimeError):
    """An exchange failed; awslambdaric expects a RuntimeError and ends the process, which Lambda then replaces."""


class RuntimeApi:
    """What awslambdaric calls `runtime_client`. original: the module in C++, asked for all that is not here.

    address: `host:port`. agent: as the original calls itself. before: called before each question.
    """

    def __init__(self, address: str, agent: str, original: Any) -> None:
        self._address, self._original = address, original
        self._always = f"HTTP/1.1\r\nHost: {address}\r\nUser-Agent: {agent}\r\n"
        self._asking = f"GET {PREFIX}next {self._always}\r\n".encode()
        self._socket: _socket.socket | None = None
        self._names: dict[bytes, str] = {}
        self.before: Callable[[], object] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def next(self) -> tuple[bytes, dict[str, Any]]:
        """Wait for an event; its bytes, and its headers TOLD, None where absent or empty. Raises Broken."""
        if self.before is not None:
            self.before()
        status, headers, body = self._exchange(self._asking, b"")
        if not 200 <= status < 300:
            raise Broken(f"Failed to get next: {status} {body[:MOST_SHOWN]!r}")
        if not headers.get(REQUEST):
            raise Broken("Failed to get next: an event without an id")
        found: dict[str, Any] = {name: headers.get(name) or None for name in TOLD}
        found[ARN] = found[ARN] or ""
        found[DEADLINE] = _number(found[DEADLINE] or "0")
        return body, found

    def post_invocation_result(
        self, request_id: str, body: bytes, content_type: str, invocation_id: str | None = None
    ) -> None:
        """Answer an event. Raises Broken."""
        more = f"{INVOCATION}: {invocation_id}\r\n" if invocation_id else ""
        head = (
            f"POST {PREFIX}{request_id}/response {self._always}Content-Type: {content_type}\r\n"
            f"{more}Content-Length: {len(body)}\r\n\r\n"
        )
        status, _, told = self._exchange(head.encode(), body)
        if not 200 <= status < 300:
            raise Broken(f"Failed to post invocation response: {status} {told[:MOST_SHOWN]!r}")

    def _exchange(self, head: bytes, body: bytes) -> Answer:
        request = head + body
        try:
            while True:
                kept = self._socket
                connection = kept or self._connected()
                try:
                    connection.sendall(request)
                    start = connection.recv(READ)
                except ConnectionError:
                    if kept is None:
                        raise
                    start = b""
                if start:
                    return self._answer(connection, start)
                self._close()
                if kept is None:
                    raise OSError("closed without an answer")
        except OSError as error:
            self._close()
            raise Broken(f"the Runtime API: {error}") from error
        except BaseException:  # of a signal's handler, too: what comes of this request must not answer the next one
            self._close()
            raise

    def _answer(self, connection: _socket.socket, start: bytes) -> Answer:
        reading = Reading(connection, start)
        while True:
            lines = reading.head().split(b"\r\n")
            version, status = lines[0][:9], lines[0][9:].partition(b" ")[0]
            if version not in (b"HTTP/1.1 ", b"HTTP/1.0 ") or len(status) != 3 or not status.isdigit():
                raise _bad(lines[0])
            if not status.startswith(b"1"):
                break
        headers: dict[str, str] = {}
        names = self._names
        for line in lines[:0:-1]:  # from the last on: the first of a name stands, as in the original
            name, _, value = line.partition(b":")
            headers[names.get(name) or self._named(name)] = value.strip().decode("utf-8", "replace")
        stays = version == b"HTTP/1.1 " and "close" not in headers.get(CONNECTION, "").lower()
        if status in (b"204", b"304"):
            body = b""
        elif ENCODING in headers:
            if headers[ENCODING].lower() != "chunked":
                raise _bad(headers[ENCODING].encode())
            body = reading.chunks()
        elif LENGTH in headers:
            body = reading.take(_number(headers[LENGTH]))
        else:
            body, stays = reading.rest(), False
        if not stays or reading.left:  # nothing else was asked
            self._close()
        return int(status), headers, body

    def _named(self, name: bytes) -> str:
        """A header as awslambdaric writes it, whatever case it came in."""
        written = name.decode("latin-1").strip().title()
        if len(self._names) < MOST_NAMES:
            self._names[name] = written
        return written

    def _connected(self) -> _socket.socket:
        """Raises Broken."""
        host, _, port = self._address.rpartition(":")
        failure = "it has no address"
        try:
            places = _socket.getaddrinfo(host.strip("[]"), int(port), 0, _socket.SOCK_STREAM)
        except (OSError, ValueError, OverflowError) as error:
            raise Broken(f"the Runtime API at {self._address}: {error}") from error
        for family, kind, protocol, _, place in places:
            found = _socket.socket(family, kind, protocol)
            try:
                found.settimeout(None)  # whatever socket.setdefaulttimeout was told: an event may be hours away
                found.connect(place)
                found.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            except OSError as error:
                found.close()
                failure = str(error)
            else:
                self._socket = found
                return found
        raise Broken(f"the Runtime API at {self._address}: {failure}")

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _number(text: str) -> int:
    """Raises Broken."""
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise _bad(text.encode())
    return int(text)


def _bad(what: bytes) -> Broken:
    return Broken(f"the Runtime API answers {what[:MOST_SHOWN]!r}")


class Reading:
    """What comes over a connection, of which `start` is here.

    Raises OSError where it ends too early or is too long, Broken where it is no HTTP.
    """

    def __init__(self, connection: _socket.socket, start: bytes) -> None:
        self._connection, self._start, self._at = connection, start, 0

    @property
    def left(self) -> bool:
        """Whether something came that nobody took."""
        return self._at < len(self._start)

    def head(self) -> bytes:
        """Up to an empty line."""
        return self._until(b"\r\n\r\n", MOST_HEAD)

    def take(self, size: int) -> bytes:
        """So many bytes."""
        if size > MOST_BODY:
            raise OSError(f"{size} bytes are too many")
        found = self._start[self._at : self._at + size]
        self._at += len(found)
        if len(found) == size:
            return found
        whole = bytearray(size)
        whole[: len(found)] = found
        view, at = memoryview(whole), len(found)
        while at < size:
            if not (got := self._connection.recv_into(view[at:])):
                raise OSError(f"{size - at} of {size} bytes are missing")
            at += got
        return bytes(whole)

    def chunks(self) -> bytes:
        """A body whose parts each say how long they are, and what follows them."""
        parts: list[bytes] = []
        total = 0
        while True:
            line = self._until(b"\r\n", MOST_HEAD)
            digits = line.partition(b";")[0].rstrip(b" \t")
            if not digits or digits.strip(HEX) or len(digits) > MOST_DIGITS:
                raise _bad(line)
            size = int(digits, 16)
            if size == 0:
                break
            total += size
            if total > MOST_BODY:
                raise OSError(f"{total} bytes are too many")
            parts.append(self.take(size))
            if surplus := self._until(b"\r\n", MOST_HEAD):
                raise _bad(surplus)
        while self._until(b"\r\n", MOST_HEAD):
            pass
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def rest(self) -> bytes:
        """Until the other side closes."""
        parts = [self._start[self._at :]]
        self._at = len(self._start)
        total = len(parts[0])
        while part := self._connection.recv(READ):
            total += len(part)
            if total > MOST_BODY:
                raise OSError(f"{total} bytes are too many")
            parts.append(part)
        return b"".join(parts)

    def _until(self, end: bytes, most: int) -> bytes:
        while (found := self._start.find(end, self._at)) < 0:
            if len(self._start) - self._at > most:
                raise OSError("a head without an end")
            if not (more := self._connection.recv(READ)):
                raise OSError("the answer ends in its head")
            self._start, self._at = self._start[self._at :] + more, 0
        part = self._start[self._at : found]
        self._at = found + len(end)
        return part
