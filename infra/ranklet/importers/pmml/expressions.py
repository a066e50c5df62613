"""Expressions of derived fields: of raw fields for feature assembly, of what a model made as nodes of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ranklet.importers.pmml import computing, textindex
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.dictionary import kind_of, typed
from ranklet.importers.pmml.markup import Element, number, refuse
from ranklet.importers.pmml.values import NUMERIC, Expr, Kind, Number, Raw, Value
from ranklet_features.errors import SpecError
from ranklet_features.expressions.compiling import compile_expression
from ranklet_features.spec import Input

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
        return raw(["cast", kind, value.expr], element, scope)
    if isinstance(value, Number) and kind in ("double", "float"):
        return Number(scope.tape.narrowed(value.tensor) if kind == "float" else value.tensor, kind)
    refuse(element, f"makes a {kind} of a {value.kind} that a model made, which is not served")


def raw(expr: Expr, element: Element, scope: Context) -> Raw:
    """An expression of raw fields, of the kind that feature assembly says it makes. Raises ImportRefused."""
    scope.sources.bound(expr, element)
    inputs = {name: Input(side="item", **field.fields) for name, field in scope.sources.fields.items()}
    try:
        return Raw(expr, compile_expression(expr, inputs).kind)
    except SpecError as error:
        refuse(element, f"is not served: {error}")


def _constant(expression: Element, scope: Context) -> Value:
    kind: Kind = _guessed(expression.text) if expression.get("dataType") is None else kind_of(expression)
    if expression.get("missing") in ("true", "1"):
        return Raw(["nothing", kind], kind)
    return Raw(["constant", typed(expression, expression.text, kind), kind], kind)


def _guessed(written: str) -> Kind:
    """Of a constant without a data type."""
    try:
        int(written)
    except ValueError:
        try:
            return "double" if abs(float(written)) < float("inf") else "string"
        except ValueError:
            return "string"
    return "integer"


def _reference(expression: Element, scope: Context) -> Value:
    found = scope.value(expression.name("field"), expression)
    if (fill := expression.get("mapMissingTo")) is None:
        return found
    if isinstance(found, Raw):
        return raw(["default", found.expr, typed(expression, fill, found.kind)], expression, scope)
    return computing.filled(found, typed(expression, fill, found.kind), expression, scope)


def _apply(expression: Element, scope: Context) -> Value:
    name = expression.name("function")
    parts = [build(child, scope) for child in expression.all(*TAGS)]
    if (defined := scope.functions.get(name)) is not None:
        found = _defined(defined, parts, expression, scope)
        return _with_options(found, parts, expression, scope)
    treatment = expression.choice("invalidValueTreatment", ("returnInvalid", "asIs", "asMissing"), "returnInvalid")
    del treatment  # of results that are no numbers: ours are NaN, which is missing
    if all(isinstance(part, Raw) for part in parts):
        exprs = [part.expr for part in parts if isinstance(part, Raw)]
        if name in textindex.PATTERNED:
            exprs = textindex.patterned(expression, name, exprs)
        return raw(["call", name, exprs, _options(expression, name, exprs, scope)], expression, scope)
    return _with_options(computing.call(name, parts, expression, scope), parts, expression, scope)


def _options(expression: Element, name: str, parts: Sequence[Expr], scope: Context) -> dict[str, Any]:
    """mapMissingTo and defaultValue, in the type of the result."""
    written = {"missing": expression.get("mapMissingTo"), "default": expression.get("defaultValue")}
    if not any(value is not None for value in written.values()):
        return {}
    kind = raw(["call", name, list(parts), {}], expression, scope).kind
    return {key: typed(expression, value, kind) for key, value in written.items() if value is not None}


def _with_options(found: Value, parts: Sequence[Value], expression: Element, scope: Context) -> Value:
    """The same of what the graph computes, or a function of the file."""
    fill = expression.get("mapMissingTo"), expression.get("defaultValue")
    if fill == (None, None):
        return found
    if fill[0] is not None:
        refuse(expression, "has mapMissingTo for a function of the file or of what a model made, which is not served")
    assert fill[1] is not None
    value = typed(expression, fill[1], found.kind)
    if isinstance(found, Raw):
        return raw(["default", found.expr, value], expression, scope)
    return computing.filled(found, value, expression, scope)


def _defined(function: Element, parts: Sequence[Value], expression: Element, scope: Context) -> Value:
    """A function of the file: its parameters are names that stand for the arguments."""
    parameters = function.all("ParameterField")
    if len(parameters) != len(parts):
        refuse(expression, f"gives {len(parts)} arguments to {function.get('name')!r}, which takes {len(parameters)}")
    if function.name("name") in scope.calls:
        refuse(expression, f"calls {function.get('name')!r}, which calls itself")
    scope.sources.call(expression)
    inside = Context(scope.sources, scope.functions, {}, None, scope.floats, scope.ordinal)
    inside.calls = (*scope.calls, function.name("name"))
    for parameter, part in zip(parameters, parts, strict=True):
        if parameter.get("dataType") is not None:
            part = cast(part, kind_of(parameter), expression, scope)
        inside.later[parameter.name("name")] = _Same(part)
    found = only(function, inside)
    return found if function.get("dataType") is None else cast(found, kind_of(function), function, scope)


class _Same:
    """Makes what is there."""

    def __init__(self, value: Value) -> None:
        self.value = value

    def __call__(self) -> Value:
        return self.value


def _norm_continuous(expression: Element, scope: Context) -> Value:
    line = [[one.number("orig"), one.number("norm")] for one in expression.all("LinearNorm")]
    outliers = expression.choice("outliers", ("asIs", "asMissingValues", "asExtremeValues"), "asIs")
    fill = None if expression.get("mapMissingTo") is None else expression.number("mapMissingTo")
    found = scope.value(expression.name("field"), expression)
    scope.sources.hint(found, [x for x, _ in line])
    if isinstance(found, Raw):
        return raw(["norm", found.expr, line, outliers, fill], expression, scope)
    return computing.norm(found, line, outliers, fill, expression, scope)


def _norm_discrete(expression: Element, scope: Context) -> Value:
    found = scope.value(expression.name("field"), expression)
    word = typed(expression, expression.name("value"), found.kind)
    fill = None if expression.get("mapMissingTo") is None else expression.number("mapMissingTo")
    scope.sources.hint(found, [word])
    if isinstance(found, Raw):
        return raw(["onehot", found.expr, word, fill], expression, scope)
    return computing.onehot(found, word, fill, expression, scope)


def _discretize(expression: Element, scope: Context) -> Value:
    kind: Kind = kind_of(expression) if expression.get("dataType") is not None else "string"
    bins = []
    for one in expression.all("DiscretizeBin"):
        interval = one.need("Interval")
        ends = [None if interval.get(side) is None else interval.number(side) for side in ("leftMargin", "rightMargin")]
        closure = interval.choice("closure", ("openOpen", "openClosed", "closedOpen", "closedClosed"))
        bins.append([*ends, closure, typed(one, one.name("binValue"), kind)])
    fills = [
        None if (written := expression.get(name)) is None else typed(expression, written, kind)
        for name in ("defaultValue", "mapMissingTo")
    ]
    found = scope.value(expression.name("field"), expression)
    scope.sources.hint(found, [end for one in bins for end in one[:2] if end is not None])
    if isinstance(found, Raw):
        return raw(["discretize", found.expr, bins, kind, *fills], expression, scope)
    refuse(expression, "of what a model made is not served")


def _map_values(expression: Element, scope: Context) -> Value:
    kind: Kind = kind_of(expression) if expression.get("dataType") is not None else "string"
    pairs = expression.all("FieldColumnPair")
    found = [scope.value(one.name("field"), one) for one in pairs]
    rows = []
    for row in expression.need("InlineTable").all("row"):
        cells = {cell.tag: cell.text for cell in row.children}
        keys = [_cell(row, cells, pair.name("column"), value.kind) for pair, value in zip(pairs, found, strict=True)]
        rows.append([keys, _cell(row, cells, expression.name("outputColumn"), kind)])
    fills = [
        None if (written := expression.get(name)) is None else typed(expression, written, kind)
        for name in ("defaultValue", "mapMissingTo")
    ]
    for at, value in enumerate(found):
        scope.sources.hint(value, [keys[at] for keys, _ in rows])
    if not all(isinstance(value, Raw) for value in found):
        if len(found) > 1:
            refuse(expression, "of several fields, one of which a model made, is not served")
        return computing.mapped(found[0], rows, kind, fills, expression, scope)
    exprs = [value.expr for value in found if isinstance(value, Raw)]
    return raw(["map", exprs, rows, kind, *fills], expression, scope)


def _text_index(expression: Element, scope: Context) -> Value:
    return raw(textindex.of(expression, only(expression, scope), scope), expression, scope)


def _cell(row: Element, cells: Mapping[str, str], column: str, kind: Kind) -> Any:
    column = column.rpartition(":")[2]  # cells are told apart by their names alone, whatever their namespace
    if column not in cells:
        refuse(row, f"has no cell {column!r}")
    if kind in NUMERIC:
        return number(row, cells[column], column)
    return typed(row, cells[column], kind)


BUILD: Mapping[str, Callable[[Element, Context], Value]] = {
    "Constant": _constant,
    "FieldRef": _reference,
    "Apply": _apply,
    "NormContinuous": _norm_continuous,
    "NormDiscrete": _norm_discrete,
    "Discretize": _discretize,
    "MapValues": _map_values,
    "TextIndex": _text_index,
}
"""Expression → what builds it."""
