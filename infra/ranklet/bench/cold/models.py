"""The functions of this bench, built as any model is: golden requests replayed, scores known.

`onnx` is the ranker of `bench/dialects`. `numpy` and `dynamodb` are one model, vectors of users and items and their
product, whose tables are in the package or in DynamoDB: what differs is how they are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ranklet import golden, pipeline
from ranklet.bench import dialects
from ranklet.bench.base import Progress
from ranklet.bench.dialects import ranker
from ranklet.bench.tables import servers
from ranklet.errors import BenchError
from ranklet.golden import Golden
from ranklet.startup import hosted
from ranklet_runtime.engines.ort import open_session
from ranklet_runtime.manifest import Manifest

N = 100
"""Candidates of the first request."""
DIM, USERS, ITEMS = 64, 200, 2000
CLOSE = 1e-5

TOML = """
name = "{name}"

[inputs]
user_id = {{ side = "user", type = "int" }}
item_id = {{ side = "item", type = "int" }}

[features]
user = {{ kind = "embedding", of = "user_id", table = "users" }}
item = {{ kind = "embedding", of = "item_id", table = "items" }}

[tables.users]
vectors = "users.npy"
keys = "users_keys.npy"
key = "int"
placement = "{placement}"

[tables.items]
vectors = "items.npy"
keys = "items_keys.npy"
key = "int"
placement = "{placement}"

[[steps]]
format = "numpy"
engine = "dot"
inputs = {{ user = "user", item = "item" }}

[output]
item_key = "item_id"
"""


@dataclass(frozen=True)
class Kind:
    """A function's bundle, what its environment adds, and its first request with the answer."""

    name: str
    bundle: Path
    environ: Mapping[str, str]
    event: Mapping[str, Any]
    scores: tuple[float, ...]
    onnx: bool

    def check(self, name: str, answer: Any) -> None:
        """Raise BenchError where an answer is not the golden one."""
        if answer == NOTHING_TO_SAY and not self.scores:
            return
        if answer.get("statusCode") != 200:
            raise BenchError(f"the function {name} answers {str(answer)[:300]}; nothing was timed")
        document = json.loads(answer["body"])
        if document.get("degraded") or not np.allclose(document["scores"], self.scores, rtol=CLOSE, atol=CLOSE):
            raise BenchError(f"the function {name} gives other scores, or defaults ({document.get('degraded')})")


NOTHING_TO_SAY: Mapping[str, Any] = {"statusCode": 204}
NOTHING = Kind("client", Path(), {}, {}, (), onnx=False)


@contextmanager
def built(scratch: Path, progress: Progress) -> Iterator[dict[str, Kind]]:
    """Every kind by name; the DynamoDB that one of them reads serves until the block ends."""
    progress("build the models")
    handler, folder = dialects.built(scratch)
    request = ranker.request(N)
    (output,) = open_session(ranker.graph(), threads=1).run(None, ranker.feeds(request))
    row = replace(request, scores=tuple(output.reshape(-1).tolist()))
    kinds = {"onnx": _kind(handler.manifest, folder, row, onnx=True)}
    staged = scratch / "vectors" / "tables"
    for name, placement in (("numpy", "resident"), ("dynamodb", "dynamodb")):
        made = pipeline.build(_write(scratch / "models" / name, name, placement), out=scratch / "vectors")
        (row,) = golden.read(scratch / "models" / name / "golden.jsonl")
        kinds[name] = _kind(made.manifest, made.folder, row, onnx=False)
    with servers.running(staged) as url:
        one = kinds["dynamodb"]
        kinds["dynamodb"] = replace(one, environ={**one.environ, **servers.environ(url)})
        yield kinds


def _kind(manifest: Manifest, folder: Path, row: Golden, *, onnx: bool) -> Kind:
    return Kind(manifest.model, folder, hosted.pinned(folder), hosted.event(manifest, row), row.scores, onnx)


def _write(folder: Path, name: str, placement: str) -> Path:
    folder.mkdir(parents=True)
    random = np.random.default_rng(11)
    vectors = {name: random.normal(scale=0.2, size=(rows, DIM)) for name, rows in (("users", USERS), ("items", ITEMS))}
    for table, values in vectors.items():
        np.save(folder / f"{table}.npy", values.astype(np.float32))
        np.save(folder / f"{table}_keys.npy", np.arange(len(values)))
    user, items = 7, random.integers(0, ITEMS, N).tolist()
    scores = vectors["items"][items].astype(np.float32).astype(float) @ vectors["users"][user].astype(np.float32)
    row = {"request": {"user": {"user_id": user}, "context": {}, "items": {"item_id": items}}, "scores": list(scores)}
    (folder / "golden.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (folder / "model.toml").write_text(TOML.format(name=name, placement=placement), encoding="utf-8")
    return folder
