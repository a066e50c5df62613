"""SupportVectorMachineModel: kernels with support vectors, one against one and one against all (dmg.org, SVM)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ranklet.importers.pmml import arrays
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Choice, Number
from ranklet.importers.pmml.winners import voted, winner
from ranklet.importers.trees.records import Floats

KERNELS = ("LinearKernelType", "PolynomialKernelType", "RadialBasisKernelType", "SigmoidKernelType")


@dataclass(frozen=True)
class Machines:
    """x: what kernels read, double [n, k]. vectors: id → its place in `table` [vectors, k]."""

    x: str
    places: dict[str, int]
    table: Floats


def build(model: Element, context: Context) -> Result:
    """As the protocol says."""
    function = model.choice("functionName", ("regression", "classification"))
    model.choice("svmRepresentation", ("SupportVectors",), "SupportVectors")
    model.choice("maxWins", ("false",), "false")
    machines = _dictionary(model, context)
    found = model.all("SupportVectorMachine")
    if not found:
        refuse(model, "has no SupportVectorMachine")
    kernel = _kernel(model.need(*KERNELS), machines, context)
    sums = [_sum(one, machines, kernel, context) for one in found]
    if function == "regression":
        return Result("regression", Number(sums[0]))
    method = model.choice("classificationMethod", ("OneAgainstOne", "OneAgainstAll"), "OneAgainstAll")
    if model.get("alternateBinaryTargetCategory") is not None or (len(found) == 1 and method == "OneAgainstAll"):
        refuse(
            model, "tells two classes by one machine; that is served as OneAgainstOne with an alternateTargetCategory"
        )
    if method == "OneAgainstOne":
        return _votes(model, found, sums, context)
    names = [one.name("targetCategory") for one in found]
    best = winner(dict(zip(names, sums, strict=True)), context, least=True)
    return Result("classification", best, scores={"distance": dict(zip(names, sums, strict=True))})


def _dictionary(model: Element, context: Context) -> Machines:
    dictionary = model.need("VectorDictionary")
    fields = dictionary.need("VectorFields").children
    columns = [_column(one, context) for one in fields if one.tag != "Extension"]
    instances = dictionary.all("VectorInstance")
    table = np.array([arrays.numbers(one.need("REAL-SparseArray", "Array"), len(columns)) for one in instances])
    places = {one.name("id"): at for at, one in enumerate(instances)}
    return Machines(context.tape.joined(columns), places, table.reshape(len(instances), len(columns)))


def _column(field: Element, context: Context) -> str:
    if field.tag == "FieldRef":
        return context.number(field.name("field"), field).tensor
    if field.tag != "CategoricalPredictor":
        refuse(field, "of a vector is not served")
    found = context.tensor(field.get("name") or field.name("field"), field)
    word, weight = field.name("value"), field.number("coefficient", 1.0)
    if isinstance(found, Choice):
        return context.lookup(found, {word: weight}, missing=np.nan, other=0.0)
    same = context.tape.doubles(context.tape.op("Equal", found.tensor, float(word)))
    return context.where(context.gone(found), np.nan, context.tape.op("Mul", same, weight))


def _kernel(element: Element, machines: Machines, context: Context) -> str:
    """K(x, vector) for all vectors: double [n, vectors]."""
    tape, table = context.tape, machines.table
    products = tape.op("MatMul", machines.x, np.ascontiguousarray(table.T))
    if element.tag == "LinearKernelType":
        return products
    gamma = element.number("gamma", 1.0)
    if element.tag == "RadialBasisKernelType":
        squares = tape.total(tape.op("Mul", machines.x, machines.x))
        distances = tape.op("Add", tape.op("Mul", products, -2.0), squares)
        distances = tape.op("Add", distances, (table**2).sum(axis=1)[None])
        return tape.op("Exp", tape.op("Mul", tape.op("Max", distances, 0.0), -gamma))
    shifted = tape.op("Add", tape.op("Mul", products, gamma), element.number("coef0", 1.0))
    if element.tag == "SigmoidKernelType":
        return tape.op("Tanh", shifted)
    return tape.op("Pow", shifted, element.number("degree", 1.0))


def _sum(machine: Element, machines: Machines, kernel: str, context: Context) -> str:
    """Σ coefficient · K + absolute value: double [n, 1]."""
    given = machine.need("Coefficients")
    weights = np.array([one.number("value", 0.0) for one in given.all("Coefficient")])
    constant = given.number("absoluteValue", 0.0)
    vectors = machine.need("SupportVectors").all("SupportVector")
    if len(vectors) != len(weights):
        refuse(machine, f"has {len(vectors)} support vectors and {len(weights)} coefficients")
    spread = np.zeros((len(machines.table), 1))
    for vector, weight in zip(vectors, weights, strict=True):
        if (name := vector.name("vectorId")) not in machines.places:
            refuse(vector, f"names the vector {name!r}, which the dictionary does not have")
        spread[machines.places[name], 0] += weight
    return context.tape.op("Add", context.tape.op("MatMul", kernel, spread), constant)


def _votes(model: Element, machines: Sequence[Element], sums: Sequence[str], context: Context) -> Result:
    """Below its threshold a machine votes for its category, from there on for the alternative one."""
    tape = context.tape
    votes: list[dict[str, str]] = []
    for machine, total in zip(machines, sums, strict=True):
        threshold = machine.number("threshold", model.number("threshold", 0.0))
        category = machine.name("targetCategory")
        other = machine.get("alternateTargetCategory")
        if other is None:
            refuse(
                machine, "has no alternateTargetCategory, so that nothing says what it means to be above the threshold"
            )
        below = tape.doubles(tape.op("Less", total, threshold))
        gone = tape.op("IsNaN", total)
        above = context.where(gone, np.nan, tape.op("Sub", 1.0, below))
        votes.append({category: context.where(gone, np.nan, below), other: above})
    names = dict.fromkeys(name for one in votes for name in one)
    counted = {name: tape.added([one[name] for one in votes if name in one]) for name in names}
    shares = {name: tape.op("Div", count, float(len(votes))) for name, count in counted.items()}
    return Result("classification", voted(votes, counted, context), shares)
