"""One connection against peers that misbehave, byte by byte."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ranklet_features.stores.aws import connection as module
from ranklet_features.stores.aws.connection import Broken, Connection
from ranklet_features.stores.aws.endpoint import Endpoint, parse

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Amz-Crc32: 1\r\n\r\nhello"
REQUEST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
Script = Callable[[socket.socket, int], None]


class Peer:
    """Runs a script per accepted connection, numbered from 0, in threads that end with the peer."""

    def __init__(self, script: Script, wrap: ssl.SSLContext | None = None) -> None:
        self._script, self._wrap = script, wrap
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.accepted = 0
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        scheme = "https" if wrap else "http"
        self.endpoint = parse(f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}", "test")

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(plain, self.accepted))
                self.accepted += 1
                self._threads.append(thread)
                thread.start()

    def _serve(self, plain: socket.socket, number: int) -> None:
        self._open.append(plain)
        with contextlib.suppress(OSError), plain:
            if self._wrap is None:
                self._script(plain, number)
                return
            with self._wrap.wrap_socket(plain, server_side=True) as secure:
                self._open.append(secure)
                self._script(secure, number)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for plain in self._open:
            with contextlib.suppress(OSError):
                plain.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    peers: list[Peer] = []

    def start(script: Script, wrap: ssl.SSLContext | None = None) -> Peer:
        peers.append(Peer(script, wrap))
        return peers[-1]

    yield start
    for each in peers:
        each.close()


def ask(connection: Connection, wait_s: float = 30.0, request: bytes = REQUEST) -> module.Reply:
    deadline = time.monotonic() + wait_s
    connection.send(request, deadline=deadline)
    return connection.receive(deadline=deadline)


def answering(*answers: bytes) -> Script:
    """Each connection reads requests and gives the answers in turn, then closes."""

    def script(peer: socket.socket, number: int) -> None:
        for answer in answers:
            if not peer.recv(65536):
                return
            peer.sendall(answer)

    return script


def test_a_connection_is_kept(peer: Callable[..., Peer]) -> None:
    server = peer(answering(*[OK] * 5))
    with contextlib.closing(Connection(server.endpoint)) as connection:
        for _ in range(5):
            assert ask(connection).body == b"hello"
    assert server.accepted == 1


def test_header_names_are_lower_case(peer: Callable[..., Peer]) -> None:
    with contextlib.closing(Connection(peer(answering(OK)).endpoint)) as connection:
        reply = ask(connection)
    assert reply.status == 200 and reply.headers.get("x-amz-crc32") == "1"


def test_a_connection_that_the_server_closed_is_replaced(peer: Callable[..., Peer]) -> None:
    server = peer(answering(OK))
    with contextlib.closing(Connection(server.endpoint)) as connection:
        for _ in range(4):
            assert ask(connection).body == b"hello"
    assert server.accepted == 4


def test_a_close_that_crosses_the_next_request_is_not_a_failure(peer: Callable[..., Peer]) -> None:
    def script(peer: socket.socket, number: int) -> None:
        peer.recv(65536)
        peer.sendall(OK)
        if number == 0:
            peer.recv(65536)  # reads the second request and goes without an answer
            return
        answering(OK, OK)(peer, number)

    server = peer(script)
    with contextlib.closing(Connection(server.endpoint)) as connection:
        assert ask(connection).body == b"hello"
        assert ask(connection).body == b"hello"
    assert server.accepted == 2


def test_a_kept_connection_that_died_unseen_takes_half_the_time_at_most(peer: Callable[..., Peer]) -> None:
    """As after a freeze: packets go nowhere, nothing says so. The rest of the time is for a new connection."""

    def script(peer: socket.socket, number: int) -> None:
        peer.recv(65536)
        peer.sendall(OK)
        peer.recv(65536)
        peer.recv(65536)  # silent until the other side gives up

    server = peer(script)
    with contextlib.closing(Connection(server.endpoint)) as connection:
        ask(connection)
        assert ask(connection, wait_s=0.4).body == b"hello"
    assert server.accepted == 2


def test_a_long_idle_connection_is_not_trusted(peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch) -> None:
    server = peer(answering(OK, OK))
    with contextlib.closing(Connection(server.endpoint)) as connection:
        ask(connection)
        monkeypatch.setattr(module, "MAX_IDLE_S", -1.0)
        ask(connection)
    assert server.accepted == 2


def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next(peer: Callable[..., Peer]) -> None:
    """An exchange that ended between question and answer must not shift all later answers by one."""

    def script(peer: socket.socket, number: int) -> None:
        while data := peer.recv(65536):
            body = data[-2:]
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)

    server = peer(script)
    with contextlib.closing(Connection(server.endpoint)) as connection:
        assert ask(connection, request=REQUEST[:-2] + b"01").body == b"01"
        connection.send(REQUEST[:-2] + b"02", deadline=time.monotonic() + 30)
        assert ask(connection, request=REQUEST[:-2] + b"03").body == b"03"
    assert server.accepted == 2


def drip(peer: socket.socket, number: int) -> None:
    peer.recv(65536)
    with contextlib.suppress(OSError):
        for byte in OK * 1000:
            peer.sendall(bytes([byte]))
            time.sleep(0.01)


def silent(peer: socket.socket, number: int) -> None:
    while peer.recv(65536):
        pass


@pytest.mark.parametrize("script", [drip, silent])
def test_a_peer_that_keeps_us_waiting_is_left_at_the_deadline(peer: Callable[..., Peer], script: Script) -> None:
    connection = Connection(peer(script).endpoint)
    started = time.monotonic()
    with pytest.raises(Broken, match=r"Timeout|timed out"):
        ask(connection, wait_s=0.1)
    assert time.monotonic() - started < 20  # the drip takes minutes
    connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\nhello",
        b"HTTP/1.1 2x0 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x00\x00",
    ],
)
def test_an_answer_that_is_none_breaks_the_exchange_and_not_the_connection(
    peer: Callable[..., Peer], answer: bytes
) -> None:
    def script(peer: socket.socket, number: int) -> None:
        answering(answer if number == 0 else OK)(peer, number)

    with contextlib.closing(Connection(peer(script).endpoint)) as connection:
        with pytest.raises(Broken):
            ask(connection)
        assert ask(connection).body == b"hello"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
    ],
)
def test_every_framing_of_http_is_read(peer: Callable[..., Peer], answer: bytes) -> None:
    with contextlib.closing(Connection(peer(answering(answer)).endpoint)) as connection:
        for _ in range(2):
            assert ask(connection).body == b"hello"


def test_a_body_beyond_the_limit_is_refused(peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODY", 4)
    for answer in (OK, b"HTTP/1.1 200 OK\r\n\r\nhello"):
        with (
            contextlib.closing(Connection(peer(answering(answer)).endpoint)) as connection,
            pytest.raises(Broken, match="more than 4 bytes"),
        ):
            ask(connection)


def test_nobody_listening_is_broken_not_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Broken, match="refused"):
        ask(Connection(Endpoint("http", "127.0.0.1", port, "x")))
    with pytest.raises(Broken):
        ask(Connection(Endpoint("http", "name.invalid", 80, "name.invalid")))


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for a host name or address, with its key, as one PEM file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    built = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, bool], ssl.SSLContext]]:
    """A server's context with a fresh certificate for a name, which the default context of clients trusts or not."""

    def make(name: str, trusted: bool) -> ssl.SSLContext:
        pem = certificate(tmp_path, name)
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        module._tls.cache_clear()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    yield make
    module._tls.cache_clear()


def test_tls_with_a_certificate_for_the_host(peer: Callable[..., Peer], trust: Callable[..., ssl.SSLContext]) -> None:
    server = peer(answering(OK, OK, OK), trust("127.0.0.1", True))
    with contextlib.closing(Connection(server.endpoint)) as connection:
        for _ in range(3):
            assert ask(connection).body == b"hello"
    assert server.accepted == 1


@pytest.mark.parametrize(("name", "trusted"), [("127.0.0.2", True), ("127.0.0.1", False)])
def test_tls_refuses_another_hosts_or_an_unknown_certificate(
    peer: Callable[..., Peer], trust: Callable[..., ssl.SSLContext], name: str, trusted: bool
) -> None:
    server = peer(answering(OK), trust(name, trusted))
    connection = Connection(server.endpoint)
    with pytest.raises(Broken, match="CERTIFICATE_VERIFY_FAILED"):
        ask(connection)


def test_a_tls_handshake_that_never_ends_is_left_at_the_deadline(peer: Callable[..., Peer]) -> None:
    server = peer(silent)
    connection = Connection(server.endpoint._replace(scheme="https"))
    with pytest.raises(Broken, match="timed out"):
        ask(connection, wait_s=0.1)
