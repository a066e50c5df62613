"""NumPy engines against onnxruntime: the same weights as arrays and as a graph, one user and n candidates.

Eight ids, half of them the user's, of 10 000 rows each, and 16 dense numbers, but for FFM. Both engines get the tensors
that features assemble: the user's of one row, which NumPy broadcasts and a graph gets copied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.bench import base
from ranklet.bench.base import Found, Progress, Sample, Setting, Way
from ranklet.bench.split.net import Net
from ranklet.errors import BenchError
from ranklet.importers.npz import npz
from ranklet_runtime.engines import open_engine
from ranklet_runtime.engines.base import Array, Engine
from ranklet_runtime.manifest import Step

NUMBERS, QUICK = (1, 100, 500, 2000), (500,)
TOLERANCE = 1e-5
CALLS, WARM = 4, 1
ROWS, DENSE, FACTORS, FIELD = 10_000, 8, 16, 4

IDS = ("u0", "u1", "u2", "u3", "i0", "i1", "i2", "i3")
VALUES = ("user", "item")
LAYERS = (len(IDS) * FACTORS + 2 * DENSE, 128, 64, 1)

Weights = Mapping[str, Array]


@dataclass(frozen=True)
class Same:
    """One model, twice. graph: adds it to a net, and gives the logit's name."""

    weights: Weights
    graph: Callable[[Net, Weights], str]
    inputs: tuple[str, ...] = (*IDS, *VALUES)
    options: Mapping[str, Any] = field(default_factory=dict)


def measure(setting: Setting, progress: Progress) -> Found:
    """Figures `<engine>-vs-onnxruntime`. Raises BenchError where their scores differ.

    In a process of its own: NumPy reads how many threads it may have when it is imported, and a function has one.
    """
    progress(f"time NumPy and onnxruntime: {', '.join(MODELS)}")
    with ProcessPoolExecutor(1, get_context("spawn")) as child:
        return child.submit(timed, setting).result()


def timed(setting: Setting) -> Found:
    """The figures, on however many threads this process has."""
    found = Found([], [])
    for name, make in MODELS.items():
        same = make(np.random.default_rng(4))
        with TemporaryDirectory(prefix="ranklet-bench-") as folder:
            ours, graph = _opened(name, same, Path(folder))
        for n in QUICK if setting.quick else NUMBERS:
            tensors = _tensors(same, n)
            gap = float(np.abs(ours.run(tensors)["s"] - graph.run(tensors)["s"]).max())
            if not gap <= TOLERANCE:
                raise BenchError(f"{name}, N = {n}: scores differ by {gap:.2g}; nothing was timed")
            ways = {"ours": _way(ours, tensors), "graph": _way(graph, tensors), "control": _way(ours, tensors)}
            taken = base.interleaved(ways, setting)
            row = base.ratio(f"{name}-vs-onnxruntime", taken["ours"], taken["graph"], n=n, peer="onnxruntime")
            found = Found([*found.rows, row], [*found.controls, taken["control"] / taken["ours"]])
    return found


def _way(engine: Engine, tensors: Weights) -> Sample:
    return Way(engine.run, lambda _: tensors, CALLS, WARM).sample


def _opened(name: str, same: Same, folder: Path) -> tuple[Engine, Engine]:
    wired = {one: one for one in same.inputs}
    (folder / "weights.npz").write_bytes(npz(same.weights))
    ours = Step(name, "item", wired, {"score": "s"}, "weights.npz", options=same.options)
    net = Net()
    for one in same.inputs:
        if one in IDS:
            net.ids(one)
        else:
            net.dense(one, DENSE)
    logit = same.graph(net, same.weights)
    (folder / "graph.onnx").write_bytes(net.bytes(net.op("Sigmoid", logit)))
    theirs = Step("onnx", "item", wired, {"score": "s"}, "graph.onnx")
    return open_engine(ours, folder, threads=1), open_engine(theirs, folder, threads=1)


def _tensors(same: Same, n: int) -> dict[str, Array]:
    random = np.random.default_rng(n)
    found: dict[str, Array] = {}
    for name in same.inputs:
        rows = 1 if name[0] == "u" else n
        ids = name in IDS
        found[name] = random.integers(0, ROWS, rows) if ids else random.standard_normal((rows, DENSE), np.float32)
    return found


