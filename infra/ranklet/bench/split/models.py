"""The architectures that are measured, in the sizes of their papers' public implementations.

Ids have 100 (fields), 1 000 (users) or 2 000 (items) values: the tables are small enough to stay in the graph, so that
what is compared is the graphs alone. "8 + 6" stands for 8 fields of the user and 6 of the item.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ranklet.bench.split.net import Net
from ranklet.graph.records import Declared

USERS, ITEMS, VALUES = 1000, 2000, 100
FIELD = 16
"""Numbers in the embedding of a field."""


@dataclass(frozen=True)
class Model:
    """build: the graph as ONNX. sides: of its inputs. about: its size in a line."""

    build: Callable[[], bytes]
    sides: Mapping[str, Declared]
    about: str


def two_tower() -> bytes:
    net = Net()
    user = net.concat(net.embed(net.ids("user"), USERS, 32), net.dense("context", 8))
    item = net.concat(net.embed(net.ids("item"), ITEMS, 32), net.embed(net.ids("genre"), 20, 8))
    towers = [net.mlp(side, 40, 256, 128, 64) for side in (user, item)]
    unit = [net.op("Div", tower, net.op("ReduceL2", tower, net.list(1), keepdims=1)) for tower in towers]
    return net.bytes(net.op("Sigmoid", net.total(net.op("Mul", *unit), 1)))


def neural_cf() -> bytes:
    net = Net()
    user, item = net.ids("user"), net.ids("item")
    deep = net.mlp(net.concat(net.embed(user, USERS, 32), net.embed(item, ITEMS, 32)), 64, 128, 64, 32, last=True)
    general = net.op("Mul", net.embed(user, USERS, 32), net.embed(item, ITEMS, 32))
    return net.bytes(net.op("Sigmoid", net.linear(net.concat(general, deep), 64, 1)), 1)


def _fields(net: Net, users: int, items: int, dim: int = FIELD) -> tuple[str, str]:
    """Embeddings [batch, fields, dim] and the sum of the first-order weights [batch, 1]."""
    ids = {net.ids("user", users): users, net.ids("item", items): items}
    columns = [net.column(name, place) for name, count in ids.items() for place in range(count)]
    tall = [net.op("Unsqueeze", net.embed(column, VALUES, dim), net.list(1)) for column in columns]
    first = net.total(net.concat(*(net.embed(column, VALUES, 1) for column in columns)), 1, keep=True)
    return net.concat(*tall), first


def wide_deep(users: int = 8, items: int = 6) -> bytes:
    net = Net()
    x, wide = _fields(net, users, items)
    width = (users + items) * FIELD
    deep = net.mlp(net.reshape(x, -1, width), width, 256, 128, 1)
    return net.bytes(net.op("Sigmoid", net.op("Add", wide, deep)), 1)


def deepfm(users: int = 8, items: int = 6) -> bytes:
    net = Net()
    x, first = _fields(net, users, items)
    width, total = (users + items) * FIELD, net.total(x, 1)
    squares = net.op("Sub", net.op("Mul", total, total), net.total(net.op("Mul", x, x), 1))
    second = net.op("Mul", net.total(squares, 1, keep=True), net.const(np.float32(0.5)))
    deep = net.mlp(net.reshape(x, -1, width), width, 256, 128, 1)
    return net.bytes(net.op("Sigmoid", net.op("Add", net.op("Add", first, second), deep)), 1)


def dcn_v2(users: int = 8, items: int = 6, layers: int = 2) -> bytes:
    net = Net()
    fields, _ = _fields(net, users, items)
    width = (users + items) * FIELD
    start = x = net.reshape(fields, -1, width)
    for _ in range(layers):
        x = net.op("Add", net.op("Mul", start, net.linear(x, width, width)), x)
    deep = net.mlp(start, width, 256, 128, last=True)
    return net.bytes(net.op("Sigmoid", net.linear(net.concat(x, deep), width + 128, 1)), 1)


def dlrm(users: int = 8, items: int = 18, dim: int = 32) -> bytes:
    net = Net()
    bottom = net.mlp(net.dense("dense", 13), 13, 128, dim, last=True)
    fields, _ = _fields(net, users, items, dim)
    x = net.concat(net.op("Unsqueeze", bottom, net.list(1)), fields)
    n = users + items + 1
    square = net.op("MatMul", x, net.op("Transpose", x, perm=[0, 2, 1]))
    below = np.flatnonzero(np.tri(n, n, -1, dtype=bool))
    pairs = net.op("Gather", net.reshape(square, -1, n * n), net.const(below), axis=1)
    top = net.mlp(net.concat(bottom, pairs), dim + len(below), 256, 128, 1)
    return net.bytes(net.op("Sigmoid", top), 1)


def din(dim: int = 32, length: int = 50) -> bytes:
    net = Net()
    history, item = net.ids("history", length), net.ids("item")
    table = net.weight(ITEMS, dim, scale=0.1)
    k, q = net.op("Gather", table, history, axis=0), net.op("Gather", table, item, axis=0)
    wide = net.op("Expand", net.op("Unsqueeze", q, net.list(1)), net.list(1, length, 1))
    both = net.concat(wide, k, net.op("Sub", wide, k), net.op("Mul", wide, k), axis=2)
    weights = net.op("Squeeze", net.mlp(both, 4 * dim, 64, 16, 1, many=True), net.list(2))
    absent = net.op("Equal", history, net.const(np.int64(0)))
    weights = net.op("Softmax", net.op("Where", absent, net.const(np.float32(-1e9)), weights), axis=1)
    pooled = net.op("Squeeze", net.op("MatMul", net.op("Unsqueeze", weights, net.list(1)), k), net.list(1))
    user = net.embed(net.ids("user"), USERS, dim)
    return net.bytes(net.op("Sigmoid", net.mlp(net.concat(user, pooled, q), 3 * dim, 128, 64, 1)), 1)


def _attention(net: Net, x: str, dim: int, heads: int, length: int) -> str:
    """Self-attention over [batch, length, dim]."""
    split, back = [0, length, heads, dim // heads], [0, length, dim]
    q, k, v = (net.reshape(net.project(x, dim, dim), *split) for _ in range(3))
    q, v = (net.op("Transpose", one, perm=[0, 2, 1, 3]) for one in (q, v))
    logits = net.op("MatMul", q, net.op("Transpose", k, perm=[0, 2, 3, 1]))
    shares = net.op("Softmax", net.op("Mul", logits, net.const(np.float32((dim // heads) ** -0.5))), axis=-1)
    mixed = net.op("Transpose", net.op("MatMul", shares, v), perm=[0, 2, 1, 3])
    return net.project(net.reshape(mixed, *back), dim, dim)


def _block(net: Net, x: str, dim: int, length: int) -> str:
    """One layer of a transformer, normed after each half."""
    ones, zeros = net.const(np.ones(dim, np.float32)), net.const(np.zeros(dim, np.float32))
    x = net.op("LayerNormalization", net.op("Add", x, _attention(net, x, dim, 4, length)), ones, zeros, axis=-1)
    wide = net.mlp(x, dim, 128, dim, many=True)
    return net.op("LayerNormalization", net.op("Add", x, wide), ones, zeros, axis=-1)


def user_sequence(dim: int = 64, length: int = 50) -> bytes:
    net = Net()
    history, item = net.ids("history", length), net.ids("item")
    table = net.weight(ITEMS, dim, scale=0.1)
    steps = net.op("Transpose", net.op("Gather", table, history, axis=0), perm=[1, 0, 2])
    gates = [net.weight(1, 3 * dim, dim, scale=dim**-0.5) for _ in range(2)]
    states = net.op("Squeeze", net.op("GRU", steps, *gates, hidden_size=dim), net.list(1))
    states = net.op("Transpose", states, perm=[1, 0, 2])
    last = net.column(_block(net, states, dim, length), length - 1)
    deep = net.mlp(net.concat(last, net.op("Gather", table, item, axis=0)), 2 * dim, 64, 1)
    return net.bytes(net.op("Sigmoid", deep), 1)


def bst(dim: int = 32, length: int = 20) -> bytes:
    net = Net()
    history, item, user = net.ids("history", length), net.ids("item"), net.ids("user")
    ids = net.concat(history, net.op("Unsqueeze", item, net.list(1)))
    tokens = net.op("Add", net.embed(ids, ITEMS, dim), net.weight(1, length + 1, dim, scale=0.1))
    flat = net.reshape(_block(net, tokens, dim, length + 1), -1, (length + 1) * dim)
    deep = net.mlp(net.concat(flat, net.embed(user, USERS, dim)), (length + 2) * dim, 128, 64, 1)
    return net.bytes(net.op("Sigmoid", deep), 1)


def mmoe(users: int = 8, items: int = 6, experts: int = 4) -> bytes:
    net = Net()
    fields, _ = _fields(net, users, items)
    width = (users + items) * FIELD
    x = net.reshape(fields, -1, width)
    tall = [net.op("Unsqueeze", net.mlp(x, width, 64, 32, last=True), net.list(1)) for _ in range(experts)]
    gate = net.op("Unsqueeze", net.op("Softmax", net.linear(x, width, experts), axis=1), net.list(2))
    mixed = net.total(net.op("Mul", gate, net.concat(*tall)), 1)
    return net.bytes(net.op("Sigmoid", net.mlp(mixed, 32, 16, 1)), 1)


FIELDS: Mapping[str, Declared] = {"user": "user", "item": "item"}
SEQUENCE: Mapping[str, Declared] = {"history": "user", "item": "item"}
BOTH: Mapping[str, Declared] = {"user": "user", **SEQUENCE}

MODELS: Mapping[str, Model] = {
    "two-tower": Model(
        two_tower,
        {"user": "user", "context": "context", "item": "item", "genre": "item"},
        "towers 40-256-128-64, unit vectors, their dot product",
    ),
    "user-sequence": Model(user_sequence, SEQUENCE, "GRU 64 and a transformer layer over 50 items, MLP 128-64-1"),
    "din": Model(din, BOTH, "attention MLP 128-64-16-1 over a history of 50, deep MLP 96-128-64-1"),
    "deepfm": Model(deepfm, FIELDS, "8 + 6 fields of 16, MLP 224-256-128-1"),
    "deepfm-40": Model(lambda: deepfm(40), FIELDS, "40 + 6 fields of 16, MLP 736-256-128-1"),
    "wide-deep": Model(wide_deep, FIELDS, "8 + 6 fields of 16, MLP 224-256-128-1"),
    "dcn-v2": Model(dcn_v2, FIELDS, "8 + 6 fields of 16, 2 cross layers, MLP 224-256-128"),
    "dcn-v2-40": Model(lambda: dcn_v2(40), FIELDS, "40 + 6 fields of 16, 2 cross layers, MLP 736-256-128"),
    "dlrm": Model(dlrm, {"dense": "user", **FIELDS}, "8 + 18 fields of 32, 13 dense, all pairs, MLP 383-256-128-1"),
    "neural-cf": Model(neural_cf, FIELDS, "GMF 32 and MLP 64-128-64-32"),
    "bst": Model(bst, BOTH, "a transformer layer over a history of 20 and the item, MLP 704-128-64-1"),
    "mmoe": Model(mmoe, FIELDS, "8 + 6 fields of 16, 4 experts 224-64-32, a gate, a tower 32-16-1"),
}
