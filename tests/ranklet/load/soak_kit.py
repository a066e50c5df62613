"""A function that is asked for very long: a model with both kinds of cache, all dialects, mistakes, and what it holds.

The function is a child of the local cloud: AWS's own runtime client, the layers' packages and nothing else. Its tables
are in a DynamoDB that is slow and throttles now and then; their caches are smaller than what is asked for, so that rows
are evicted and expire all the time, and absent keys come without end.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import orjson
from host_layer_kit import host_layer

from ranklet import golden, pipeline
from ranklet.answers import difference
from ranklet.bench.split.net import Net
from ranklet.dialects import forms
from ranklet.dialects.base import Form, Message
from ranklet.golden import Golden
from ranklet.local.cloud import LocalCloud
from ranklet.local.dynamodb import Faults, LocalDynamo
from ranklet.local.event_v2 import Api, event_v2
from ranklet.local.function import Function, Invoked, Layer
from ranklet.local.logs import LogLine
from ranklet.local.template import Deployment
from ranklet.pipeline import Built

NAME = "soaked"
ITEMS, USERS, DIM, WORDS = 4_000, 1_500, 16, ("new", "sale", "rare")
LIMIT = 600

MODEL = f"""
name = "{NAME}"

[inputs]
user_id = {{ side = "user", type = "string", default = "" }}
age = {{ side = "user", type = "float", default = 0.0 }}
item_id = {{ side = "item", type = "int" }}
word = {{ side = "item", type = "string", default = "" }}
price = {{ side = "item", type = "float" }}

[features]
user = {{ kind = "embedding", of = "user_id", table = "users" }}
item = {{ kind = "embedding", of = "item_id", table = "items" }}
kind = {{ kind = "category", of = "word", vocabulary = {json.dumps(WORDS)} }}
age = {{ kind = "dense", of = "age" }}
price = {{ kind = "dense", of = "price" }}

[tables.users]
vectors = "users.npy"
keys = "users.txt"
key = "string"
placement = "dynamodb"
cache_entries = 700
cache_ttl_s = 5.0

[tables.items]
vectors = "items.npy"
keys = "items.keys.npy"
placement = "dynamodb"
cache_entries = 2000
cache_ttl_s = 5.0

[[steps]]
format = "onnx"
source = "net.onnx"
once = ["user", "age"]

[output]
item_key = "item_id"

[limits]
items = {LIMIT}

[split]
mode = "off"

[golden]
max_abs_diff = 1e-5
"""

RARE = Faults(throttle=0.002, error=0.001, unprocessed=0.002, reset=0.0005, latency_s=(0.0, 0.0005))
OFTEN = Faults(throttle=0.02, error=0.02, unprocessed=0.02, reset=0.02, truncate=0.01, damage=0.01)


def _graph() -> bytes:
    net = Net(seed=3)
    both = net.concat(net.embed(net.ids("kind"), len(WORDS) + 1, 4), net.dense("price", 1), net.dense("item", DIM))
    once = net.concat(net.dense("user", DIM), net.dense("age", 1))
    first = net.op("Add", net.linear(once, DIM + 1, 32), net.linear(both, DIM + 5, 32))
    return net.bytes(net.op("Sigmoid", net.mlp(net.op("Relu", first), 32, 16, 1)), 1)


def build(root: Path) -> Built:
    """The model, built; golden scores are the graph's own, over inputs that are put together here."""
    folder = root / "functions" / NAME
    folder.mkdir(parents=True)
    generator = np.random.default_rng(11)
    items, users = (generator.standard_normal((n, DIM)).astype(np.float32) for n in (ITEMS, USERS))
    np.save(folder / "items.npy", items)
    np.save(folder / "items.keys.npy", np.arange(ITEMS))
    np.save(folder / "users.npy", users)
    (folder / "users.txt").write_text("".join(f"u{number}\n" for number in range(USERS)))
    (folder / "net.onnx").write_bytes(_graph())
    (folder / "model.toml").write_text(MODEL)
    session = onnxruntime.InferenceSession(folder / "net.onnx")
    rows = [_scored(count, items, users, session) for count in (1, 3, 7, 60, 150, 500)]
    (folder / "golden.jsonl").write_bytes(b"".join(map(golden.line, rows)))
    return pipeline.build(folder, out=root / ".build")


def _scored(count: int, items: Any, users: Any, session: Any) -> Golden:
    drawn = random.Random(count)
    user, ids = drawn.randrange(USERS), [drawn.randrange(ITEMS) for _ in range(count)]
    words = [drawn.choice((*WORDS, "another")) for _ in ids]
    prices = [round(drawn.uniform(0, 3), 2) for _ in ids]
    kinds = [WORDS.index(word) if word in WORDS else len(WORDS) for word in words]
    feeds = {
        "user": users[[user]],
        "age": np.array([[0.5]], np.float32),
        "kind": np.array(kinds),
        "item": items[ids],
        "price": np.array([prices], np.float32).T,
    }
    scores = session.run(None, feeds)[0].reshape(-1).tolist()
    columns = {"item_id": ids, "word": words, "price": prices}
    return Golden({"user_id": f"u{user}", "age": 0.5}, {}, columns, tuple(scores))


