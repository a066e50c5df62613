"""A model's mining schema: which fields it reads, and what becomes of missing, invalid and extreme values.

Of the outermost model that is an expression of feature assembly; of a model within another it works on the graph's
values, as JPMML prepares them once more there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.dictionary import DataField, typed
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.values import NUMERIC, Expr, Number, Raw, Value

ACTIVE = ("active", "group", "order", "supplementary")
TARGETS = ("predicted", "target")
USAGES = (*ACTIVE, *TARGETS, "frequencyWeight", "analysisWeight")
REPLACED = ("asIs", "asMean", "asMode", "asMedian", "asValue", "returnInvalid")
INVALID = ("returnInvalid", "asIs", "asMissing", "asValue")
OUTLIERS = ("asIs", "asMissingValues", "asExtremeValues")


@dataclass(frozen=True)
class MiningField:
    """One line of a mining schema."""

    name: str
    element: Element
    usage: str

    @property
    def default(self) -> str | None:
        """What stands in for a missing value."""
        return self.element.get("missingValueReplacement")


def read(model: Element) -> dict[str, MiningField]:
    """A model's mining fields by name."""
    found = {}
    for element in model.need("MiningSchema").all("MiningField"):
        usage = element.choice("usageType", USAGES, "active")
        found[element.name("name")] = MiningField(element.name("name"), element, usage)
    return found


def outermost(field: MiningField, data: DataField) -> Raw:
    """A raw field as feature assembly prepares it."""
    element = field.element
    expr: Expr = ["field", field.name]
    if data.kind in ("integer", "boolean"):
        expr = ["as", expr, data.kind]
    _known(element)
    expr = _checked(expr, element, data)
    expr = _within(expr, element, data)
    if element.get("missingValueTreatment") == "returnInvalid":
        expr = ["require", expr]
    elif field.default is not None:
        expr = ["default", expr, typed(element, field.default, data.kind)]
    if data.kind == "float" and expr[0] != "field":
        expr = ["cast", "float", expr]
    return Raw(expr, data.kind)


def inner(field: MiningField, value: Value, context: Context) -> Value:
    """A value that a model within another one reads. Raises ImportRefused for a treatment that is not served there."""
    element = field.element
    _known(element)
    if element.get("outliers", "asIs") != "asIs" or element.get("missingValueTreatment") == "returnInvalid":
        refuse(element, "treats outliers, or refuses missing values, in a model within another, which is not served")
    if field.default is None:
        return value
    if isinstance(value, Raw):
        return Raw(["default", value.expr, typed(element, field.default, value.kind)], value.kind)
    gone = context.gone(value)
    fill = typed(element, field.default, value.kind)
    if isinstance(value, Number):
        return Number(context.where(gone, float(fill), value.tensor), value.kind)
    if (code := value.domain.code(fill)) is None:
        refuse(element, f"replaces missing values by {fill!r}, which the field cannot be")
    return context.choice(context.tape.op("Where", gone, [code], value.tensor), value.domain, value.kind)


def _known(element: Element) -> None:
    """Refuses words that are none of the specification's."""
    element.choice("missingValueTreatment", REPLACED, "asIs")
    element.choice("invalidValueTreatment", INVALID, "returnInvalid")
    element.choice("outliers", OUTLIERS, "asIs")


def _checked(expr: Expr, element: Element, data: DataField) -> Expr:
    """Values that mean a missing one, and those that are invalid."""
    what: dict[str, Any] = {}
    if data.kind == "integer":
        what["whole"] = True
    if data.valid is not None:
        what["valid"] = list(data.valid)
    elif data.kind == "boolean":
        what["valid"] = ["false", "true"]
    if data.intervals is not None:
        what["intervals"] = [list(one) for one in data.intervals]
    if data.bad:
        what["invalid"] = list(data.bad)
    if data.gone:
        expr = ["missing", expr, list(data.gone)]
    if not what:
        return expr
    treatment = element.get("invalidValueTreatment", "returnInvalid")
    if treatment == "asIs":
        return expr
    if treatment == "asMissing":
        return ["check", expr, what, "missing"]
    if treatment == "asValue":
        value = typed(element, element.name("invalidValueReplacement"), data.kind)
        return ["check", expr, what, "value", value]
    return ["check", expr, what, "error"]


def _within(expr: Expr, element: Element, data: DataField) -> Expr:
    treatment = element.get("outliers", "asIs")
    if treatment == "asIs":
        return expr
    if data.kind not in NUMERIC:
        refuse(element, "treats outliers of values that are no numbers")
    low, high = element.number("lowValue"), element.number("highValue")
    return ["outliers", expr, "missing" if treatment == "asMissingValues" else "clip", low, high]
