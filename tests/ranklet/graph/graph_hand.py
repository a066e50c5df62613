"""Graphs written by hand, for tests that need no exporter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import helper, numpy_helper

from ranklet.graph import regions, verify
from ranklet.graph.feeds import input_kinds
from ranklet.graph.records import Sides, Variant
from ranklet.graph.running import Runner
from ranklet.graph.three import Rest, Three, split
from ranklet.graph.trace import trace

OPSET = 18


class Net:
    """Adds nodes one by one; floats are of `dtype`."""

    def __init__(self, dtype: Any = np.float32, seed: int = 0) -> None:
        self.dtype, self.random = np.dtype(dtype), np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.weights: list[Any] = []

    def input(self, name: str, shape: Sequence[int | str], kind: Any = None) -> str:
        code = helper.np_dtype_to_tensor_dtype(np.dtype(kind or self.dtype))
        self.inputs.append(helper.make_tensor_value_info(name, code, list(shape)))
        return name

    def const(self, value: Any, kind: Any = None) -> str:
        array = np.asarray(value)
        array = array.astype(kind or (self.dtype if array.dtype.kind == "f" else array.dtype))
        self.weights.append(numpy_helper.from_array(array, f"w{len(self.weights)}"))
        return f"w{len(self.weights) - 1}"

    def weight(self, *shape: int) -> str:
        return self.const(self.random.standard_normal(shape) / np.sqrt(shape[0]))

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"v{len(self.nodes)}_{k}" if k else f"v{len(self.nodes)}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def dense(self, value: str, width: int, out: int, *, bias: bool = True) -> str:
        inputs = [value, self.weight(width, out)] + ([self.weight(out)] if bias else [])
        return str(self.op("Gemm", *inputs))

    def bytes(self, *outputs: str) -> bytes:
        ends = [helper.make_tensor_value_info(name, 0, None) for name in outputs]
        for end in ends:
            end.ClearField("type")
        graph = helper.make_graph(self.nodes, "hand", self.inputs, ends, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
        return bytes(model.SerializeToString())


def load(content: bytes) -> ir.Model:
    return ir.from_proto(onnx.load_from_string(content))


def three(content: bytes, sides: Sides, variant: Variant = "A", *, trial: bool = True) -> Three:
    """The split, with what a trial of rows frees."""
    model = load(content)
    kinds = input_kinds(model, {}, {})
    seen = trace(model, kinds, 0)
    first = split(model, kinds, sides, seen, variant=variant)
    free = regions.trusted(model, kinds, seen.grid, first.untried, seed=0, prepare=dict) if trial else frozenset()
    return split(model, kinds, sides, seen, variant=variant, trusted=free) if free else first


def accepted(content: bytes, sides: Sides, found: Three, tolerance: float = 1e-5) -> verify.Acceptance:
    """The acceptance test of a split against its uncut graph. Raises Refuted."""
    model = load(content)
    kinds = input_kinds(model, {}, {})
    extents = tuple(dict.fromkeys(d for k in kinds for d in k.shape if isinstance(d, str) and d))
    pieces = (found.user, found.item, found.cross)
    runners = verify.Split(*(Runner(p.content) if p is not None else None for p in pieces))  # type: ignore[arg-type]
    given = verify.trials(kinds, sides, extents, 0)
    return verify.accept(Runner(content).run, lambda f: runners.run(f, pieces, sides), given, tolerance)


def accepted_rest(content: bytes, sides: Sides, found: Three, tolerance: float = 1e-5) -> verify.Acceptance:
    """The same of the rest graph, on rows that each have a user of their own. Raises Refuted."""
    assert isinstance(found.rest, Rest), found.rest
    kinds = input_kinds(load(content), {}, {})
    extents = tuple(dict.fromkeys(d for k in kinds for d in k.shape if isinstance(d, str) and d))
    pieces = (None, found.rest.item, found.rest.piece)
    runners = verify.Split(*(Runner(p.content) if p is not None else None for p in pieces))  # type: ignore[arg-type]
    given = verify.trials(kinds, dict.fromkeys(sides, "pair"), extents, 0)
    return verify.accept(Runner(content).run, lambda f: runners.run(f, pieces, sides), given, tolerance)


def ops(piece: Any) -> list[str]:
    """The op types of a compiled piece, in order."""
    return [] if piece is None else [node.op_type for node in onnx.load_from_string(piece.content).graph.node]
