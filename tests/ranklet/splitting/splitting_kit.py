"""Small real models with one end-to-end graph each, in folders as authors have them.

Golden scores are onnxruntime's on the uncut graph, fed by hand with the user's values tiled: nothing of the code under
test has a part in them.
"""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from ranklet.local.event_v2 import event_v2
from ranklet_features import FeaturePlan, FeatureSpec, Input
from ranklet_features.spec import Feature
from ranklet_runtime.function import Function

OPSET = 18
CLOSE = 1e-5
Request = dict[str, dict[str, Any]]
Feeds = Callable[[Request, int], dict[str, np.ndarray]]


class Net:
    """Adds nodes one by one; weights are drawn from a seed."""

    def __init__(self, seed: int = 0, opset: int = OPSET) -> None:
        self.random, self.opset = np.random.default_rng(seed), opset
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.weights: list[Any] = []

    def input(self, name: str, shape: Sequence[int | str], kind: Any = np.float32) -> str:
        code = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        self.inputs.append(helper.make_tensor_value_info(name, code, list(shape)))
        return name

    def ids(self, name: str, *shape: int | str) -> str:
        return self.input(name, ["n", *shape], np.int64)

    def const(self, value: Any, kind: Any = None) -> str:
        array = np.asarray(value)
        array = array.astype(kind or (np.float32 if array.dtype.kind == "f" else array.dtype))
        self.weights.append(numpy_helper.from_array(array, f"w{len(self.weights)}"))
        return f"w{len(self.weights) - 1}"

    def table(self, name: str, rows: int, dim: int, kind: Any = np.float32) -> str:
        array = (self.random.standard_normal((rows, dim)) * 0.3).astype(kind)
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, *shape: int) -> str:
        return self.const(self.random.standard_normal(shape) / np.sqrt(shape[0]))

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"v{len(self.nodes)}_{k}" if k else f"v{len(self.nodes)}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def dense(self, value: str, width: int, out: int) -> str:
        return str(self.op("Gemm", value, self.weight(width, out), self.weight(out)))

    def deep(self, value: str, *sizes: int) -> str:
        for width, out in pairwise(sizes):
            value = self.dense(value, width, out)
            value = value if out == sizes[-1] else self.op("Relu", value)
        return value

    def score(self, value: str) -> bytes:
        """The graph whose output `score` is the sigmoid of a value [n, 1]."""
        self.nodes.append(helper.make_node("Sigmoid", [value], ["score"]))
        end = helper.make_tensor_value_info("score", onnx.TensorProto.FLOAT, ["n", 1])
        graph = helper.make_graph(self.nodes, "hand", self.inputs, [end], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)
        return bytes(model.SerializeToString())


@dataclass(frozen=True)
class Model:
    """toml: all but name, steps, output and golden. feeds: the graph's inputs of a request, by hand."""

    graph: bytes
    toml: str
    feeds: Feeds
    requests: list[Request]
    catalogue: Mapping[str, list[Any]] = field(default_factory=dict)

    def scores(self, request: Request) -> list[float]:
        """onnxruntime's own, of the graph as it was exported."""
        session = onnxruntime.InferenceSession(self.graph, providers=["CPUExecutionProvider"])
        count = len(next(iter(request["items"].values())))
        return session.run(None, self.feeds(request, count))[0].ravel().tolist()

    def write(self, functions: Path, name: str, *, split: str = "", **files: bytes) -> Path:
        """A folder below functions/ that `pipeline.build` can build."""
        folder = functions / name
        (folder / "export").mkdir(parents=True)
        (folder / "export" / "model.onnx").write_bytes(self.graph)
        for file, content in files.items():
            (folder / "export" / file.replace("__", ".")).write_bytes(content)
        if self.catalogue:
            write_csv(folder / "export" / "items.csv", self.catalogue)
        (folder / "model.toml").write_text(
            f'name = "{name}"\n{self.toml}\n[[steps]]\nformat = "onnx"\nsource = "export/model.onnx"\n'
            f'[output]\nitem_key = "movie_id"\n[limits]\ndeadline_ms = 25000\n[split]\n{split}\n'
        )
        lines = [json.dumps({"request": one, "scores": self.scores(one)}) for one in self.requests]
        (folder / "golden.jsonl").write_text("\n".join(lines))
        return folder


