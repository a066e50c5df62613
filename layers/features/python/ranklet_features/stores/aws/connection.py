"""One kept HTTP/1.1 connection whose every wait ends at a deadline.

http.client's own connection gives each single read a timeout, so a peer that sends a byte now and then could hold
a request for ever. Here answers are read through `_TimedReader`, which grants each read only what is left of the
deadline. Name resolution alone cannot be bounded from Python; it is the resolver's own timeout. The file is long as all
that touches the one socket is here: whoever changes when it is read, kept or given up sees the whole of it.
"""

from __future__ import annotations

import io
import select
import socket
import ssl
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ranklet_features.stores.aws.endpoint import Endpoint
from ranklet_features.stores.aws.heads import Head, plain

if TYPE_CHECKING:
    from http.client import HTTPResponse

MAX_IDLE_S = 45.0
"""A connection that was idle for longer is not trusted: a frozen environment sleeps through the server's FIN."""

MAX_BODY = 32 << 20
"""A BatchGetItem answer holds up to 16 MB of rows, a third more in base64."""

READ_SIZE = 1 << 16

DRAIN_S = 0.005
"""How long an answer that nobody waits for any more may take to be read away; it has mostly come by then."""


class Broken(Exception):
    """The exchange failed on the way or ran out of time; whether the server saw it is unknown."""


class Unreadable(OSError):
    """What came is no whole answer."""


class Late(Exception):
    """No answer has begun within the caller's patience; it may still come."""


F = TypeVar("F", bound=Exception)


def kept(failure: F) -> F:
    """A failure that goes into a list, without the frames that it passed.

    They hold that list, and the whole request: a circle that is there until the garbage collector has gone through all
    generations, which in a function that makes little garbage is never.
    """
    failure.__cause__ = failure.__context__ = None
    return failure.with_traceback(None)


