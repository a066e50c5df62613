"""The process behind `servers.py`: python -m ranklet.bench.tables.serving FOLDER; it ends when its input does."""

from __future__ import annotations

import http.client
import re
import socket
import socketserver
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

from ranklet.local.dynamodb import LocalDynamo

LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
TARGET = re.compile(rb"\r\nx-amz-target:\s*(\S+)", re.IGNORECASE)
READ = "DynamoDB_20120810.BatchGetItem"
CHUNK = 1 << 16


class Canned(socketserver.ThreadingTCPServer):
    """Answers each different read from memory once it was answered by the server behind; passes everything else on."""

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.behind = urlsplit(behind).netloc
        self.known: dict[bytes, bytes] = {}

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, target: str, body: bytes) -> bytes:
        """The whole HTTP answer to a request."""
        if target != READ:
            return self._ask(target, body)
        if body not in self.known:
            self.known[body] = self._ask(target, body)
        return self.known[body]

    def _ask(self, target: str, body: bytes) -> bytes:
        connection = http.client.HTTPConnection(self.behind, timeout=30)
        connection.request("POST", "/", body, {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"})
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        headers = {**dict(reply.getheaders()), "Connection": "keep-alive", "Content-Length": str(len(content))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {reply.status} {reply.reason}\r\n{head}\r\n".encode("latin-1") + content


class _Connection(socketserver.BaseRequestHandler):
    server: Canned

    def handle(self) -> None:
        peer: socket.socket = self.request
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        while True:
            while b"\r\n\r\n" not in received:
                if not (more := peer.recv(CHUNK)):
                    return
                received += more
            head, _, body = received.partition(b"\r\n\r\n")
            length, target = LENGTH.search(head), TARGET.search(head)
            missing = int(length[1]) - len(body) if length else 0
            while missing > 0:
                if not (more := peer.recv(CHUNK)):
                    return
                body, missing = body + more, missing - len(more)
            peer.sendall(self.server.answer(target[1].decode() if target else "", body))
            received = b""


def main(tables: Path) -> None:
    """Serve until stdin ends; both URLs go to stdout."""
    with LocalDynamo() as dynamo, Canned(dynamo.endpoint) as canned:
        dynamo.load(tables)
        threading.Thread(target=canned.serve_forever, daemon=True).start()
        print(dynamo.endpoint, canned.url, flush=True)
        sys.stdin.read()
        canned.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
