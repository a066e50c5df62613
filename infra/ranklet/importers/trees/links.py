"""From the trees' sum to the library's prediction: each link as NumPy and as nodes of a graph, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from onnx import NodeProto, helper

from ranklet.importers.trees.records import Floats, Link

Nodes = Callable[[str, str, str], list[NodeProto]]
"""(input, output, dtype) → nodes."""


class Both(NamedTuple):
    """One link. values: [n, targets] → [n, outputs]."""

    values: Callable[[Floats], Floats]
    nodes: Nodes


def _one(kind: str, **attributes: Any) -> Nodes:
    return lambda given, made, dtype: [helper.make_node(kind, [given], [made], **attributes)]


def _argmax(given: str, made: str, dtype: str) -> list[NodeProto]:
    return [
        helper.make_node("ArgMax", [given], ["best"], axis=1, keepdims=1),
        helper.make_node("Cast", ["best"], [made], to=_type(dtype)),
    ]


def _hinge(given: str, made: str, dtype: str) -> list[NodeProto]:
    return [
        helper.make_node("Sub", [given, given], ["nothing"]),
        helper.make_node("Greater", [given, "nothing"], ["above"]),
        helper.make_node("Cast", ["above"], [made], to=_type(dtype)),
    ]


def _sigmoid_of(given: str, made: str, dtype: str) -> list[NodeProto]:
    """1 / (1 + exp(-x)): onnxruntime's own is right to 1e-8 only, and a rare event's probability is not far above."""
    return [
        helper.make_node("Constant", [], ["number_1"], value=helper.make_tensor("", _type(dtype), [], [1])),
        helper.make_node("Neg", [given], ["minus"]),
        helper.make_node("Exp", ["minus"], ["odds_against"]),
        helper.make_node("Add", ["odds_against", "number_1"], ["odds"]),
        helper.make_node("Div", ["number_1", "odds"], [made]),
    ]


def _square(given: str, made: str, dtype: str) -> list[NodeProto]:
    return [helper.make_node("Abs", [given], ["size"]), helper.make_node("Mul", [given, "size"], [made])]


def _softplus(given: str, made: str, dtype: str) -> list[NodeProto]:
    """max(x, 0) + log1p(u), u = exp(-|x|), of operators that onnxruntime has for doubles. log1p(u) is
    u · log(w) / (w - 1) of w = 1 + u, which is right where 1 + u is rounded (Kahan), and u where w is 1."""
    kind = _type(dtype)
    return [
        helper.make_node("Constant", [], ["number_0"], value=helper.make_tensor("", kind, [], [0])),
        helper.make_node("Constant", [], ["number_1"], value=helper.make_tensor("", kind, [], [1])),
        helper.make_node("Abs", [given], ["size"]),
        helper.make_node("Neg", ["size"], ["minus"]),
        helper.make_node("Exp", ["minus"], ["u"]),
        helper.make_node("Add", ["u", "number_1"], ["w"]),
        helper.make_node("Sub", ["w", "number_1"], ["rounded"]),
        helper.make_node("Equal", ["rounded", "number_0"], ["small"]),
        helper.make_node("Where", ["small", "number_1", "rounded"], ["divisor"]),
        helper.make_node("Log", ["w"], ["log"]),
        helper.make_node("Mul", ["u", "log"], ["product"]),
        helper.make_node("Div", ["product", "divisor"], ["quotient"]),
        helper.make_node("Where", ["small", "u", "quotient"], ["log1p"]),
        helper.make_node("Max", [given, "number_0"], ["above"]),
        helper.make_node("Add", ["above", "log1p"], [made]),
    ]


def _steps(given: str, made: str, dtype: str) -> list[NodeProto]:
    kind, whole = _type(dtype), int(helper.np_dtype_to_tensor_dtype(np.dtype(np.int64)))
    bounds = {"from_0": 0, "from_1": 1, "to_end": 1 << 31, "along": 1}
    return [
        *(
            helper.make_node("Constant", [], [n], value=helper.make_tensor("", whole, [1], [v]))
            for n, v in bounds.items()
        ),
        helper.make_node("Constant", [], ["near"], value=helper.make_tensor("", kind, [], [1e-6])),
        helper.make_node("Slice", [given, "from_0", "from_1", "along"], ["first"]),
        helper.make_node("Slice", [given, "from_1", "to_end", "along"], ["others"]),
        *_softplus("others", "rises", dtype),
        helper.make_node("Add", ["rises", "near"], ["steps"]),
        helper.make_node("Concat", ["first", "steps"], ["all_steps"], axis=1),
        helper.make_node("CumSum", ["all_steps", "along"], [made]),
    ]


def _stepped(values: Floats) -> Floats:
    rises = values.dtype.type(1e-6) + np.logaddexp(values[:, 1:], 0).astype(values.dtype)
    return np.cumsum(np.concatenate([values[:, :1], rises], axis=1), axis=1, dtype=values.dtype)


def _type(dtype: str) -> int:
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def _softmax(values: Floats) -> Floats:
    powers: Floats = np.exp(values - values.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _sigmoid(values: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-values))


def _exp(values: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.exp(values)


LINKS: Mapping[Link, Both] = {
    "identity": Both(lambda values: values, _one("Identity")),
    "sigmoid": Both(_sigmoid, _sigmoid_of),
    "exp": Both(_exp, _one("Exp")),
    "softmax": Both(_softmax, _one("Softmax", axis=1)),
    "argmax": Both(lambda values: values.argmax(axis=1, keepdims=True).astype(values.dtype), _argmax),
    "hinge": Both(lambda values: (values > 0).astype(values.dtype), _hinge),
    "square": Both(lambda values: values * np.abs(values), _square),
    "steps": Both(_stepped, _steps),
    "softplus": Both(lambda values: np.logaddexp(values, 0), _softplus),
}
