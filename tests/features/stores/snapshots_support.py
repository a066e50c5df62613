"""Snapshots of small tables, and an S3 that breaks where a test says."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
from stores_support import ACCESS_KEY, REGION, SECRET_KEY, TOKEN, make_table, write_staged

from ranklet_features.spec import Table

BUCKET = "some-bucket"
KEYS = [*range(0, 900, 3)]


def snapshot_of(folder: Path) -> dict[str, str]:
    """File name → SHA-256 of a staged table's files."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "table.json"
    }


def staged(folder: Path, keys: list[Any] | None = None, **changes: Any) -> tuple[Table, Path]:
    """A staged table with a snapshot, and its folder."""
    table = make_table(keys or KEYS, **changes)
    place = write_staged(folder, table, keys or KEYS)
    table = dataclasses.replace(table, snapshot=snapshot_of(place))
    (place / "table.json").write_bytes(orjson.dumps(dataclasses.asdict(table)))
    return table, place


def environ(endpoint: str, folder: Path, **changes: str) -> dict[str, str]:
    """What Lambda sets, with the endpoint of a local S3."""
    return {
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "RANKLET_SNAPSHOTS": BUCKET,
        "RANKLET_SNAPSHOT_FOLDER": str(folder),
        **changes,
    }


class Broken:
    """An S3 whose answers follow a plan: one word for each request, in the order of their arrival, "ok" after those.

    ok; reset (the connection is reset); truncate (less than was announced); 503, 403, 404; skewed, expired; whole (the
    range is not looked at); shifted (a range that was not asked for).
    """

    def __init__(self, files: dict[str, bytes], plan: list[str]) -> None:
        self.files, self.plan = files, plan
        self.ranges: list[tuple[int, int]] = []
        self.starts: dict[str, set[int]] = {}
        """File name → where the ranges begin that were asked of it."""

    def word(self) -> str:
        return self.plan.pop(0) if self.plan else "ok"


@contextmanager
def broken(place: Path, plan: list[str]) -> Iterator[tuple[Broken, str]]:
    """Such an S3 with a staged table's files; its endpoint."""
    files = {f"/{BUCKET}/tables/{place.name}/{path.name}": path.read_bytes() for path in place.iterdir()}
    script = Broken(files, plan)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
            assert match is not None
            start, stop = int(match[1]), int(match[2]) + 1
            script.ranges.append((start, stop))
            script.starts.setdefault(self.path.rpartition("/")[2], set()).add(start)
            self.act(script.word(), script.files[self.path], start, stop)

        def act(self, word: str, content: bytes, start: int, stop: int) -> None:
            if word == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
            elif word in ERRORS:
                status, code = ERRORS[word]
                self.say(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())
            elif word == "whole":
                self.say(200, content)
            else:
                self.part(word, content, start, stop)

        def part(self, word: str, content: bytes, start: int, stop: int) -> None:
            start += word == "shifted"
            if start >= len(content):
                self.say(416, b"", f"bytes */{len(content)}")
                return
            body = content[start:stop]
            said = f"bytes {start}-{start + len(body) - 1}/{len(content)}"
            self.say(206, body, said, cut=len(body) // 2 if word == "truncate" else None)

        def say(self, status: int, body: bytes, said: str | None = None, cut: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if said is not None:
                self.send_header("Content-Range", said)
            self.end_headers()
            self.wfile.write(body[:cut])
            self.close_connection = self.close_connection or cut is not None

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield script, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


ERRORS = {
    "503": (503, "SlowDown"),
    "500": (500, "InternalError"),
    "403": (403, "AccessDenied"),
    "404": (404, "NoSuchKey"),
    "301": (301, "PermanentRedirect"),
    "skewed": (403, "RequestTimeTooSkewed"),
    "expired": (400, "ExpiredToken"),
}
