"""NeuralNetwork: layers of neurons, each a weighted sum and an activation (dmg.org, Neural Network)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ranklet.importers.pmml import expressions, links, series
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Number
from ranklet.importers.pmml.winners import winner
from ranklet.importers.tape import Tape

MAX_WEIGHTS = 20_000_000


@dataclass
class Neurons:
    """Columns of one tensor double [n, k]. places: id of a neuron → its column."""

    tensor: str
    places: dict[str, int]


def build(model: Element, context: Context) -> Result:
    """As the protocol says."""
    layers = [_inputs(model.need("NeuralInputs"), context)]
    for layer in model.all("NeuralLayer"):
        layers.append(_layer(layer, model, layers, context))
    outputs = model.need("NeuralOutputs").all("NeuralOutput")
    if not outputs:
        refuse(model, "has no NeuralOutput")
    if model.choice("functionName", ("regression", "classification")) == "regression":
        if len(outputs) > 1:
            refuse(outputs[1], "is the second output of a regression, which is not served")
        return Result("regression", Number(_number(outputs[0], layers, context)))
    probabilities = dict(_class(one, layers, context) for one in outputs)
    return Result("classification", winner(probabilities, context), probabilities)


def _inputs(element: Element, context: Context) -> Neurons:
    tensors, places = [], {}
    for at, one in enumerate(element.all("NeuralInput")):
        found = context.sources.on_tape(expressions.derived(one.need("DerivedField"), context))
        if not isinstance(found, Number):
            refuse(one, "is no number")
        tensors.append(found.tensor)
        places[one.name("id")] = at
    if not tensors:
        refuse(element, "has no NeuralInput")
    return Neurons(context.tape.joined(tensors), places)


def _layer(layer: Element, model: Element, before: list[Neurons], context: Context) -> Neurons:
    neurons = layer.all("Neuron")
    if not neurons:
        refuse(layer, "has no Neuron")
    given = _given(neurons, before, context)
    weights, biases = np.zeros((len(given.places), len(neurons))), np.zeros((1, len(neurons)))
    if weights.size > MAX_WEIGHTS:
        refuse(layer, f"has {weights.size} weights; at most {MAX_WEIGHTS} are served")
    for at, neuron in enumerate(neurons):
        biases[0, at] = neuron.number("bias", 0.0)
        for connection in neuron.all("Con"):
            weights[given.places[connection.name("from")], at] = connection.number("weight")
    places = {neuron.name("id"): at for at, neuron in enumerate(neurons)}
    function = layer.get("activationFunction") or model.name("activationFunction")
    if function == "radialBasis":
        return Neurons(_radial(layer, model, neurons, given, weights, context), places)
    if function not in ACTIVATIONS:
        refuse(
            layer, f"has activationFunction = {function!r}, which is not served; served are {', '.join(ACTIVATIONS)}"
        )
    sums = context.tape.op("Add", context.tape.op("MatMul", given.tensor, weights), biases)
    threshold = layer.number("threshold", model.number("threshold", 0.0))
    made = ACTIVATIONS[function](context.tape, sums, threshold)
    return Neurons(_normalized(layer, model, made, len(neurons), context), places)


def _given(neurons: list[Element], before: list[Neurons], context: Context) -> Neurons:
    """The layer before, or all of them side by side where a neuron reads an earlier one."""
    wanted = {connection.name("from") for neuron in neurons for connection in neuron.all("Con")}
    if wanted <= set(before[-1].places):
        return before[-1]
    places: dict[str, int] = {}
    for layer in before:
        places |= {name: len(places) + at for name, at in layer.places.items()}
    if unknown := sorted(wanted - set(places)):
        refuse(neurons[0], f"or another of its layer reads the neuron {unknown[0]!r}, which no layer before it has")
    return Neurons(context.tape.joined([layer.tensor for layer in before]), places)


def _radial(
    layer: Element, model: Element, neurons: list[Element], given: Neurons, centres: np.ndarray, context: Context
) -> str:
    """exp(-Σ (x - w)² / (2 width²))."""
    tape = context.tape
    squares = tape.total(tape.op("Mul", given.tensor, given.tensor))
    crossed = tape.op("MatMul", given.tensor, -2.0 * centres)
    distances = tape.op("Add", tape.op("Add", crossed, squares), (centres**2).sum(axis=0)[None])
    width = np.array([[_own("width", one, layer, model) for one in neurons]])
    if raised := [one for one in neurons if _own("altitude", one, layer, model, 1.0) != 1]:
        refuse(raised[0], "has an altitude other than 1, which is not served")
    return tape.op("Exp", tape.op("Neg", tape.op("Div", distances, 2 * width**2)))


def _own(name: str, neuron: Element, layer: Element, model: Element, default: float | None = None) -> float:
    for element in (neuron, layer, model):
        if element.get(name) is not None:
            return element.number(name)
    return neuron.number(name, default)


def _normalized(layer: Element, model: Element, tensor: str, count: int, context: Context) -> str:
    """The whole layer by softmax or simplemax."""
    method = layer.get("normalizationMethod") or model.get("normalizationMethod") or "none"
    if method == "none":
        return tensor
    columns = [context.tape.columns(tensor, [at]) for at in range(count)]
    if method == "softmax":
        return context.tape.joined(links.softmax(context.tape, columns))
    if method == "simplemax":
        return context.tape.joined(links.shares(context.tape, columns))
    refuse(layer, f"has normalizationMethod = {method!r}, which is not served")


def _column(output: Element, layers: list[Neurons], context: Context) -> str:
    name = output.name("outputNeuron")
    for layer in reversed(layers):
        if name in layer.places:
            return context.tape.columns(layer.tensor, [layer.places[name]])
    refuse(output, f"tells the neuron {name!r}, which no layer has")


def _number(output: Element, layers: list[Neurons], context: Context) -> str:
    """What stands for the target's value: the neuron's, or what was normalized to it."""
    found = _column(output, layers, context)
    expression = output.need("DerivedField").need(*expressions.TAGS)
    if expression.tag == "FieldRef":
        return found
    if expression.tag != "NormContinuous":
        refuse(expression, "of a neural output is not served")
    points = expression.all("LinearNorm")
    if len(points) != 2:
        refuse(expression, f"has {len(points)} LinearNorm, and what is told back needs two")
    (x0, y0), (x1, y1) = ((one.number("orig"), one.number("norm")) for one in points)
    if y0 == y1:
        refuse(expression, "maps all to one number")
    slope = (x1 - x0) / (y1 - y0)
    return context.tape.op("Add", context.tape.op("Mul", context.tape.op("Sub", found, y0), slope), x0)


def _class(output: Element, layers: list[Neurons], context: Context) -> tuple[str, str]:
    expression = output.need("DerivedField").need(*expressions.TAGS)
    if expression.tag != "NormDiscrete":
        refuse(expression, "of a neural output of a classification is not served; served is NormDiscrete")
    return expression.name("value"), _column(output, layers, context)


Activation = Callable[[Tape, str, float], str]


def _op(kind: str) -> Activation:
    return lambda tape, z, threshold: tape.op(kind, z)


ACTIVATIONS: Mapping[str, Activation] = {
    "identity": lambda tape, z, threshold: z,
    "threshold": lambda tape, z, threshold: tape.op(
        "Add", tape.doubles(tape.op("Greater", z, threshold)), tape.op("Mul", z, 0.0)
    ),
    "logistic": lambda tape, z, threshold: links.LINKS["logit"](tape, z),
    "tanh": _op("Tanh"),
    "exponential": _op("Exp"),
    "reciprocal": lambda tape, z, threshold: tape.op("Div", 1.0, z),
    "square": lambda tape, z, threshold: tape.op("Mul", z, z),
    "Gauss": lambda tape, z, threshold: tape.op("Exp", tape.op("Neg", tape.op("Mul", z, z))),
    "sine": _op("Sin"),
    "cosine": lambda tape, z, threshold: tape.op("Sin", tape.op("Add", z, math.pi / 2)),
    "arctan": lambda tape, z, threshold: tape.op("Mul", series.arctangent(tape, z), 2 / math.pi),
    "Elliott": lambda tape, z, threshold: tape.op("Div", z, tape.op("Add", tape.op("Abs", z), 1.0)),
    "rectifier": lambda tape, z, threshold: tape.op("Max", z, 0.0),
}
"""Activation → what computes it."""
