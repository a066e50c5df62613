"""Modelled dollars of 1 000 requests for 500 candidates: as ranklet ships it, and as boto3 reads item by item.

Both score two towers: a user's vector from DynamoDB, in each request another user's, times each candidate's vector.
`ours` is the whole handler of a built model, whose item vectors are resident. `boto3-per-item` is the shortest handler
that decodes the same event, reads the user and then each candidate by `get_item`, multiplies, and encodes the scores;
`boto3-batch` reads candidates by `batch_get_item`, 100 at a time. Their scores must agree.

The rule. Dollars of a request are Lambda's request and duration on demand, 1 024 MB of x86_64, one request of an HTTP
API, and read units (half a unit per started 4 KB of each item). Duration is the CPU time that is measured here over
canned sockets, which give no time to the network, as long as 1 024 MB of a vCPU take for it, and one wait of
READ_MS for DynamoDB: as if all reads of boto3 waited at once. `-in-turn` lets each of its reads wait by itself, as the
loop does. Prices are those of `prices.toml`; cold starts, storage and data that leaves AWS are left out on both sides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet import golden, pipeline, prices
from ranklet.bench import base
from ranklet.bench.base import Found, Progress, Row, Setting, Way
from ranklet.bench.tables import canned, data, reads, servers, units
from ranklet.bench.tables.data import Sheet
from ranklet.errors import BenchError
from ranklet.estimate import ways
from ranklet.estimate.usage import READ_MS, Usage
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet_runtime.function import Function

N, ROWS, USERS, REQUESTS = 500, 2_000, 100, 4
MEMORY_MB, THOUSAND = 1024, 1000
NAME = "towers"
TOLERANCE = 1e-5

TOML = f"""
name = "{NAME}"

[inputs]
user_id = {{ side = "user", type = "int" }}
item_id = {{ side = "item", type = "int" }}

[features]
user = {{ kind = "embedding", of = "user_id", table = "users" }}
item = {{ kind = "embedding", of = "item_id", table = "items" }}

# Nothing of a user is kept from one request to the next: each has another one.
[tables.users]
vectors = "users.npy"
keys = "users.keys.npy"
placement = "dynamodb"
cache_ttl_s = 0.0

[tables.items]
vectors = "items.npy"
keys = "items.keys.npy"
placement = "resident"

[[steps]]
format = "numpy"
engine = "dot"
inputs = {{ user = "user", item = "item" }}

[output]
item_key = "item_id"

[api]
dialects = ["native"]