def cloud(built: Built, root: Path, faults: Faults) -> LocalCloud:
    """The function in the local cloud, with a DynamoDB that fails now and then; lines of its log are dropped."""
    layer = host_layer(root / "layer")
    (layer / "python" / "onnxruntime").symlink_to(Path(onnxruntime.__file__).parent)
    function = Function(
        NAME, "ranklet_runtime.handler.handler", built.folder, (Layer("all", layer),), memory_mb=1024, timeout_s=30.0
    )
    return LocalCloud(
        Deployment((function,), (), Api("http", "$default")),
        tables=root / ".build" / "tables",
        build=root / ".build",
        layers=lambda name: None,
        dynamo=LocalDynamo(faults=faults),
        log=_dropped,
    )


def _dropped(line: LogLine) -> None:
    """A REPORT a request, and what the function says of tables that fail."""


@dataclass
class Soak:
    """What was seen. held: KB that the function held privately, after each part. answers: statuses."""

    held: list[int] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    checked: int = 0
    worst: float = 0.0
    degraded: int = 0


async def soak(cloud: LocalCloud, built: Built, *, requests: int, parts: int) -> Soak:
    """Ask for so many answers, one after the other, and look at the function's memory after each part of them."""
    found, asking = Soak(), _Asking(built)
    async with cloud:
        for _ in range(parts):
            for _ in range(requests // parts):
                event, form, row = next(asking)
                _look(await cloud.invoke(NAME, event), form, row, found)
            found.held.append(_private_kb(cloud.pids[0]))
    return found


def _private_kb(pid: int) -> int:
    """Anonymous memory of a process: what is mapped from files is the kernel's to take back."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0])


def _look(invoked: Invoked, form: Form | None, row: Golden | None, found: Soak) -> None:
    assert invoked.error is None, invoked.payload
    answer = orjson.loads(invoked.payload)
    found.answers[answer["statusCode"]] += 1
    found.degraded += "degraded" in answer["body"]
    if form is not None and row is not None and answer["statusCode"] == 200 and not found.answers.total() % 7:
        body = _bytes(answer)
        if b"degraded" not in body and "x-ranklet-degraded" not in answer["headers"]:
            found.checked += 1
            found.worst = max(found.worst, difference(form.decode(Message(body, answer["headers"])), row))


def _bytes(answer: Any) -> bytes:
    return base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()


class _Asking(Iterator[tuple[bytes, Form | None, Golden | None]]):
    """Events without end: golden requests in every form, requests of drawn keys, and mistakes."""

    def __init__(self, built: Built) -> None:
        self._random = random.Random(5)
        manifest = built.manifest
        rows = golden.read(built.folder.parents[2] / "functions" / NAME / "golden.jsonl")
        self._known = [
            (_event(form, form.url(manifest), form.request(row, manifest)), form, row)
            for form in forms(manifest.dialects).values()
            if not form.tensors
            for row in rows
            if form.takes([row], manifest)
        ]
        self._url = f"/{NAME}/v1/models/{NAME}:rank"
        self._absent = 10**9

    def __next__(self) -> tuple[bytes, Form | None, Golden | None]:
        turn = self._random.random()
        if turn < 0.4:
            return self._random.choice(self._known)
        if turn < 0.9:
            return self._drawn(), None, None
        return self._mistake(), None, None

    def _drawn(self) -> bytes:
        """Popular keys, unpopular ones, and some that were never asked for before and are not there."""
        count = min(LIMIT, int(self._random.expovariate(1 / 60)) + 1)
        ids = [int(ITEMS * self._random.random() ** 3) for _ in range(count)]
        for place in range(0, count, 9):
            self._absent += 1
            ids[place] = self._absent
        user = f"u{self._random.randrange(2 * USERS)}" if self._random.random() < 0.7 else f"new-{self._absent}"
        words = [f"word-{self._random.randrange(10**9)}" if number % 5 else "sale" for number in ids]
        body = {
            "user": {"user_id": user, "age": self._random.random()},
            "items": {"item_id": ids, "word": words, "price": [1.5] * count},
            **({"top_k": 10} if count % 2 else {}),
        }
        return self._post(orjson.dumps(body))

    def _mistake(self) -> bytes:
        self._absent += 1
        bodies: Sequence[bytes] = (
            b"{" * self._random.randrange(1, 50),
            orjson.dumps({"items": {"item_id": [1, 2], "price": [1.0]}}),
            orjson.dumps({"items": {"item_id": [f"x{self._absent}"], "price": [1.0]}}),
            orjson.dumps({"items": {"item_id": [1] * (LIMIT + 1), "price": [1.0] * (LIMIT + 1)}}),
            orjson.dumps({f"field-{self._absent}": 1, "items": {"item_id": [1], "price": [1.0]}}),
            self._random.randbytes(30),
        )
        turn = self._random.randrange(len(bodies) + 3)
        if turn < len(bodies):
            return self._post(bodies[turn])
        if turn == len(bodies):
            return self._post(b"{}", f"/{NAME}/v1/models/{NAME}-{self._absent}:rank")
        if turn == len(bodies) + 1:
            return self._post(b"{}", f"/{NAME}/path/{self._absent}")
        return self._post(b"a;b", self._url, f"text/x-{self._absent}")

    def _post(self, body: bytes, path: str | None = None, kind: str = "application/json") -> bytes:
        return orjson.dumps(event_v2("POST", path or self._url, headers={"content-type": kind}, body=body))


def _event(form: Form, url: str, sent: Message) -> bytes:
    return orjson.dumps(event_v2("POST", url, headers=dict(sent.headers), body=sent.body))


def run(root: Path, *, requests: int, parts: int, faults: Faults = RARE) -> Soak:
    """The whole soak."""
    built = build(root)
    return asyncio.run(soak(cloud(built, root, faults), built, requests=requests, parts=parts))
