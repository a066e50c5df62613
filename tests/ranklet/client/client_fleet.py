"""A model behind HTTP on 127.0.0.1: the real function, and faults in front of it as networks and servers have them."""

from __future__ import annotations

import base64
import json
import math
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ranklet.model import Model
from ranklet.openapi import document
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest

SHELVES = ("comedy", "drama", "western")
LIMIT = 7


def write_bundle(folder: Path, *, item_key: str | None = "id", limit: int = LIMIT, described: bool = True) -> Path:
    """A model that scores `age + price` by a logistic curve, tells its margin and a word, and takes few candidates."""
    manifest = {
        "format": 1,
        "model": "films",
        "version": "3",
        "inputs": {
            "age": {"side": "user", "type": "float"},
            "id": {"side": "item", "type": "int"},
            "price": {"side": "item", "type": "float"},
            "shelf": {"side": "item", "type": "string", "default": ""},
        },
        "features": {
            "age": {"kind": "dense", "of": ["age"]},
            "price": {"kind": "dense", "of": ["price"]},
            "shelf": {"kind": "category", "of": ["shelf"], "options": {"vocabulary": ["", *SHELVES]}},
        },
        "tables": {},
        "told": {"margin": {"tensor": "logit"}, "genre": {"tensor": "shelf", "labels": list(SHELVES)}},
        "steps": [
            {
                "engine": "linear",
                "rows": "item",
                "inputs": {name: name for name in ("age", "price", "shelf")},
                "outputs": {"score": "score", "logit": "logit"},
                "artefact": "weights.npz",
            }
        ],
        "score": "score",
        "surplus": "ignore",
        "dialects": ["native"],
        "limits": {"items": limit},
        "threads": 1,
        "item_key": item_key,
    }
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    weights = {"bias": [0.0], "w.age": [1.0], "w.price": [1.0], "w.shelf": [0.0] * 5}
    np.savez(folder / "weights.npz", **{name: np.array(value, np.float32) for name, value in weights.items()})
    if described:
        _describe(folder)
    return folder


def _describe(folder: Path) -> None:
    model = Model(name="films", inputs={}, features={}, steps=())
    (folder / "openapi.json").write_bytes(document.text(Manifest.read(folder / "manifest.json"), model))


def scores(age: float, prices: Sequence[float]) -> NDArray[np.float32]:
    """What the model gives, by its definition."""
    return np.array([1 / (1 + math.exp(-(age + price))) for price in prices], np.float32)


@dataclass(frozen=True)
class Said:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """An answer of another kind than the model's."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


@dataclass(frozen=True)
class Reset:
    """The connection is reset; `sent` comes before it."""

    sent: bytes = b""


@dataclass(frozen=True)
class Silence:
    """Nothing comes any more until the server ends; `sent` comes before it."""

    sent: bytes = b""


@dataclass(frozen=True)
class Closed:
    """These bytes, then the end of the connection."""

    sent: bytes = b""


@dataclass(frozen=True)
class Dribble:
    """`sent`, and then a blank every now and then, without an end."""

    sent: bytes = b""


Fault = Answer | Reset | Silence | Closed | Dribble


class Fleet:
    """Serves a bundle. faults: of the next requests to rank, in order; None is no fault. said: what arrived."""

    def __init__(self, bundle: Path) -> None:
        self.function, self.faults, self.said = Function.open(bundle, {}), deque[Fault | None](), list[Said]()
        self.released, self.lock = threading.Event(), threading.Lock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"fleet": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Below a stage."""
        return f"http://127.0.0.1:{self._server.server_port}/prod"

    @property
    def ranked(self) -> list[Said]:
        """The requests to rank that arrived."""
        return [one for one in self.said if one.path.endswith(":rank")]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, said: Said) -> dict[str, Any]:
        """What the function answers to an event of a REST API or HTTP API."""
        event = {
            "rawPath": said.path,
            "requestContext": {"http": {"method": said.method}, "stage": "prod"},
            "headers": dict(said.headers),
            "body": base64.b64encode(said.body).decode(),
            "isBase64Encoded": True,
        }
        with self.lock:
            return self.function(event, None)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go in the middle are what is tested here."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    fleet: ClassVar[Fleet]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        said = Said(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        with self.fleet.lock:
            self.fleet.said.append(said)
            faults = self.fleet.faults
            fault = faults.popleft() if faults and said.path.endswith(":rank") else None
        if fault is None:
            answer = self.fleet.answer(said)
            body = answer["body"].encode()
            body = base64.b64decode(body) if answer["isBase64Encoded"] else body
            fault = Answer(answer["statusCode"], body, answer["headers"])
        self._play(fault)

    def _play(self, fault: Fault) -> None:
        if isinstance(fault, Answer):
            self.send_response(fault.status)
            for name, value in {**fault.headers, "content-length": str(len(fault.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(fault.body)
            return
        self.wfile.write(fault.sent)
        self.close_connection = True
        if isinstance(fault, Dribble):
            with suppress(OSError):  # the client has gone
                while not self.fleet.released.wait(0.01):
                    self.wfile.write(b" ")
        if isinstance(fault, Silence):
            self.fleet.released.wait()
        if isinstance(fault, Reset):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()
