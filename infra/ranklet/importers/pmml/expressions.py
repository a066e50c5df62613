"""Expressions of derived fields: of raw fields for feature assembly, of what a model made as nodes of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.dictionary import KINDS, kind_of, typed
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.values import Kind, Number, Raw, Value

TAGS = (
    "Constant", "FieldRef", "NormContinuous", "NormDiscrete", "Discretize", "MapValues", "TextIndex", "Apply",
    "Aggregate", "Lag",
)  # fmt: skip


def derived(field: Element, scope: Context) -> Value:
    """A derived field's value, in its data type."""
    return cast(only(field, scope), kind_of(field), field, scope)


def only(element: Element, scope: Context) -> Value:
    """The value of the one expression below an element."""
    return build(element.need(*TAGS), scope)


def build(expression: Element, scope: Context) -> Value:
    """Raises ImportRefused for an expression that is not served."""
    if expression.tag not in BUILD:
        refuse(expression, f"is not served; served are {', '.join(BUILD)}")
    return BUILD[expression.tag](expression, scope)


def cast(value: Value, kind: Kind, element: Element, scope: Context) -> Value:
    """The value as another type. Raises ImportRefused where the graph cannot."""
    if value.kind == kind:
        return value
    if isinstance(value, Raw):
        return Raw(["cast", kind, value.expr], kind)
    if isinstance(value, Number) and kind in ("double", "float"):
        return Number(scope.tape.narrowed(value.tensor) if kind == "float" else value.tensor, kind)
    refuse(element, f"makes a {kind} of a {value.kind} that a model made, which is not served")


def _constant(expression: Element, scope: Context) -> Value:
    kind: Kind = "string"
    written = expression.text
    if expression.get("dataType") is not None:
        kind = kind_of(expression)
    else:
        try:
            kind = "integer" if float(written) == int(written) else "double"
        except ValueError:
            kind = "double" if _is_number(written) else "string"
    if expression.get("missing") in ("true", "1"):
        return Raw(["missing_value"], kind)
    return Raw(["constant", typed(expression, written, kind)], kind)


def _is_number(written: str) -> bool:
    try:
        return abs(float(written)) < float("inf")
    except ValueError:
        return False


def _reference(expression: Element, scope: Context) -> Value:
    found = scope.value(expression.name("field"), expression)
    if (fill := expression.get("mapMissingTo")) is None:
        return found
    if isinstance(found, Raw):
        return Raw(["default", found.expr, typed(expression, fill, found.kind)], found.kind)
    if not isinstance(found, Number):
        refuse(expression, "replaces missing words that a model made, which is not served")
    gone = scope.gone(found)
    return Number(scope.where(gone, float(typed(expression, fill, found.kind)), found.tensor), found.kind)


BUILD: Mapping[str, Callable[[Element, Context], Value]] = {
    "Constant": _constant,
    "FieldRef": _reference,
}
"""Expression → what builds it."""

__all__ = ["KINDS", "Any", "Sequence", "build", "derived", "only"]
