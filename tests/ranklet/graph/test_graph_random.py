"""Random graphs: the split always equals the uncut graph, or it is declined with a reason.

The graphs compute in float64, so that only a wrong split can differ by more than 1e-9: the acceptance test must have
nothing to refute.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from graph_hand import Net, accepted, accepted_rest, three
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ranklet.graph.packing import RECORD, layout, pack
from ranklet.graph.records import Piece
from ranklet.graph.running import Runner
from ranklet.graph.split import Declined
from ranklet.graph.three import Rest
from ranklet.graph.tidy import tidy

Value = tuple[str, tuple[int, ...]]
"""Name and shape behind the batch."""


@dataclass
class Dag:
    """A graph that grows by drawn steps."""

    draw: st.DrawFn
    net: Net
    values: list[Value]

    def pick(self, rank: int | None = None) -> Value | None:
        found = [v for v in self.values if rank is None or len(v[1]) == rank]
        return self.draw(st.sampled_from(found[-6:])) if found else None

    def add(self, name: str, shape: tuple[int, ...]) -> None:
        self.values.append((self.net.op("Tanh", name) if self.draw(st.booleans()) else name, shape))


def binary(dag: Dag) -> None:
    a = dag.pick()
    same = [
        v
        for v in dag.values
        if a and len(v[1]) == len(a[1]) and all(1 in (p, q) or p == q for p, q in zip(v[1], a[1], strict=True))
    ]
    b = dag.draw(st.sampled_from(same))
    kind = dag.draw(st.sampled_from(["Add", "Sub", "Mul", "Max"]))
    dag.add(dag.net.op(kind, a[0], b[0]), tuple(max(p, q) for p, q in zip(a[1], b[1], strict=True)))


def constant(dag: Dag) -> None:
    name, shape = dag.pick()
    other = dag.net.const(dag.net.random.standard_normal(dag.draw(st.sampled_from([(), shape[-1:]]))))
    pair = dag.draw(st.permutations([name, other]))
    dag.add(dag.net.op(dag.draw(st.sampled_from(["Add", "Sub", "Mul"])), *pair), shape)


def unary(dag: Dag) -> None:
    name, shape = dag.pick()
    dag.add(dag.net.op(dag.draw(st.sampled_from(["Relu", "Sigmoid", "Neg", "Tanh"])), name), shape)


def dense(dag: Dag) -> None:
    name, shape = dag.pick()
    width = dag.draw(st.integers(1, 4))
    weight = dag.net.weight(shape[-1], width)
    if len(shape) == 1 and dag.draw(st.booleans()):
        dag.add(dag.net.op("Gemm", name, weight, dag.net.weight(width)), (width,))
    else:
        dag.add(dag.net.op("MatMul", name, weight), (*shape[:-1], width))


def concat(dag: Dag) -> None:
    name, shape = dag.pick()
    axis = dag.draw(st.integers(0, len(shape) - 1))
    fits = [
        v
        for v in dag.values
        if len(v[1]) == len(shape) and v[1][:axis] + v[1][axis + 1 :] == shape[:axis] + shape[axis + 1 :]
    ]
    parts = [(name, shape), *dag.draw(st.lists(st.sampled_from(fits), min_size=1, max_size=3))]
    joined = (*shape[:axis], sum(p[1][axis] for p in parts), *shape[axis + 1 :])
    if joined[axis] <= 12:
        dag.add(dag.net.op("Concat", *(p[0] for p in parts), axis=axis + 1), joined)


def reduce(dag: Dag) -> None:
    name, shape = dag.pick()
    axis = dag.draw(st.integers(0, len(shape) - 1))
    kind = dag.draw(st.sampled_from(["ReduceSum", "ReduceMean", "ReduceMax"]))
    keep = len(shape) == 1 or dag.draw(st.booleans())
    made = dag.net.op(kind, name, dag.net.const(np.array([axis + 1])), keepdims=int(keep))
    dag.add(made, (*shape[:axis], *((1,) if keep else ()), *shape[axis + 1 :]))


def over_batch(dag: Dag) -> None:
    """What mixes rows: a softmax, a cumulative sum, a centring over the batch."""
    name, shape = dag.pick()
    kind = dag.draw(st.sampled_from(["softmax", "cumsum", "centre", "position"]))
    if kind == "softmax":
        dag.add(dag.net.op("Softmax", name, axis=0), shape)
    elif kind == "cumsum":
        dag.add(dag.net.op("Tanh", dag.net.op("CumSum", name, dag.net.const(np.array(0)))), shape)
    elif kind == "centre":
        mean = dag.net.op("ReduceMean", name, dag.net.const(np.array([0])), keepdims=1)
        dag.add(dag.net.op("Sub", name, mean), shape)
    else:
        rows = dag.net.op("Gather", dag.net.op("Shape", name), dag.net.const(np.array(0)), axis=0)
        line = dag.net.op("Range", dag.net.const(np.array(0)), rows, dag.net.const(np.array(1)))
        line = dag.net.op("Sin", dag.net.op("Cast", line, to=11))
        shaped = dag.net.op("Reshape", line, dag.net.const(np.array([-1, *(1 for _ in shape)])))
        dag.add(dag.net.op("Add", name, shaped), shape)


def along(dag: Dag) -> None:
    name, shape = dag.pick()
    axis = dag.draw(st.integers(1, len(shape)))
    dag.add(dag.net.op("Softmax", name, axis=axis), shape)


def choose(dag: Dag) -> None:
    name, shape = dag.pick()
    axis = dag.draw(st.integers(0, len(shape) - 1))
    which = dag.draw(st.lists(st.integers(0, shape[axis] - 1), min_size=1, max_size=4))
    made = dag.net.op("Gather", name, dag.net.const(np.array(which)), axis=axis + 1)
    dag.add(made, (*shape[:axis], len(which), *shape[axis + 1 :]))


def cut(dag: Dag) -> None:
    name, shape = dag.pick()
    axis = dag.draw(st.integers(0, len(shape) - 1))
    start = dag.draw(st.integers(0, shape[axis] - 1))
    stop = dag.draw(st.integers(start + 1, shape[axis]))
    ends = [dag.net.const(np.array([n])) for n in (start, stop, axis + 1)]
    dag.add(dag.net.op("Slice", name, *ends), (*shape[:axis], stop - start, *shape[axis + 1 :]))


def regroup(dag: Dag) -> None:
    name, shape = dag.pick()
    size = int(np.prod(shape))
    options = [(size,)] + [(a, size // a) for a in range(1, size + 1) if size % a == 0]
    target = dag.draw(st.sampled_from(options))
    dag.add(dag.net.op("Reshape", name, dag.net.const(np.array([-1, *target]))), target)


def fold(dag: Dag) -> None:
    found = dag.pick(2)
    if found is not None:
        name, (a, b) = found
        flat = dag.net.op("Reshape", name, dag.net.const(np.array([-1, b])))
        made = dag.net.op("Tanh", dag.net.op("MatMul", flat, dag.net.weight(b, 2)))
        dag.add(dag.net.op("Reshape", made, dag.net.const(np.array([-1, a, 2]))), (a, 2))


def turn(dag: Dag) -> None:
    found = dag.pick(2)
    if found is not None:
        name, (a, b) = found
        dag.add(dag.net.op("Transpose", name, perm=[0, 2, 1]), (b, a))


def away(dag: Dag) -> None:
    """The batch goes last and comes back."""
    name, shape = dag.pick()
    perm = [*range(1, len(shape) + 1), 0]
    back = [len(shape), *range(len(shape))]
    moved = dag.net.op("Relu", dag.net.op("Transpose", name, perm=perm))
    dag.add(dag.net.op("Transpose", moved, perm=back), shape)


def pairs(dag: Dag) -> None:
    found = dag.pick(2)
    if found is not None:
        name, (a, _) = found
        turned = dag.net.op("Transpose", name, perm=[0, 2, 1])
        dag.add(dag.net.op("Tanh", dag.net.op("MatMul", name, turned)), (a, a))


def repeat(dag: Dag) -> None:
    name, shape = dag.pick(1)
    times = dag.draw(st.integers(1, 3))
    tall = dag.net.op("Unsqueeze", name, dag.net.const(np.array([1])))
    made = dag.net.op("Expand", tall, dag.net.const(np.array([1, times, 1])))
    dag.add(made, (times, shape[0]))


def normalise(dag: Dag) -> None:
    name, shape = dag.pick()
    parameters = [dag.net.weight(shape[0]) for _ in range(3)] + [dag.net.const(np.full(shape[0], 0.7))]
    dag.add(dag.net.op("BatchNormalization", name, *parameters), shape)


STEPS = (binary, binary, constant, unary, dense, dense, concat, concat, reduce, over_batch, along, choose, cut, regroup,
         fold, turn, away, pairs, repeat, normalise)  # fmt: skip


@st.composite
def dags(draw: st.DrawFn) -> bytes:
    net = Net(np.float64, draw(st.integers(0, 1000)))
    values: list[Value] = [("u", (3,)), ("i", (3,)), ("h", (2, 3)), ("p", (1,)), ("t", (4,)), ("s", (2, 3))]
    for name, shape in values[:4]:
        net.input(name, ["n", *shape])
    for name in ("user_id", "item_id"):
        net.input(name, ["n"], np.int64)
    table = net.weight(9, 4)
    values[4] = (net.op("Gather", table, "item_id", axis=0), (4,))
    values[5] = (net.op("Gather", net.weight(5, 2, 3), "user_id", axis=0), (2, 3))
    dag = Dag(draw, net, values)
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=3, max_size=14)):
        step(dag)
    ends = dict.fromkeys(name for name, _ in dag.values[-2:])
    return net.bytes(*(net.op("Identity", name) for name in ends))


SIDES = {"u": "user", "i": "item", "h": "user", "p": "pair", "user_id": "context", "item_id": "item"}


def check(content: bytes) -> None:
    for variant in ("A", "B"):
        try:
            found = three(content, SIDES, variant)
        except Declined as reason:
            assert str(reason)
            continue
        accepted(content, SIDES, replace(found, cross=tidy(found.cross)), tolerance=1e-9)
        if isinstance(found.rest, Rest):
            whole = replace(found.rest, piece=tidy(found.rest.piece))
            accepted_rest(content, SIDES, replace(found, rest=whole), tolerance=1e-9)
            stored(whole.item)


def stored(item: Piece | None) -> None:
    """A record holds every field at its place, those that are views of others too."""
    if item is None:
        return
    random = np.random.default_rng(1)
    feeds = {p.name: random.integers(0, 9, 5) if p.dtype == "int64" else random.random((5, 3)) for p in item.inputs}
    values, record = Runner(item.content).run(feeds), layout(item, "float32")
    rows = pack(values, record)[RECORD]
    for field in record.fields:
        wanted = values[field.name].reshape(5, field.size).astype(np.float32)
        np.testing.assert_array_equal(rows[:, field.offset : field.offset + field.size], wanted)


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@given(dags())
@settings(max_examples=60, deadline=None, suppress_health_check=QUIET, derandomize=True)
def test_split_of_a_random_graph_equals_it(content):
    check(content)


@pytest.mark.slow
@given(dags())
@settings(max_examples=3000, deadline=None, suppress_health_check=QUIET)
def test_split_of_many_random_graphs_equals_them(content):
    check(content)
