"""A converted graph that is a linear model becomes weights of the NumPy engine `linear`, without onnxruntime.

What FTRL trained is a sum of one term a feature under a sigmoid. That a graph is one is read off its structure: every
node that joins two features must be linear. Then each term is a function of one feature, which is asked for all of its
ids, in doubles, with the other features held still. Anything else stays the graph that it is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers import checking, doubles, proving
from ranklet.importers.npz import npz
from ranklet.importers.proposal import Proposal
from ranklet.model import StepSource
from ranklet_features import FeaturePlan
from ranklet_runtime.engines.ort import faults, open_session
from ranklet_runtime.errors import ManifestError

ANY = {"Add", "Concat", "Sub", "Sum"}
"""Operators that are linear in all of their inputs."""
FIRST = {"Flatten", "Gemm", "Identity", "MatMul", "Neg", "ReduceSum", "Reshape", "Squeeze", "Transpose"}
FIRST |= {"Div", "Gather", "Slice", "Unsqueeze"}
"""Those that are in their first, the others being constants."""
EITHER = {"Mul"}
PASSED = {"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"}
FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
MAX_IDS = 1 << 20
CHUNK = 4096
NOTE = "the model is a sum of one term a feature: NumPy serves its weights, and its function needs no onnxruntime"
Array = NDArray[Any]


def weights(proposal: Proposal) -> Proposal:
    """The proposal with a step of NumPy weights where its graph is linear; else itself."""
    (step,) = proposal.steps
    assert step.source is not None
    model = onnx.load_model_from_string(proposal.files[step.source])
    logit, link = _under_link(model.graph, proposal.score)
    names = [value.name for value in model.graph.input]
    if _owners(model.graph, names).get(logit) is None or any("weights" in line for line in proposal.features.values()):
        return proposal
    failed: tuple[type[Exception], ...] = (_NotLinear, ImportRefused, ManifestError, *faults())
    with tempfile.TemporaryDirectory() as scratch:
        plan = proving.plan_of(proposal, Path(scratch))
        try:
            made = _made(proposal, _arrays(_Graph(doubles.widened(model, logit), plan)), link)
            checking.check(made, narrow=True)
        except failed:
            return proposal
    return made


class _NotLinear(Exception):
    pass


def _made(proposal: Proposal, arrays: Mapping[str, Array], link: str) -> Proposal:
    source = "export/model.npz"
    files = {name: content for name, content in proposal.files.items() if not name.startswith("export/")}
    step = StepSource(format="numpy", engine="linear", source=source, options={"link": link})
    notes = (*proposal.notes, NOTE)
    return replace(proposal, steps=(step,), score="score", files={**files, source: npz(arrays)}, notes=notes)


def _under_link(graph: Any, score: str) -> tuple[str, str]:
    """The tensor whose link the score is, and the link."""
    makers = {name: node for node in graph.node for name in node.output}
    name = score
    while name in makers and makers[name].op_type in PASSED:
        name = makers[name].input[0]
    if name in makers and makers[name].op_type == "Sigmoid":
        return makers[name].input[0], "sigmoid"
    return name, "identity"


def _owners(graph: Any, inputs: list[str]) -> dict[str, frozenset[str] | None]:
    """Tensor → the features that it is made of; None where two or more meet in something that is not linear."""
    fixed = {value.name for value in graph.input if all(dim.dim_value for dim in value.type.tensor_type.shape.dim[1:])}
    found: dict[str, frozenset[str] | None] = {name: frozenset([name]) for name in inputs}
    for node in graph.node:
        given = [found.get(name, frozenset()) for name in node.input]
        known = [one for one in given if one is not None]
        made: frozenset[str] | None = frozenset[str]().union(*known)
        if len(known) < len(given) or (made and len(made) > 1 and not _is_linear(node, list(map(bool, given)))):
            made = None
        if any(attribute.type == onnx.AttributeProto.GRAPH for attribute in node.attribute):
            made = None  # what a body reads from outside is none of the node's inputs
        if node.op_type == "Shape" and node.input[0] in fixed:
            made = frozenset()  # the number of rows, which is every feature's
        found |= dict.fromkeys(node.output, made)
    return found


def _is_linear(node: Any, depends: list[bool]) -> bool:
    if node.op_type in ANY:
        return True
    if node.op_type == "Cast":
        return any(attribute.i in FLOATS for attribute in node.attribute if attribute.name == "to")
    if node.op_type in EITHER:
        return sum(depends) == 1
    return node.op_type in FIRST and depends[0] and not any(depends[1:])


class _Graph:
    """The logit in doubles, as a function of the features' tensors."""

    def __init__(self, content: bytes, plan: FeaturePlan) -> None:
        self.session, self.plan = open_session(content, threads=1), plan
        self.ends = {one.name: one for one in self.session.get_inputs()}

    def still(self, name: str, rows: int) -> Array:
        """What a feature is while others are asked: an empty list, the first id, zeros."""
        dtype, shape, _ = self.plan.signature[name]
        value = self.empty(name) if self.is_list(name) else 0
        return np.full([rows, *(size or 1 for size in shape)], value, np.int64 if dtype == "int64" else np.float64)

    def is_list(self, name: str) -> bool:
        """Whether it holds ids of several values a row."""
        return name in self.plan.ids and bool(self.plan.signature[name][1])

    def empty(self, name: str) -> int:
        """The id of an empty place."""
        return self.plan.pads[name][0]

    def asked(self, name: str, tensor: Array) -> Array:
        """float64 [rows]: the logit with one feature as given, and all others still."""
        feeds = {other: self.still(other, len(tensor)) for other in self.ends} | {name: tensor}
        (found,) = self.session.run(None, {key: self._typed(key, value) for key, value in feeds.items()})
        scores: Array = np.asarray(found).reshape(-1)
        if len(scores) != len(tensor):
            raise _NotLinear
        return scores

    def _typed(self, name: str, value: Array) -> Array:
        end = self.ends[name]
        dtype = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}.get(end.type, np.float64)
        return (value[:, None] if value.ndim < len(end.shape) else value).astype(dtype)


