"""From sums to raw predictions, probabilities and the class that is predicted, with Spark's thresholds and ties."""

from __future__ import annotations

import math

import numpy as np

from ranklet.importers.mleap.context import Context, Predicted
from ranklet.importers.mleap.nodes import Node
from ranklet.importers.tape import Tape

RAW = ("raw_prediction", "rawPrediction")


def regression(node: Node, context: Context, prediction: str) -> None:
    """A number is told."""
    context.give_tensor(node, "prediction", prediction)
    context.models.append(Predicted(node, prediction))


def classification(
    node: Node, context: Context, prediction: str, *, raw: str, probability: str | None, classes: int
) -> None:
    """raw, probability: double [n, classes]. prediction: double [n, 1]. Without probabilities the margin ranks."""
    context.give_tensor(node, "prediction", prediction)
    for port in RAW:
        context.give_tensor(node, port, raw, classes)
    if probability is not None:
        context.give_tensor(node, "probability", probability, classes)
    ranks = None
    if classes == 2:
        ranks = context.tape.columns(raw if probability is None else probability, [1])
    context.models.append(Predicted(node, prediction, classes, ranks, probability))


def sigmoid(tape: Tape, given: str) -> str:
    """1 / (1 + exp(-x)), which keeps the digits of small ones."""
    return tape.op("Div", 1.0, tape.op("Add", tape.op("Exp", tape.op("Neg", given)), 1.0))


def softmax(tape: Tape, raw: str) -> str:
    """exp(x) over the sum of all, less the largest x."""
    parts = tape.op("Exp", tape.op("Sub", raw, tape.op("ReduceMax", raw, [1], keepdims=1)))
    return tape.op("Div", parts, tape.total(parts))


def shares(tape: Tape, raw: str) -> str:
    """Over the sum; zeros stay zeros."""
    whole = tape.total(raw)
    return tape.op("Div", raw, tape.op("Where", tape.op("Equal", whole, 0.0), 1.0, whole))


def margins(tape: Tape, margin: str) -> str:
    """[-m, m] of a binary model."""
    return tape.joined([tape.op("Neg", margin), margin])


def above(tape: Tape, margin: str, threshold: float) -> str:
    """Class 1 where the margin is above."""
    return tape.doubles(tape.op("Greater", margin, threshold))


def logit(node: Node, threshold: float) -> float:
    """The margin at which a probability reaches the threshold."""
    if not 0 <= threshold <= 1:
        node.refuse(f"has threshold = {threshold:g}; a probability lies in 0 to 1")
    if threshold in (0, 1):
        return math.inf if threshold else -math.inf
    return math.log(threshold / (1 - threshold))


def winner(tape: Tape, scores: str) -> str:
    """The first of the largest, as a double [n, 1]."""
    return tape.doubles(tape.op("ArgMax", scores, axis=1, keepdims=1))


def predicted(node: Node, context: Context, raw: str, probability: str, classes: int) -> str:
    """The class of the largest raw prediction; with thresholds, of the largest probability over its threshold."""
    tape = context.tape
    if not node.attributes.has("thresholds") or not len(given := node.attributes.numbers("thresholds")):
        return winner(tape, raw)
    if len(given) != classes or (given < 0).any() or (given == 0).sum() > 1:
        node.refuse(f"has thresholds {given.tolist()[:8]} for {classes} classes; one may be 0, the others are above")
    scaled = tape.op("Div", probability, tape.constant(np.array(given)[None]))
    return winner(tape, tape.op("Where", tape.op("IsNaN", scaled), -np.inf, scaled))


def count(node: Node, name: str = "num_classes") -> int:
    """How many classes there are."""
    found = node.attributes.whole(name)
    if not 2 <= found <= 1 << 14:
        node.refuse(f"has {found} classes; served are 2 to {1 << 14}")
    return found
