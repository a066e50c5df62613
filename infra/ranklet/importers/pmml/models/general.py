"""GeneralRegressionModel: parameters as products of covariates and factors (dmg.org, General Regression)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ranklet.importers.pmml import links
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.models import cox
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Choice, Number
from ranklet.importers.pmml.winners import winner
from ranklet.importers.tape import Tape

TYPES = (
    "regression", "generalLinear", "generalizedLinear", "multinomialLogistic", "ordinalMultinomial",
    "CoxRegression",
)  # fmt: skip


def build(model: Element, context: Context) -> Result:
    """As the protocol says."""
    kind = model.choice("modelType", TYPES)
    cells = model.need("ParamMatrix").all("PCell")
    if not cells:
        refuse(model, "has no PCell")
    terms = _terms(model, context)
    if kind == "multinomialLogistic":
        return _multinomial(model, cells, terms, context)
    if kind == "ordinalMultinomial":
        return _ordinal(model, cells, terms, context)
    total = _total(cells, terms, context)
    if kind == "CoxRegression":
        return cox.build(model, total, context)
    if kind == "generalizedLinear":
        total = _inverse(model, model.name("linkFunction"), _shifted(model, total, context), context)
    if model.choice("functionName", ("regression", "classification")) == "regression":
        return Result("regression", Number(total))
    return _binary(model, cells, total, context)


def _terms(model: Element, context: Context) -> dict[str, str | None]:
    """Parameter → its product of predictors: double [n, 1], None for 1."""
    factors = {one.get("name") or one.name("field") for one in _children(model, "FactorList", "Predictor")}
    covariates = {one.get("name") or one.name("field") for one in _children(model, "CovariateList", "Predictor")}
    found: dict[str, str | None] = {one.name("name"): None for one in _children(model, "ParameterList", "Parameter")}
    for cell in _children(model, "PPMatrix", "PPCell"):
        name, field = cell.name("parameterName"), cell.name("predictorName")
        if name not in found:
            refuse(cell, f"names the parameter {name!r}, which the list does not have")
        if field in factors:
            part = _factor(cell, field, context)
        elif field in covariates:
            part = _covariate(cell, field, context)
        else:
            refuse(cell, f"names the predictor {field!r}, which is neither a factor nor a covariate")
        before = found[name]
        found[name] = part if before is None else context.tape.op("Mul", before, part)
    return found


def _children(model: Element, outer: str, tag: str) -> Sequence[Element]:
    found = model.one(outer)
    return [] if found is None else found.all(tag)


def _factor(cell: Element, field: str, context: Context) -> str:
    """1 where the factor has the cell's value."""
    word = cell.name("value")
    found = context.tensor(field, cell)
    context.sources.hint(context.value(field, cell), [word])
    if isinstance(found, Choice):
        return context.lookup(found, {word: 1.0}, missing=np.nan, other=0.0)
    same = context.tape.doubles(context.tape.op("Equal", found.tensor, float(word)))
    return context.where(context.gone(found), np.nan, same)


def _covariate(cell: Element, field: str, context: Context) -> str:
    found = context.number(field, cell).tensor
    power = cell.number("value", 1.0)
    return found if power == 1 else context.tape.op("Pow", found, power)


def _total(cells: Sequence[Element], terms: Mapping[str, str | None], context: Context) -> str:
    """Σ beta · term: double [n, 1]."""
    constant, columns, weights = 0.0, [], []
    for cell in cells:
        name, beta = cell.name("parameterName"), cell.number("beta")
        if name not in terms:
            refuse(cell, f"names the parameter {name!r}, which the list does not have")
        term = terms[name]
        if term is None:
            constant += beta
        else:
            columns.append(term)
            weights.append(beta)
    tape = context.tape
    if not columns:
        return tape.op("Add", context.sources.rows(), constant)
    product = tape.op("MatMul", tape.joined(columns), np.array(weights)[:, None])
    return tape.op("Add", product, constant) if constant else product


def _shifted(model: Element, total: str, context: Context) -> str:
    """With the offset, a number or a field."""
    if (name := model.get("offsetVariable")) is not None:
        total = context.tape.op("Add", total, context.number(name, model).tensor)
    elif (offset := model.number("offsetValue", 0.0)) != 0:
        total = context.tape.op("Add", total, offset)
    return total


