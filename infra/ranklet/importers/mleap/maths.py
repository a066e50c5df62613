"""Arithmetic of scalars: one, two, or the first that is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ranklet.importers.mleap.context import Context
from ranklet.importers.mleap.nodes import Node
from ranklet.importers.mleap.values import Dense, Numbers
from ranklet.importers.tape import Tape

Unary = Callable[[Tape, str], str]
Binary = Callable[[Tape, str, str], str]

UNARY: Mapping[str, Unary] = {
    "log": lambda tape, x: tape.op("Log", x),
    "exp": lambda tape, x: tape.op("Exp", x),
    "sqrt": lambda tape, x: tape.op("Sqrt", x),
    "sin": lambda tape, x: tape.op("Sin", x),
    "cos": lambda tape, x: tape.op("Cos", x),
    "tan": lambda tape, x: tape.op("Div", tape.op("Sin", x), tape.op("Cos", x)),
    "abs": lambda tape, x: tape.op("Abs", x),
    "logit": lambda tape, x: tape.op("Log", tape.op("Div", x, tape.op("Sub", 1.0, x))),
    "floor": lambda tape, x: tape.op("Floor", x),
    "ceil": lambda tape, x: tape.op("Ceil", x),
    "round_of": lambda tape, x: tape.op("Floor", tape.op("Add", x, 0.5)),
}
"""Operation → what builds it. Java rounds halves up."""
BINARY: Mapping[str, Binary] = {
    "add": lambda tape, x, y: tape.op("Add", x, y),
    "sub": lambda tape, x, y: tape.op("Sub", x, y),
    "mul": lambda tape, x, y: tape.op("Mul", x, y),
    "div": lambda tape, x, y: tape.op("Div", x, y),
    "rem": lambda tape, x, y: tape.op("Mod", x, y, fmod=1),
    "log_n": lambda tape, x, y: tape.op("Div", tape.op("Log", x), tape.op("Log", y)),
    "pow": lambda tape, x, y: tape.op("Pow", x, y),
}
"""Operation → what builds it. The remainder has the sign of what is divided, as in Java."""
PYTHONS = {"logn": "log_n"}


def math_unary(node: Node, context: Context) -> None:
    """A function of one number."""
    name = node.attributes.text("operation")
    if name not in UNARY:
        node.refuse(f"computes {name[:40]!r}; served are {', '.join(UNARY)}")
    numbers = context.numbers(node, "input")
    made = Dense(UNARY[name](context.tape, context.dense(numbers)), 1)
    context.give(node, "output", Numbers((made,), scalar=True, loose=numbers.loose))


def math_binary(node: Node, context: Context) -> None:
    """Of two numbers; da and db stand for one that is not sent, or has no port."""
    name = node.attributes.text("operation")
    name = PYTHONS.get(name, name)
    if name not in BINARY:
        node.refuse(f"computes {name[:40]!r}; served are {', '.join(BINARY)}")
    if name == "rem" and node.by_python:
        node.refuse("is NumPy's remainder by its trainer and Java's by MLeap, which differ below 0; it is not served")
    ends = [_end(node, context, *end) for end in (("input_a", "da"), ("input_b", "db"))]
    made = Dense(BINARY[name](context.tape, ends[0][0], ends[1][0]), 1)
    context.give(node, "output", Numbers((made,), scalar=True, loose=ends[0][1] or ends[1][1]))


def _end(node: Node, context: Context, port: str, spare: str) -> tuple[str, bool]:
    """The tensor, and whether it may be missing."""
    if port not in node.inputs:
        return context.tape.constant(np.array([[node.attributes.number(spare)]])), False
    numbers = context.numbers(node, port)
    value = context.dense(numbers)
    if not node.attributes.has(spare) or not numbers.loose:
        return value, numbers.loose
    return context.tape.op("Where", context.tape.op("IsNaN", value), node.attributes.number(spare), value), False


def coalesce(node: Node, context: Context) -> None:
    """The first number that is there."""
    ports = [f"input{at}" for at in range(len(node.inputs))]
    if not ports:
        node.refuse("has no inputs; drop it from the pipeline")
    numbers = [context.numbers(node, port) for port in ports]
    values = [context.dense(one) for one in numbers]
    found, tape = values[-1], context.tape
    for value in reversed(values[:-1]):
        found = tape.op("Where", tape.op("IsNaN", value), found, value)
    loose = all(one.loose for one in numbers)
    context.give(node, "output", Numbers((Dense(found, 1),), scalar=True, loose=loose))