def _arrays(graph: _Graph) -> dict[str, Array]:
    first = next(iter(graph.ends))
    bias = graph.asked(first, graph.still(first, 1))[0]
    found = {"bias": np.array([bias])}
    for name in graph.ends:
        found[f"w.{name}"] = (_of_ids if name in graph.plan.ids else _of_numbers)(graph, name, bias)
    for name in graph.ends:
        if graph.is_list(name):
            _check_lists(graph, name, found[f"w.{name}"], bias)
    # the first ids were still: their terms stand in the bias, and in the weights as 0
    return found


def _of_ids(graph: _Graph, name: str, bias: float) -> Array:
    count = graph.plan.ids[name]
    if count > MAX_IDS or (graph.plan.pads[name] and not graph.is_list(name)):
        raise _NotLinear  # no id at all is no weight, and the first id, which is held still, is another's
    parts = []
    for begin in range(0, count, CHUNK):
        ids = np.arange(begin, min(count, begin + CHUNK))
        tensor = graph.still(name, len(ids))
        tensor[(slice(None), 0) if graph.is_list(name) else slice(None)] = ids
        parts.append(graph.asked(name, tensor) - bias)
    return np.concatenate(parts)


def _of_numbers(graph: _Graph, name: str, bias: float) -> Array:
    still = graph.still(name, 1)
    width = int(np.prod(still.shape[1:])) if still.ndim > 1 else 1
    units = np.eye(width).reshape([width, *still.shape[1:]])
    found: Array = graph.asked(name, units) - bias
    drawn = np.random.default_rng(3).normal(0, 100, [64, width])
    wanted = graph.asked(name, drawn.reshape([64, *still.shape[1:]])) - bias
    _compare(drawn @ found, wanted)
    return found


def _check_lists(graph: _Graph, name: str, terms: Array, bias: float) -> None:
    """Whether a list's term is the sum of its values', repeated ones too."""
    random, width = np.random.default_rng(4), graph.still(name, 1).shape[1]
    for length in (2, 3, 8) if graph.plan.signature[name][1] == (None,) else (width,):
        ids = random.integers(0, len(terms), [64, length])
        ids[32:] = ids[32:, :1]
        gone = random.random(ids.shape) < 0.3
        ids[gone] = graph.empty(name)
        known = np.where(ids < 0, 0, terms[np.maximum(ids, 0)])
        _compare(known.sum(axis=1), graph.asked(name, ids) - bias)


def _compare(found: Array, wanted: Array) -> None:
    if not np.allclose(found, wanted, rtol=1e-9, atol=1e-9):
        raise _NotLinear