def _inverse(model: Element, name: str, total: str, context: Context) -> str:
    """The inverse link, and the trials of a binomial."""
    if name not in INVERSES:
        refuse(model, f"has linkFunction = {name!r}, which is not served; served are {', '.join(INVERSES)}")
    made = INVERSES[name](context.tape, total, model)
    if (field := model.get("trialsVariable")) is not None:
        return context.tape.op("Mul", made, context.number(field, model).tensor)
    trials = model.number("trialsValue", 1.0)
    return made if trials == 1 else context.tape.op("Mul", made, trials)


def _binary(model: Element, cells: Sequence[Element], first: str, context: Context) -> Result:
    categories = list(dict.fromkeys(one.name("targetCategory") for one in cells if one.get("targetCategory")))
    reference = model.get("targetReferenceCategory")
    if len(categories) != 1 or reference is None:
        refuse(model, "is a classification of two classes, and does not name both (targetCategory of its PCells, "
                      "targetReferenceCategory)")  # fmt: skip
    probabilities = {categories[0]: first, reference: context.tape.op("Sub", 1.0, first)}
    return Result("classification", winner(probabilities, context), probabilities)


def _multinomial(model: Element, cells: Sequence[Element], terms: Mapping[str, str | None], context: Context) -> Result:
    """softmax of each category's sum; of the reference it is 0. An offset is one of all, and so of none."""
    grouped = _grouped(cells)
    reference = model.name("targetReferenceCategory")
    totals = {name: _total(some, terms, context) for name, some in grouped.items()}
    first = next(iter(totals.values()))
    totals[reference] = context.tape.op("Mul", first, 0.0)
    shares = links.softmax(context.tape, list(totals.values()))
    probabilities = dict(zip(totals, shares, strict=True))
    return Result("classification", winner(probabilities, context), probabilities)


def _grouped(cells: Sequence[Element]) -> dict[str, list[Element]]:
    """By category; a cell without one belongs to all of them."""
    names = list(dict.fromkeys(one.name("targetCategory") for one in cells if one.get("targetCategory")))
    return {name: [one for one in cells if one.get("targetCategory") in (None, name)] for name in names}


def _ordinal(model: Element, cells: Sequence[Element], terms: Mapping[str, str | None], context: Context) -> Result:
    """P(≤ category) by the cumulative link; differences of neighbours are the categories' own."""
    grouped = _grouped(cells)
    reference, name = model.name("targetReferenceCategory"), model.name("cumulativeLink")
    totals = [_shifted(model, _total(some, terms, context), context) for some in grouped.values()]
    probabilities = dict(zip([*grouped, reference], links.ordinal(model, name, totals, context), strict=True))
    return Result("classification", winner(probabilities, context), probabilities)


Inverse = Callable[[Tape, str, Element], str]


def _power(tape: Tape, y: str, model: Element) -> str:
    power = model.number("linkParameter")
    return tape.op("Exp", y) if power == 0 else tape.op("Pow", y, 1 / power)


def _oddspower(tape: Tape, y: str, model: Element) -> str:
    power = model.number("linkParameter")
    if power == 0:
        return links.LINKS["logit"](tape, y)
    return tape.op(
        "Div", 1.0, tape.op("Add", tape.op("Pow", tape.op("Add", tape.op("Mul", y, power), 1.0), -1 / power), 1.0)
    )


def _negbin(tape: Tape, y: str, model: Element) -> str:
    power = model.number("distParameter")
    return tape.op("Div", 1.0, tape.op("Mul", tape.op("Sub", tape.op("Exp", tape.op("Neg", y)), 1.0), power))


INVERSES: Mapping[str, Inverse] = {
    "identity": lambda tape, y, model: y,
    "log": lambda tape, y, model: tape.op("Exp", y),
    "logc": lambda tape, y, model: tape.op("Sub", 1.0, tape.op("Exp", y)),
    "logit": lambda tape, y, model: links.LINKS["logit"](tape, y),
    "probit": lambda tape, y, model: links.LINKS["probit"](tape, y),
    "cloglog": lambda tape, y, model: links.LINKS["cloglog"](tape, y),
    "loglog": lambda tape, y, model: links.LINKS["loglog"](tape, y),
    "power": _power,
    "oddspower": _oddspower,
    "negbin": _negbin,
}
"""Link function → its inverse."""
