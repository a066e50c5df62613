"""What V2's clients send and take: recorded once by the real ones (`make_recording.py`), read by tests without them."""

from __future__ import annotations

import base64
import json
import struct
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clients_kit import Row, film_rows, shelf_rows, write_films, write_shelves

from ranklet.local.event_v2 import event_v2
from ranklet_runtime.function import Function

LENGTH = "inference-header-content-length"
RECORDED = ("content-type", "accept", "accept-encoding", "user-agent", LENGTH)
NUMPY = {"FP32": "<f4", "FP64": "<f8", "INT64": "<i8", "BOOL": "?"}
ROWS: tuple[Row, ...] = (*film_rows()[:3], *shelf_rows())


def functions(folder: Path) -> dict[str, Function]:
    """Both golden models behind their handlers."""
    return {
        "films": Function.open(write_films(folder / "films"), {}),
        "shelves": Function.open(write_shelves(folder / "shelves"), {}),
    }


@contextmanager
def recorder(calls: list[dict[str, Any]]) -> Iterator[str]:
    """The URL of a server on 127.0.0.1 that asks the real handler and puts what goes over the wire into `calls`."""
    with tempfile.TemporaryDirectory() as folder:
        handler = _handler(functions(Path(folder)), calls)
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()


def _handler(models: Mapping[str, Function], calls: list[dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            sent = {name: self.headers[name] for name in RECORDED if name in self.headers}
            model = self.path.split("/")[1]
            answer = models[model](event_v2(self.command, self.path, headers=sent, body=body), None)
            said = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
            calls.append(
                {
                    "method": self.command,
                    "path": self.path,
                    "headers": sent,
                    "body": base64.b64encode(body).decode(),
                    "answer": base64.b64encode(said).decode(),
                    "answer_length": answer["headers"].get(LENGTH),
                }
            )
            self.send_response(answer["statusCode"])
            for name, value in {**answer["headers"], "content-length": str(len(said))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler


def outputs(body: bytes, length: str | None) -> dict[str, list[Any]]:
    """The columns of an answer, by the book."""
    head, rest = (body, b"") if length is None else (body[: int(length)], body[int(length) :])
    found = {}
    for one in json.loads(head)["outputs"]:
        size = one.get("parameters", {}).get("binary_data_size")
        part, rest = (b"", rest) if size is None else (rest[:size], rest[size:])
        if size is None:
            found[one["name"]] = one["data"]
        elif one["datatype"] == "BYTES":
            found[one["name"]] = list(_words(part))
        else:
            found[one["name"]] = np.frombuffer(part, NUMPY[one["datatype"]]).tolist()
    assert rest == b""
    return found


def _words(part: bytes) -> Iterator[str]:
    while part:
        end = 4 + struct.unpack_from("<I", part)[0]
        yield part[4:end].decode()
        part = part[end:]


def check(told: Mapping[str, list[Any]], row: Row) -> None:
    """Hold columns to the golden row; a word that is not told is None or has no bytes."""
    assert told["score"] == pytest.approx(list(row.scores), abs=1e-6)
    for name in row.outputs.keys() & told.keys():
        wanted = row.outputs[name]
        if isinstance(wanted[0], float):
            assert told[name] == pytest.approx(list(wanted), abs=1e-6)
        else:
            assert [word or "" for word in told[name]] == [word or "" for word in wanted]


def write(path: Path, client: str, calls: list[dict[str, Any]]) -> None:
    """Store a recording."""
    path.write_text(json.dumps({"client": client, "calls": calls}, indent=1) + "\n", encoding="utf-8")