class Reply(NamedTuple):
    """One HTTP answer; its headers by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """Connects when first used, keeps the connection, and replaces one that proved dead.

    `send` and `receive` are apart so that several connections can wait for their answers at the same time
    without threads. Deadlines are on the clock of `time.monotonic()`.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._socket: socket.socket | None = None
        self._request = b""
        self._kept = False
        self._awaiting = False
        self._abandoned = False
        self._failure = ""
        self._last_used = 0.0
        self._buffer = memoryview(bytearray(READ_SIZE))
        if endpoint.scheme == "https":
            # 35 ms for the certificates, better spent when the store is opened than in a request.
            _tls()

    def send(self, request: bytes, *, deadline: float) -> None:
        """Send a whole request; what goes wrong is told by `receive`."""
        self._request = request
        self._kept = self._is_usable()
        try:
            self._transmit(deadline)
        except OSError as error:
            self._fail(error)

    def receive(self, *, deadline: float, patience: float | None = None) -> Reply:
        """The answer to what was sent. Raises Broken, and Late where none has begun at the time of `patience`.

        A kept connection may have died unseen, so it gets half the time; then the request, a read, is sent
        once more over a new one.
        """
        try:
            if self._kept:
                try:
                    return self._read(min(deadline, (deadline + time.monotonic()) / 2), patience)
                except OSError:
                    self._kept = False
                    self.close()
                    self._transmit(deadline)
            return self._read(deadline, patience)
        except OSError as error:
            raise self._broken(error) from error

    def begun(self, *, deadline: float) -> Reply | None:
        """The answer if it has begun to come, None if not; nothing is sent again. Raises Broken."""
        try:
            return self._read(deadline, 0.0)
        except Late:
            return None
        except OSError as error:
            raise self._broken(error) from error

    def again(self, *, deadline: float) -> Reply | Broken:
        """Send what was sent last once more, over a new connection; the answer, or how that failed."""
        self._kept = False
        self.close()
        try:
            self._transmit(deadline)
            return self._read(deadline)
        except OSError as error:
            return self._broken(error)

    def abandon(self) -> None:
        """Wait no longer for the answer; should it have come by the next `send`, it is read away."""
        self._abandoned = True

    @property
    def kept(self) -> bool:
        """Whether what was sent last went over a connection that had been used before, and may be dead."""
        return self._kept

    def fileno(self) -> int:
        """The socket's descriptor, to be polled; -1 where there is none."""
        return -1 if self._socket is None else self._socket.fileno()

    def close(self) -> None:
        """Close the socket; the next `send` opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _broken(self, error: Exception) -> Broken:
        self._fail(error)
        return Broken(f"{type(error).__name__}: {error}")

    def _fail(self, error: Exception) -> None:
        self._failure = str(error)
        self.close()

    def _is_usable(self) -> bool:
        if self._socket is None:
            return False
        if self._awaiting and not (self._abandoned and self._drained()):
            # Something ended the last exchange between question and answer; that answer must not pass for this one's.
            self.close()
            return False
        if self._socket is None:
            return False
        # Nothing was asked for: what can be read is the server's goodbye.
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if time.monotonic() - self._last_used > MAX_IDLE_S or poll.poll(0):
            self.close()
            return False
        return True

    def _drained(self) -> bool:
        """Read the answer that nobody waits for, if it is there; whether the connection is free again."""
        try:
            self._read(time.monotonic() + DRAIN_S, 0.0)
        except (Late, OSError):
            return False
        return True

    def _transmit(self, deadline: float) -> None:
        if self._socket is None:
            self._socket = _connected(self._endpoint, deadline)
        self._socket.settimeout(_left(deadline))
        self._awaiting, self._abandoned = True, False
        self._socket.sendall(self._request)

    def _read(self, deadline: float, patience: float | None = None) -> Reply:
        if self._socket is None:
            raise ConnectionError(f"not sent: {self._failure}")
        source = _TimedReader(self._socket, deadline)
        size = source.readinto(self._buffer) if patience is None else source.begin(self._buffer, patience)
        start = self._buffer[:size]
        head = plain(start)
        if head is not None:
            reply, keep = self._plain(head, bytes(start[head.size :]), source)
        else:
            source.start = bytes(start)
            reply, keep = _any(source)
        self._awaiting = False
        self._last_used = time.monotonic()
        if not keep:
            self.close()
        return reply

    def _plain(self, head: Head, body: bytes, source: _TimedReader) -> tuple[Reply, bool]:
        """The answer whose head and beginning are these, and whether the connection can be kept."""
        if head.length > MAX_BODY:
            raise ConnectionError(f"an answer of more than {MAX_BODY} bytes")
        parts, missing = [body], head.length - len(body)
        while missing > 0:
            if not (size := source.readinto(self._buffer[:missing])):
                raise Unreadable(f"an answer of {head.length} bytes lacks its last {missing}")
            parts.append(bytes(self._buffer[:size]))
            missing -= size
        body = b"".join(parts)
        # More than was announced is no answer to anything that was asked.
        return Reply(head.status, head.headers, body[: head.length]), head.keep_alive and missing == 0


def _any(source: _TimedReader) -> tuple[Reply, bool]:
    """An answer of whatever form HTTP/1 allows, and whether the connection can be kept."""
    # Imported here: it reads heads as those of a mail, with ten modules for that, and AWS's are plain.
    from http.client import HTTPException, HTTPResponse

    response = HTTPResponse(source, method="POST")  # type: ignore[arg-type]
    try:
        response.begin()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, headers, _body(response)), not response.will_close
    except HTTPException as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    finally:
        response.close()


def _body(response: HTTPResponse) -> bytes:
    if response.length is None:  # chunked, or until the peer closes
        body = response.read(MAX_BODY + 1)
    elif response.length <= MAX_BODY:
        return response.read()  # raises HTTPException where the peer sends less than it announced
    if response.length is not None or len(body) > MAX_BODY:
        raise ConnectionError(f"an answer of more than {MAX_BODY} bytes")
    return body


class _TimedReader(io.RawIOBase):
    """A socket as a file whose reads all end at one deadline; closing it leaves the socket open."""

    def __init__(self, source: socket.socket, deadline: float) -> None:
        self._source = source
        self._deadline = deadline
        self.start = b""

    def begin(self, buffer: Any, patience: float) -> int:
        """The first read; Late when nothing has come at the time of `patience`, or now if that has passed."""
        now = time.monotonic()
        if patience >= self._deadline:
            return self.readinto(buffer)
        if patience <= now:
            # The shortest timeout of a socket is a millisecond; this one does not wait.
            self._source.settimeout(0)
        else:
            self._source.settimeout(patience - now)
        try:
            return self._source.recv_into(buffer)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError) as error:
            raise Late from error

    def makefile(self, mode: str) -> io.BufferedReader:
        """What HTTPResponse asks of a socket: first `start`, which was read already, then what comes."""
        return io.BufferedReader(self, READ_SIZE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if self.start:
            size = min(len(buffer), len(self.start))
            buffer[:size], self.start = self.start[:size], self.start[size:]
            return size
        self._source.settimeout(_left(self._deadline))
        return self._source.recv_into(buffer)


def _connected(endpoint: Endpoint, deadline: float) -> socket.socket:
    """A connected socket, through TLS for https; every address of the host is tried while there is time."""
    # As bytes where it can be: of a text, the codec of international names is loaded.
    host: str | bytes = endpoint.host.encode() if endpoint.host.isascii() else endpoint.host
    addresses = socket.getaddrinfo(host, endpoint.port, type=socket.SOCK_STREAM)
    failure: OSError = ConnectionError(f"{endpoint.host} has no address")
    for family, kind, protocol, _, address in addresses:
        plain = socket.socket(family, kind, protocol)
        try:
            plain.settimeout(_left(deadline))
            plain.connect(address)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if endpoint.scheme == "http":
                return plain
            plain.settimeout(_left(deadline))
            return _tls().wrap_socket(plain, server_hostname=endpoint.host)
        except OSError as error:
            plain.close()
            failure = error
    try:
        raise failure
    finally:
        del failure  # which would hold this frame, and its callers'


def _left(deadline: float) -> float:
    """Seconds until the deadline, as a socket timeout. Raises TimeoutError when there are none: 0 means not to wait."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