[golden]
max_abs_diff = 1e-5
"""


class Shorter(Setting):
    """A turn reads a thousand items by themselves; fewer of them are enough, as it takes so long."""

    @property
    def rounds(self) -> int:
        return 3 if self.quick else 11

    @property
    def turns(self) -> int:
        return 2 if self.quick else 7


Handler = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Asked = Sequence[tuple[int, NDArray[np.int64]]]
"""Users and the candidates of each."""


def measure(setting: Setting, progress: Progress) -> Found:
    """Figures `dollars-per-1000…`. Raises BenchError where scores or read units are not what they must be."""
    items = data.sheet(rows=ROWS, placement="dynamodb")
    asked = [(user, places.astype(np.int64)) for user, places in enumerate(data.requests(ROWS, N)[:REQUESTS])]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="ranklet-bench-")))
        progress("building two towers")
        built = pipeline.build(_written(folder / "functions" / NAME, items, asked), out=folder)
        data.stage(items, folder / "tables")
        url = stack.enter_context(servers.running(folder / "tables"))
        client = stack.enter_context(reads.client(url))
        users = built.manifest.spec.tables["users"].physical
        stack.enter_context(canned.connecting(canned.Tape(url)))
        ours = Function.open(built.folder, servers.environ(url))
        stack.callback(ours.renew)
        handlers: dict[str, Handler] = {
            "ours": lambda event: ours(event, None),
            "boto3-per-item": handler(client, users, items.table.physical, one_by_one),
            "boto3-batch": handler(client, users, items.table.physical, in_batches),
        }
        events = [_event(user, ids) for user, ids in asked]
        _agree(handlers, events, items, asked)
        spent = _units(ours, items, asked, events, url)
        progress(f"timing requests of {N} candidates, one read of boto3 each")
        samples = {
            name: Way(run, lambda turn: events[turn % len(events)], warm=1 if name == "ours" else 0).sample
            for name, run in handlers.items()
        }
        taken = base.interleaved(samples, Shorter(**vars(setting)))
    return Found(list(_rows(taken, spent)))


def handler(client: Any, users: str, items: str, read: Callable[[Any, str, list[int]], list[bytes]]) -> Handler:
    """Decode, read the user, read the candidates, multiply, encode."""

    def answer(event: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = json.loads(event["body"])
        (user,) = one_by_one(client, users, [asked["user"]["user_id"]])
        found = b"".join(read(client, items, asked["items"]["item_id"]))
        scores = np.frombuffer(found, "<f4").reshape(-1, data.DIM) @ np.frombuffer(user, "<f4")
        return {"statusCode": 200, "body": json.dumps({"scores": scores.tolist()})}

    return answer


def one_by_one(client: Any, table: str, ids: list[int]) -> list[bytes]:
    """Rows as they lie in the table, a call for each."""
    return [client.get_item(TableName=table, Key={"k": {"S": str(one)}})["Item"]["v"]["B"] for one in ids]


def in_batches(client: Any, table: str, ids: list[int]) -> list[bytes]:
    """The same, a call for a hundred."""
    found: dict[str, bytes] = {}
    names = list(map(str, ids))
    for start in range(0, len(names), units.CALL_KEYS):
        asked = {table: {"Keys": [{"k": {"S": name}} for name in names[start : start + units.CALL_KEYS]]}}
        for item in client.batch_get_item(RequestItems=asked)["Responses"][table]:
            found[item["k"]["S"]] = item["v"]["B"]
    return [found[name] for name in names]


def dollars(cpu_s: float, read_units: float, *, waits: int = 1) -> float:
    """Of 1 000 requests, by the rule above. waits: reads that are waited for one after the other."""
    known = prices.load()
    usage = Usage(1.0, N, 0.0, cpu_s * 1000, MEMORY_MB, "x86_64", cold_share=0.0)
    compute = ways.compute(usage, known, reads=True)[0].total / usage.requests
    waiting = (waits - 1) * READ_MS / 1000 * usage.memory_gb * known.lambda_.x86_64_gb_second
    return THOUSAND * (compute + waiting + known.api.http + read_units * known.dynamodb.read_unit)


def _written(folder: Path, items: Sheet, asked: Asked) -> Path:
    folder.mkdir(parents=True)
    users = _users()
    np.save(folder / "users.npy", users)
    np.save(folder / "users.keys.npy", np.arange(USERS))
    np.save(folder / "items.npy", items.exact(np.arange(ROWS)))
    np.save(folder / "items.keys.npy", np.arange(ROWS))
    (folder / "model.toml").write_text(TOML, encoding="utf-8")
    rows = [
        Golden({"user_id": user}, {}, {"item_id": ids.tolist()}, tuple(_scores(items, user, ids).tolist()))
        for user, ids in asked[:1]
    ]
    (folder / "golden.jsonl").write_bytes(b"".join(map(golden.line, rows)))
    return folder


def _users() -> NDArray[np.float32]:
    return np.random.default_rng(data.SEED + 4).standard_normal((USERS, data.DIM), np.float32)


def _scores(items: Sheet, user: int, ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """By definition, in doubles."""
    scores: NDArray[np.float64] = items.exact(ids).astype(np.float64) @ _users()[user].astype(np.float64)
    return scores


def _event(user: int, ids: NDArray[np.int64]) -> dict[str, Any]:
    body = json.dumps({"user": {"user_id": user}, "items": {"item_id": ids.tolist()}})
    url = f"/{NAME}/v1/models/{NAME}:rank"
    return event_v2("POST", url, headers={"content-type": "application/json"}, body=body.encode())


def _agree(handlers: Mapping[str, Handler], events: Sequence[dict[str, Any]], items: Sheet, asked: Asked) -> None:
    """Every way, every request: also what fills the tape."""
    for name, run in handlers.items():
        for event, (user, ids) in zip(events, asked, strict=True):
            answer = run(event)
            if answer["statusCode"] != 200:
                raise BenchError(f"{name} answers {answer['statusCode']}: {answer['body'][:200]}; nothing was timed")
            exact = _scores(items, user, ids)
            if not np.allclose(json.loads(answer["body"])["scores"], exact, rtol=TOLERANCE, atol=TOLERANCE * 10):
                raise BenchError(f"{name}: scores of user {user} are wrong; nothing was timed")


def _units(ours: Function, items: Sheet, asked: Asked, events: Sequence[dict[str, Any]], url: str) -> dict[str, float]:
    """Read units of a request, by the rule, as the server counts them too. Raises BenchError where it does not."""
    user = units.reading(data.DIM * 4)
    keys = [list(map(str, ids.tolist())) for _, ids in asked]
    candidates = units.per_request(items, keys)
    base.equal("read units of candidates", [units.consumed(url, items.table, one) for one in keys], candidates)
    for event in events:
        with units.metered() as spent:
            ours(event, None)
        if sum(spent) != user:
            raise BenchError(f"a request of ours spent {sum(spent)} read units, computed are {user}")
    theirs = user + float(np.mean(candidates))
    return {"ours": user, "boto3-per-item": theirs, "boto3-batch": theirs}


def _rows(taken: Mapping[str, NDArray[np.float64]], spent: Mapping[str, float]) -> Iterator[Row]:
    cost = {name: np.array([dollars(cpu, spent[name]) for cpu in rounds]) for name, rounds in taken.items()}
    yield base.row("dollars-per-1000", cost["ours"], n=N, unit="$", peer=None)
    for name in ("boto3-per-item", "boto3-batch"):
        yield base.row(f"dollars-per-1000-{name}", cost[name], n=N, unit="$", peer=name)
        yield base.ratio(f"dollars-per-1000-vs-{name}", cost["ours"], cost[name], n=N, peer=name)
    slow = np.array([dollars(cpu, spent["boto3-per-item"], waits=N + 1) for cpu in taken["boto3-per-item"]])
    yield base.ratio("dollars-per-1000-vs-boto3-per-item-in-turn", cost["ours"], slow, n=N, peer="boto3-per-item")
    for name, rounds in taken.items():
        yield base.microseconds(f"request-500-{name}-us", rounds, n=N, peer=None if name == "ours" else name)
    for name, count in spent.items():
        yield Row(f"read-units-500-{name}", N, count, "read units", (count, count), None if name == "ours" else name)
