"""RegressionModel: sums of predictors, and what makes probabilities of them (dmg.org, Regression)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ranklet.importers.pmml import links
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import NUMERIC, Choice, Domain, Number
from ranklet.importers.pmml.winners import winner
from ranklet.importers.trees.records import Floats


def build(model: Element, context: Context) -> Result:
    """As the protocol says."""
    function = model.choice("functionName", ("regression", "classification"))
    tables = model.all("RegressionTable")
    if not tables:
        refuse(model, "has no RegressionTable")
    link = model.choice("normalizationMethod", tuple(links.NORMALIZATIONS), "none")
    if function == "regression":
        if len(tables) > 1:
            refuse(tables[1], "is the second one of a regression, which has one")
        found = links.regression(model, link, total(tables[0], context), context)
        return Result("regression", Number(found))
    return _classification(model, tables, link, context)


def _classification(model: Element, tables: list[Element], link: str, context: Context) -> Result:
    classes = [table.name("targetCategory") for table in tables]
    if len(set(classes)) != len(classes):
        refuse(model, "has two tables of one class")
    sums = [total(table, context) for table in tables]
    if context.ordered(model):
        found = links.ordinal(model, link, sums[:-1], context)
    else:
        found = links.classification(model, link, sums, context)
    probabilities = dict(zip(classes, found, strict=True))
    return Result("classification", winner(probabilities, context), probabilities)


def total(table: Element, context: Context) -> str:
    """intercept + Σ coefficient · predictor: double [n, 1], NaN where a number is missing."""
    tape = context.tape
    parts = [tape.op("MatMul", *_numbers(table, context))] if table.one("NumericPredictor") else []
    parts += _categories(table, context)
    parts += [_term(term, context) for term in table.all("PredictorTerm")]
    if unknown := [child for child in table.children if child.tag not in SERVED]:
        refuse(unknown[0], "of a RegressionTable is not served")
    intercept = np.array([[table.number("intercept", 0.0)]])
    return tape.added([*parts, tape.constant(intercept)]) if parts else _constant(intercept, context)


SERVED = ("NumericPredictor", "CategoricalPredictor", "PredictorTerm", "Extension")


def _constant(value: Floats, context: Context) -> str:
    """A model that reads nothing: for each row the same."""
    refuse_nothing = context.sources.rows()
    return context.tape.op("Add", refuse_nothing, value)


def _numbers(table: Element, context: Context) -> tuple[str, Floats]:
    columns, weights = [], []
    for predictor in table.all("NumericPredictor"):
        found = context.number(predictor.get("name") or predictor.name("field"), predictor).tensor
        exponent = predictor.whole("exponent", 1)
        columns.append(found if exponent == 1 else context.tape.op("Pow", found, float(exponent)))
        weights.append(predictor.number("coefficient"))
    return context.tape.joined(columns), np.array(weights)[:, None]


def _categories(table: Element, context: Context) -> list[str]:
    """A sum for each field; a missing or unknown word adds nothing."""
    found: dict[str, dict[str, float]] = {}
    for predictor in table.all("CategoricalPredictor"):
        words = found.setdefault(predictor.get("name") or predictor.name("field"), {})
        written = predictor.name("value")
        words[written] = words.get(written, 0.0) + predictor.number("coefficient")
    return [_category(name, words, table, context) for name, words in found.items()]


def _category(name: str, words: Mapping[str, float], table: Element, context: Context) -> str:
    value = context.value(name, table)
    context.sources.hint(value, words)
    found = context.tensor(name, table)
    if isinstance(found, Choice):
        return context.lookup(found, words, missing=0.0, other=0.0)
    matches = context.tape.doubles(
        context.tape.op("Equal", found.tensor, np.array([[_float(word, table) for word in words]]))
    )
    return context.tape.op("MatMul", matches, np.array(list(words.values()))[:, None])


def _float(word: str, table: Element) -> float:
    try:
        return float(word)
    except ValueError:
        refuse(table, f"has a predictor with the value {word[:40]!r} of a field of {', '.join(NUMERIC)}")


def _term(term: Element, context: Context) -> str:
    factors = [context.number(one.name("field"), one).tensor for one in term.all("FieldRef")]
    if not factors:
        refuse(term, "has no FieldRef")
    found = factors[0]
    for factor in factors[1:]:
        found = context.tape.op("Mul", found, factor)
    return context.tape.op("Mul", found, term.number("coefficient"))


__all__ = ["Domain", "build", "total"]