def write_csv(path: Path, columns: Mapping[str, list[Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def tiled(value: Any, count: int, kind: Any = np.float32) -> np.ndarray:
    return np.repeat(np.asarray([value], kind), count, 0)


USERS, FILMS, GENRES = 60, 80, 7

TWO_TOWER = """
[inputs]
user_id  = { side = "user", type = "int" }
age      = { side = "user" }
hour     = { side = "context", type = "int" }
movie_id = { side = "item", type = "int" }
genre    = { side = "item", type = "string", default = "" }
year     = { side = "item" }
[features]
user  = { kind = "category", of = "user_id", size = 60, oov_index = 0 }
about = { kind = "dense", of = "age", mean = 40.0, std = 12.0 }
when  = { kind = "category", of = "hour", size = 24, oov = "error" }
film  = { kind = "category", of = "movie_id", size = 80, oov_index = 0 }
kind  = { kind = "category", of = "genre", vocabulary = ["a", "b", "c", "d", "e", "f"] }
made  = { kind = "dense", of = "year", mean = 1990.0, std = 10.0 }
"""


def film_columns(random: np.random.Generator) -> dict[str, list[Any]]:
    """A catalogue: every film but number 0, which stands for the unknown ones."""
    return {
        "movie_id": list(range(1, FILMS)),
        "genre": random.choice(list("abcdefz"), FILMS - 1).tolist(),
        "year": random.integers(1950, 2020, FILMS - 1).tolist(),
    }


def two_tower(*, seed: int = 1) -> Model:
    """Users with age and hour, films with genre and year; the towers meet in a dot product."""
    net = Net(seed)
    u, about, when = net.ids("user"), net.input("about", ["n", 1]), net.ids("when")
    f, kind, made = net.ids("film"), net.ids("kind"), net.input("made", ["n", 1])
    user = [
        net.op("Gather", net.table("users", USERS, 12), u),
        net.op("Gather", net.table("hours", 24, 4), when),
        about,
    ]
    item = [net.op("Gather", net.table("films", FILMS, 12), f), net.op("Gather", net.table("kinds", GENRES, 4), kind)]
    left = net.deep(net.op("Concat", *user, axis=1), 17, 32, 16)
    right = net.deep(net.op("Concat", *item, made, axis=1), 17, 32, 16)
    dot = net.op("ReduceSum", net.op("Mul", left, right), net.const(np.array([1])), keepdims=1)
    random = np.random.default_rng(2)
    films = film_columns(random)

    def feeds(request: Request, count: int) -> dict[str, np.ndarray]:
        user, items = request["user"], request["items"]
        return {
            "user": tiled(user["user_id"] if 0 <= user["user_id"] < USERS else 0, count, np.int64),
            "about": tiled([(user["age"] - 40) / 12], count),
            "when": tiled(request["context"]["hour"], count, np.int64),
            "film": np.array([film if 0 <= film < FILMS else 0 for film in items["movie_id"]], np.int64),
            "kind": np.array(["abcdef".find(genre) % GENRES if genre else 6 for genre in items["genre"]], np.int64),
            "made": (np.array(items["year"], np.float64)[:, None] - 1990).astype(np.float32) / np.float32(10),
        }

    given = [two_tower_request(films, random, int(size)) for size in (1, 2, 5, 9, 20, 33)]
    return Model(net.score(dot), TWO_TOWER, feeds, given, films)


def two_tower_request(films: Mapping[str, list[Any]], random: np.random.Generator, size: int) -> Request:
    chosen = random.integers(0, len(films["movie_id"]), size)
    return {
        "user": {"user_id": int(random.integers(0, USERS + 5)), "age": float(random.integers(10, 80))},
        "context": {"hour": int(random.integers(0, 24))},
        "items": {name: [column[at] for at in chosen] for name, column in films.items()},
    }


DEEP_FM = """
[inputs]
user_id  = { side = "user", type = "int" }
city     = { side = "user", type = "int" }
movie_id = { side = "item", type = "int" }
shop     = { side = "item", type = "int" }
price    = { side = "item" }
age      = { side = "user" }
weight   = { side = "item" }
[features]
user    = { kind = "category", of = "user_id", size = 300, oov_index = 0 }
town    = { kind = "category", of = "city", size = 20, oov_index = 0 }
film    = { kind = "category", of = "movie_id", size = 400, oov_index = 0 }
seller  = { kind = "category", of = "shop", size = 30, oov_index = 0 }
numbers = { kind = "dense", of = ["price", "age", "weight"], mean = [5.0, 40.0, 2.0], std = [2.0, 10.0, 1.0] }
near    = { kind = "cross", of = ["town", "seller"], buckets = 50 }
"""


def deep_fm(*, half: bool = False) -> Model:
    """Fields of both sides, a price that requests bring, a dense matrix of mixed columns, a cross of both sides."""
    net, dim = Net(3), 8
    names = {"user": 300, "town": 20, "film": 400, "seller": 30}
    ids = {name: net.ids(name) for name in names}
    numbers, near = net.input("numbers", ["n", 3]), net.ids("near")
    kind = np.float16 if half else np.float32
    fields = []
    for name, rows in names.items():
        row = net.op("Gather", net.table(f"{name}s", rows, dim, kind), ids[name])
        fields.append(net.op("Cast", row, to=onnx.TensorProto.FLOAT) if half else row)
    crossed = net.op("Gather", net.table("pairs", 50, 1), near)
    axis = net.const(np.array([1]))
    stack = net.op("Concat", *(net.op("Unsqueeze", one, axis) for one in fields), axis=1)
    total = net.op("ReduceSum", stack, axis, keepdims=0)
    squares = net.op("ReduceSum", net.op("Mul", stack, stack), axis, keepdims=0)
    fm = net.op("ReduceSum", net.op("Sub", net.op("Mul", total, total), squares), axis, keepdims=1)
    deep = net.deep(net.op("Concat", *fields, numbers, axis=1), 4 * dim + 3, 48, 1)
    out = net.op("Add", net.op("Add", fm, deep), crossed)
    random = np.random.default_rng(4)
    count = 200
    items = {
        "movie_id": random.permutation(np.arange(1, 400))[:count].tolist(),
        "shop": random.integers(0, 30, count).tolist(),
        "weight": random.random(count).round(3).tolist(),
    }
    # A cross hashes: the ids of this one input are the features' own, as a trainer's would be.
    spec = FeatureSpec(
        {"town": Input("user", "int"), "seller": Input("item", "int")},
        {"near": Feature("cross", ("town", "seller"), {"buckets": 50})},
    )
    plan = FeaturePlan.compile(spec, Path(), {})

    def feeds(request: Request, n: int) -> dict[str, np.ndarray]:
        user, given = request["user"], request["items"]
        columns = [given["price"], [user["age"]] * n, given["weight"]]
        dense = (np.array(columns, np.float64).T - [5, 40, 2]) / [2, 10, 1]
        near = plan.assemble({"town": user["city"]}, {}, {"seller": given["shop"]}).tensors["near"]
        return {
            "user": tiled(user["user_id"], n, np.int64),
            "town": tiled(user["city"], n, np.int64),
            "film": np.array(given["movie_id"], np.int64),
            "seller": np.array(given["shop"], np.int64),
            "numbers": dense.astype(np.float32),
            "near": near,
        }

    requests = []
    for size in (1, 3, 17, 40):
        chosen = random.integers(0, count, size)
        requests.append(
            {
                "user": {"user_id": int(random.integers(300)), "city": int(random.integers(20)), "age": 33.0},
                "context": {},
                "items": {name: [column[at] for at in chosen] for name, column in items.items()}
                | {"price": random.uniform(1, 9, size).round(2).tolist()},
            }
        )
    return Model(net.score(out), DEEP_FM, feeds, requests, items)


DIN = """
[inputs]
user_id  = { side = "user", type = "int" }
history  = { side = "user", type = "int", list = true, default = [] }
movie_id = { side = "item", type = "int" }
[features]
user  = { kind = "category", of = "user_id", size = 50, oov_index = 0 }
liked = { kind = "bag", of = "history", size = 200, oov_index = 0, length = 12, keep = "last", pad = 0 }
film  = { kind = "category", of = "movie_id", size = 200, oov_index = 0 }
"""


def din(*, rows: int = 200) -> Model:
    """Attention of the candidate over the user's history; both read one table of films."""
    net, dim, length = Net(5), 8, 12
    u, h, f = net.ids("user"), net.ids("liked", length), net.ids("film")
    films = net.table("films", rows, dim)
    keys, query = net.op("Gather", films, h), net.op("Gather", films, f)
    wide = net.op("Expand", net.op("Unsqueeze", query, net.const(np.array([1]))), net.const(np.array([1, length, 1])))
    both = net.op("Concat", wide, keys, net.op("Sub", wide, keys), net.op("Mul", wide, keys), axis=2)
    hidden = net.op("Relu", net.op("Add", net.op("MatMul", both, net.weight(4 * dim, 16)), net.weight(16)))
    weights = net.op("MatMul", hidden, net.weight(16, 1))
    mask = net.op("Unsqueeze", net.op("Equal", h, net.const(np.array(0))), net.const(np.array([2])))
    weights = net.op("Softmax", net.op("Where", mask, net.const(np.array(-1e9)), weights), axis=1)
    pooled = net.op("ReduceSum", net.op("Mul", weights, keys), net.const(np.array([1])), keepdims=0)
    user = net.op("Gather", net.table("people", 50, dim), u)
    out = net.deep(net.op("Concat", user, pooled, query, axis=1), 3 * dim, 32, 1)

    def feeds(request: Request, n: int) -> dict[str, np.ndarray]:
        history = request["user"].get("history", [])[-length:]
        return {
            "user": tiled(request["user"]["user_id"], n, np.int64),
            "liked": tiled(history + [0] * (length - len(history)), n, np.int64),
            "film": np.array(request["items"]["movie_id"], np.int64),
        }

    random = np.random.default_rng(6)
    requests: list[Request] = []
    for size, past in ((1, 0), (4, 3), (25, 12), (7, 30)):
        user: dict[str, Any] = {"user_id": int(random.integers(50))}
        if past:
            user["history"] = random.integers(1, 200, past).tolist()
        items = {"movie_id": random.integers(1, 200, size).tolist()}
        requests.append({"user": user, "context": {}, "items": items})
    return Model(net.score(out), DIN, feeds, requests, {"movie_id": list(range(1, 200))})


def ask(function: Function, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = function(
        event_v2("POST", path, headers={"content-type": "application/json"}, body=json.dumps(body).encode()), None
    )
    text = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"]
    assert answer["statusCode"] == 200, text
    return json.loads(text)


def scores(function: Function, request: Request) -> list[float]:
    name = function.manifest.model
    return ask(function, f"/{name}/v1/models/{name}:rank", request)["scores"]


def shuffled(model: Model) -> Iterator[Request]:
    """Other users with other lists than the golden ones."""
    users = [one["user"] for one in model.requests]
    contexts = [one["context"] for one in model.requests]
    for number, one in enumerate(model.requests):
        items = {name: column[::-1] + column[:1] for name, column in one["items"].items()}
        yield {"user": users[number - 1], "context": contexts[number - 2], "items": items}
