"""A model with the names that it sees: its mining schema over the scope around it, its derived fields, its outputs."""

from __future__ import annotations

from functools import partial

from ranklet.importers.pmml import expressions, models, outputs, schema, targets
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Value


def of(model: Element, around: Context) -> Context:
    """The scope of a model within another: it sees the fields of its mining schema, and what it derives itself."""
    scope = around.below(floats=model.get("x-mathContext", "double") == "float")
    for name, field in schema.read(model).items():
        if field.usage in schema.ACTIVE:
            scope.later[name] = partial(_inner, name, field, around)
    derived(model.one("LocalTransformations"), scope)
    return scope


def run(model: Element, around: Context) -> tuple[Result, dict[str, Value]]:
    """A model's result after its targets, and its output fields by name."""
    scope = of(model, around)
    return finished(model, scope)


def finished(model: Element, scope: Context) -> tuple[Result, dict[str, Value]]:
    """As `run`, in a scope that is made."""
    result = targets.apply(model, models.build(model, scope), scope)
    return result, outputs.of(model, result, scope)


def derived(element: Element | None, scope: Context) -> None:
    """Put derived fields into a scope; each is compiled when something reads it."""
    for one in element.all("DerivedField") if element is not None else ():
        scope.later[one.name("name")] = partial(expressions.derived, one, scope)


def _inner(name: str, field: schema.MiningField, around: Context) -> Value:
    return schema.inner(field, around.value(name, field.element), around)
