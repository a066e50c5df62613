"""NaiveBayesModel: counts of words, and Gaussians of numbers, by class (dmg.org, Naive Bayes).

P(class | x) ∝ count(class) · Π P(x | class), as sums of logarithms. What was never seen counts as `threshold`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ranklet.importers.pmml import expressions, links
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Number, Value
from ranklet.importers.pmml.winners import winner


def build(model: Element, context: Context) -> Result:
    """As the protocol says."""
    model.choice("functionName", ("classification",))
    threshold = model.number("threshold")
    counts = _counts(model.need("BayesOutput").need("TargetValueCounts"))
    logs = {name: [context.tape.constant(np.array([[math.log(count)]]))] for name, count in counts.items()}
    for one in model.need("BayesInputs").all("BayesInput"):
        _add(one, counts, threshold, logs, context)
    totals = [context.tape.added(parts) for parts in logs.values()]
    probabilities = dict(zip(counts, links.softmax(context.tape, totals), strict=True))
    return Result("classification", winner(probabilities, context), probabilities)


def _counts(element: Element) -> dict[str, float]:
    """Class → count, in order."""
    found = {one.name("value"): one.number("count") for one in element.all("TargetValueCount")}
    if not found or min(found.values()) < 0:
        refuse(element, "has no counts, or negative ones")
    return found


def _add(
    one: Element, counts: Mapping[str, float], threshold: float, logs: dict[str, list[str]], context: Context
) -> None:
    value = _value(one, context)
    found = context.sources.on_tape(value)
    if (stats := one.one("TargetValueStats")) is not None:
        if not isinstance(found, Number):
            refuse(one, "has statistics of numbers for a field of words")
        for name, log in _gaussians(stats, found, threshold, context).items():
            logs[name].append(log)
        return
    pairs = one.all("PairCounts")
    if isinstance(found, Number):
        refuse(one, "has counts of numbers, which are not served; discretize them into words")
    tables = {pair.name("value"): _counts(pair.need("TargetValueCounts")) for pair in pairs}
    context.sources.hint(value, list(tables))
    for name in counts:
        whole = sum(table.get(name, 0.0) for table in tables.values())
        shares = {word: math.log(max(table.get(name, 0.0) / whole, 0.0) or threshold) for word, table in tables.items()}
        logs[name].append(context.lookup(found, shares, missing=0.0, other=0.0))


def _value(one: Element, context: Context) -> Value:
    if (field := one.one("DerivedField")) is not None:
        return expressions.derived(field, context)
    return context.value(one.name("fieldName"), one)


def _gaussians(stats: Element, found: Number, threshold: float, context: Context) -> dict[str, str]:
    """Class → log of the density at the number, which is at least the threshold; 0 where it is missing."""
    tape, made = context.tape, {}
    gone = context.gone(found)
    for one in stats.all("TargetValueStat"):
        gauss = one.need("GaussianDistribution")
        mean, variance = gauss.number("mean"), gauss.number("variance")
        if variance <= 0:
            refuse(gauss, f"has variance = {variance}, which must be above 0")
        away = tape.op("Sub", found.tensor, mean)
        density = tape.op("Exp", tape.op("Div", tape.op("Mul", away, away), -2 * variance))
        density = tape.op("Div", density, math.sqrt(2 * math.pi * variance))
        log = tape.op("Log", tape.op("Max", density, threshold))
        made[one.name("value")] = context.where(gone, 0.0, log)
    return made
