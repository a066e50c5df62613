"""Models of layers and of distances: the multilayer perceptron and k-means."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ranklet.importers.mleap import classes
from ranklet.importers.mleap.context import Context
from ranklet.importers.mleap.nodes import Node

MOST_CELLS = 1 << 22


def multi_layer_perceptron_classifier(node: Node, context: Context) -> None:
    """Sigmoids between layers, softmax at the end. Each layer's weights stand column after column, then its biases."""
    sizes = [int(one) for one in node.attributes.numbers("layers")]
    weights = node.attributes.numbers("weights")
    if len(sizes) < 2 or min(sizes) < 1 or sum((a + 1) * b for a, b in pairwise(sizes)) != len(weights):
        node.refuse(f"has layers {sizes[:8]} and {len(weights)} weights, which do not go together")
    tape, found, at = context.tape, context.dense(context.numbers(node, "features", sizes[0])), 0
    for number, (inner, outer) in enumerate(pairwise(sizes)):
        matrix = weights[at : at + inner * outer].reshape(inner, outer)
        bias = weights[at + inner * outer : at + (inner + 1) * outer]
        at += (inner + 1) * outer
        if number:
            found = classes.sigmoid(tape, found)
        found = tape.op("Add", tape.op("MatMul", found, np.ascontiguousarray(matrix)), tape.constant(bias[None]))
    probability = classes.softmax(tape, found)
    prediction = classes.predicted(node, context, found, probability, sizes[-1])
    if sizes[-1] < 2:
        node.refuse("has one class, of which there is nothing to predict")
    classes.classification(node, context, prediction, raw=found, probability=probability, classes=sizes[-1])


def k_means(node: Node, context: Context) -> None:
    """The nearest centre, the first of equal ones."""
    centers = node.attributes.vectors("cluster_centers")
    if centers.size > MOST_CELLS:
        node.refuse(f"has {centers.size} coordinates; served are {MOST_CELLS}")
    port = "features" if "features" in node.inputs else "input"
    dense, tape = context.dense(context.numbers(node, port, centers.shape[1])), context.tape
    apart = tape.op("Sub", tape.op("Unsqueeze", dense, [1]), tape.constant(centers[None]))
    distances = tape.op("ReduceSum", tape.op("Mul", apart, apart), [2], keepdims=0)
    nearest = tape.doubles(tape.op("ArgMin", distances, axis=1, keepdims=1))
    context.give_tensor(node, "prediction" if "prediction" in node.outputs else "output", nearest)