def _linear(random: np.random.Generator) -> Same:
    return Same(_first_order(random), _linear_graph)


def _first_order(random: np.random.Generator) -> dict[str, Array]:
    found = {f"w.{name}": _normal(random, ROWS) for name in IDS} | {
        f"w.{name}": _normal(random, DENSE) for name in VALUES
    }
    return found | {"bias": np.zeros(1, np.float32)}


def _linear_graph(net: Net, weights: Weights) -> str:
    parts = [net.op("Gather", net.const(weights[f"w.{name}"]), name) for name in IDS]
    parts += [net.op("MatMul", name, net.const(weights[f"w.{name}"])) for name in VALUES]
    return net.op("Sum", *parts)


def _fm(random: np.random.Generator) -> Same:
    factors = {f"v.{name}": _normal(random, ROWS, FACTORS) for name in IDS}
    factors |= {f"v.{name}": _normal(random, DENSE, FACTORS) for name in VALUES}
    return Same(_first_order(random) | factors, _fm_graph)


def _fm_graph(net: Net, weights: Weights) -> str:
    """½ ((Σ v)² - Σ v²), summed over the factors."""
    rows = [net.op("Gather", net.const(weights[f"v.{name}"]), name) for name in IDS]
    squares = [net.op("Mul", row, row) for row in rows]
    for name in VALUES:
        rows.append(net.op("MatMul", name, net.const(weights[f"v.{name}"])))
        squares.append(net.op("MatMul", net.op("Mul", name, name), net.const(weights[f"v.{name}"] ** 2)))
    total = net.op("Sum", *rows)
    pairs = net.op("Sub", net.op("Mul", total, total), net.op("Sum", *squares))
    half = net.op("Mul", net.total(pairs, 1), net.const(np.float32(0.5)))
    return net.op("Add", _linear_graph(net, weights), half)


def _ffm(random: np.random.Generator) -> Same:
    factors = {f"v.{name}": _normal(random, ROWS, len(IDS), FIELD) for name in IDS}
    return Same(factors | {"bias": np.zeros(1, np.float32)}, _ffm_graph, IDS, {"fields": list(IDS)})


def _ffm_graph(net: Net, weights: Weights) -> str:
    """Σ_{i<j} ⟨v_i of j's field, v_j of i's field⟩."""
    rows = [net.reshape(net.op("Gather", net.const(weights[f"v.{name}"]), name), 0, 1, len(IDS), FIELD) for name in IDS]
    table = net.concat(*rows)
    products = net.op("Mul", table, net.op("Transpose", table, perm=[0, 2, 1, 3]))
    upper = np.triu(np.ones((len(IDS), len(IDS), 1), np.float32)[..., 0], 1)[..., None]
    chosen = net.reshape(net.op("Mul", products, net.const(upper)), 0, -1)
    return net.total(chosen, 1)


def _mlp(random: np.random.Generator) -> Same:
    weights = {f"e.{name}": _normal(random, ROWS, FACTORS) for name in IDS}
    for layer, (width, out) in enumerate(pairwise(LAYERS)):
        weights[f"w{layer}"] = random.standard_normal((width, out), np.float32) / np.float32(np.sqrt(width))
        weights[f"b{layer}"] = _normal(random, out)
    return Same(weights, _mlp_graph, options={"inputs_order": [*IDS, *VALUES]})


def _mlp_graph(net: Net, weights: Weights) -> str:
    value = net.concat(*(net.op("Gather", net.const(weights[f"e.{name}"]), name) for name in IDS), *VALUES)
    for layer in range(len(LAYERS) - 1):
        value = net.op("Gemm", value, net.const(weights[f"w{layer}"]), net.const(weights[f"b{layer}"]))
        value = net.op("Relu", value) if layer < len(LAYERS) - 2 else value
    return net.reshape(value, -1)


def _normal(random: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    """Of the size that trained weights have."""
    return random.standard_normal(shape, np.float32) * np.float32(0.1)


MODELS: Mapping[str, Callable[[np.random.Generator], Same]] = {
    "linear": _linear,
    "fm": _fm,
    "ffm": _ffm,
    "mlp": _mlp,
}
