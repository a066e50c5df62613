"""Models of one sum a class: linear and logistic regression, generalized linear models, linear SVC, naive Bayes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

import numpy as np

from ranklet.importers.mleap import classes
from ranklet.importers.mleap.attributes import Floats
from ranklet.importers.mleap.context import Context
from ranklet.importers.mleap.nodes import Node
from ranklet.importers.tape import Tape

EPSILON = 1e-16
"""Of Spark's families: what a mean keeps from the ends of its range."""


def linear_regression(node: Node, context: Context) -> None:
    """Σ coefficient · feature + intercept."""
    classes.regression(node, context, _margin(node, context))


def _margin(node: Node, context: Context) -> str:
    weights = node.attributes.numbers("coefficients")
    if not len(weights):
        node.refuse("has no coefficients; export the model again")
    numbers = context.numbers(node, "features", len(weights))
    return context.tape.op("Add", context.product(numbers, weights[:, None]), node.attributes.number("intercept", 0.0))


def logistic_regression(node: Node, context: Context) -> None:
    """Of two classes by a sigmoid and a threshold, of more by softmax and thresholds."""
    if classes.count(node) > 2 or node.attributes.has("coefficient_matrix"):
        _multinomial(node, context)
        return
    tape, margin = context.tape, _margin(node, context)
    threshold = classes.logit(node, node.attributes.number("threshold", 0.5))
    raw = classes.margins(tape, margin)
    prediction = classes.above(tape, margin, threshold)
    classes.classification(node, context, prediction, raw=raw, probability=classes.sigmoid(tape, raw), classes=2)


def _multinomial(node: Node, context: Context) -> None:
    weights = node.attributes.matrix("coefficient_matrix", by_rows=node.by_python)
    intercept = node.attributes.numbers("intercept_vector")
    count = classes.count(node)
    if len(weights) != count or len(intercept) != count:
        node.refuse(f"has {len(weights)} rows of coefficients and {len(intercept)} intercepts for {count} classes")
    tape = context.tape
    raw = _sums(context, node, weights, intercept)
    probability = classes.softmax(tape, raw)
    prediction = classes.predicted(node, context, raw, probability, count)
    classes.classification(node, context, prediction, raw=raw, probability=probability, classes=count)


def _sums(context: Context, node: Node, weights: Floats, intercept: Floats) -> str:
    numbers = context.numbers(node, "features", weights.shape[1])
    return context.tape.op("Add", context.product(numbers, weights.T), context.tape.constant(intercept[None]))


def linear_svc(node: Node, context: Context) -> None:
    """Class 1 where the margin is above the threshold."""
    if classes.count(node) != 2:
        node.refuse("has more than two classes, which Spark's linear SVC does not have")
    margin = _margin(node, context)
    prediction = classes.above(context.tape, margin, node.attributes.number("threshold", 0.0))
    classes.classification(
        node, context, prediction, raw=classes.margins(context.tape, margin), probability=None, classes=2
    )


def _clipped(tape: Tape, mean: str, low: float, high: float) -> str:
    return tape.op("Min", tape.op("Max", mean, low), high)


LINKS: Mapping[str, Callable[[Tape, str], str]] = {
    "identity": lambda tape, eta: eta,
    "log": lambda tape, eta: tape.op("Exp", eta),
    "logit": classes.sigmoid,
    "inverse": lambda tape, eta: tape.op("Div", 1.0, eta),
    "sqrt": lambda tape, eta: tape.op("Mul", eta, eta),
    "cloglog": lambda tape, eta: tape.op("Sub", 1.0, tape.op("Exp", tape.op("Neg", tape.op("Exp", eta)))),
}
"""Link → from the sum to the mean. probit needs an error function, which onnxruntime has in 32 bits alone."""
LARGEST = sys.float_info.max
RANGES: Mapping[str, tuple[float, float]] = {
    "gaussian": (-LARGEST, LARGEST),
    "binomial": (EPSILON, 1 - EPSILON),
    "poisson": (EPSILON, LARGEST),
    "gamma": (EPSILON, LARGEST),
}
"""Family → what a mean is kept between."""


def generalized_linear_regression(node: Node, context: Context) -> None:
    """The mean by the link, kept in the family's range; link_prediction is the sum."""
    family, link = node.attributes.text("family").lower(), node.attributes.text("link").lower()
    if family not in RANGES:
        node.refuse(f"has family = {family[:40]!r}; served are {', '.join(RANGES)}")
    if link not in LINKS:
        node.refuse(f"has link = {link[:40]!r}; served are {', '.join(LINKS)}")
    eta = _margin(node, context)
    context.give_tensor(node, "link_prediction", eta)
    mean = LINKS[link](context.tape, eta)
    classes.regression(node, context, _clipped(context.tape, mean, *RANGES[family]))


def naive_bayes(node: Node, context: Context) -> None:
    """Multinomial, of counts, and Bernoulli, of 0 and 1; a row with others is one that Spark refuses."""
    kind = node.attributes.text("model_type", "multinomial").lower()
    if kind not in ("multinomial", "bernoulli"):
        node.refuse(f"has model_type = {kind[:40]!r}; served are multinomial and bernoulli")
    theta, pi = node.attributes.matrix("theta"), node.attributes.numbers("pi")
    count, tape = len(pi), context.tape
    if len(theta) != count or count < 2:
        node.refuse(f"has {len(theta)} rows of theta for {count} classes; export the model again")
    dense = context.dense(context.numbers(node, "features", theta.shape[1]))
    if kind == "bernoulli":
        if (theta >= 0).any():
            node.refuse("has a theta of 0 or above, which is no logarithm of a probability")
        others = np.log1p(-np.exp(theta))
        pi, theta = pi + others.sum(axis=1), theta - others
        wrong = tape.op(
            "And", tape.op("Not", tape.op("Equal", dense, 0.0)), tape.op("Not", tape.op("Equal", dense, 1.0))
        )
    else:
        wrong = tape.op("Less", dense, 0.0)
    context.drop(tape.op("Greater", tape.total(tape.doubles(wrong)), 0.0))
    raw = _sums(context, node, theta, pi)
    probability = classes.softmax(tape, raw)
    prediction = classes.predicted(node, context, raw, probability, count)
    classes.classification(node, context, prediction, raw=raw, probability=probability, classes=count)
