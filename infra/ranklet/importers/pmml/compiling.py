"""A whole file: its raw fields, its one model, and everything that the model tells, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from ranklet.errors import ImportRefused
from ranklet.importers.pmml import dictionary, models, outputs, schema, scopes
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.drawing import Drawn
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.reads import Reads
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.sources import Field, Sources
from ranklet.importers.pmml.values import Choice, Number, Raw, Value
from ranklet.importers.tape import Tape

PREDICTED = "predictedValue"
"""What a prediction is called that the file has no name for."""


@dataclass(frozen=True)
class Compiled:
    """told: what callers get, by name, the target's own value first. result: of the model, in its context.

    order: the values of the target in the order of the data dictionary, none where it does not list them.
    """

    model: Element
    sources: Sources
    result: Result
    told: Mapping[str, Number | Choice]
    context: Context
    order: tuple[str, ...] = ()


def compile(root: Element, ranked: Callable[[Compiled], Number | None] = lambda made: None) -> Compiled:
    """ranked: what is used beside all that is told. Raises ImportRefused naming the element that is not served, and its
    line.

    The file is compiled twice: what it reads is known afterwards, and its order must not be that of the trees.
    """
    made = _compile(root, None)
    return _compile(root, made.sources.reads(used(made, ranked(made))))


def used(made: Compiled, ranked: Number | None) -> set[str]:
    """Tensors that a caller's answer is made of."""
    tape = made.sources.tape
    wanted = [*made.told.values(), *([] if ranked is None else [ranked])]
    return {name for value in wanted for name in tape.reads(value.tensor)}


def _compile(root: Element, known: Reads | None) -> Compiled:
    data = dictionary.read(root)
    found = root.all(*models.MODELS, *models.OTHERS)
    if len(found) != 1:
        refuse(root, f"has {len(found)} models; it needs one")
    (model,) = found
    mining = schema.read(model)
    active = {name: one for name, one in mining.items() if one.usage in schema.ACTIVE}
    if missing := [one for name, one in mining.items() if name not in data and one.usage in schema.ACTIVE]:
        refuse(missing[0].element, f"reads the field {missing[0].name!r}, which the data dictionary does not have")
    if not active:
        raise ImportRefused("the model reads no field")
    fields = {name: Field(name, data[name].kind, _drawn(one, data[name])) for name, one in active.items()}
    sources = Sources(fields, Tape(), known)
    ordinal = {one.name: _order(one) for one in data.values() if one.element.get("optype") == "ordinal"}
    floats = model.get("x-mathContext", "double") == "float"
    scope = Context(sources, _functions(root), floats=floats, ordinal=ordinal)
    for name, one in active.items():
        scope.later[name] = partial(schema.outermost, one, data[name])
    scopes.derived(root.one("TransformationDictionary"), scope)
    scopes.derived(model.one("LocalTransformations"), scope)
    result, made = scopes.finished(model, scope)
    told = {name: sources.on_tape(value) for name, value in _told(model, mining, result, made)}
    target = next((name for name, one in mining.items() if one.usage in schema.TARGETS), None)
    if target in data and isinstance(value := told.get(target), Choice):
        told[target] = Choice(value.tensor, value.domain, data[target].kind)
    order = data[target].element.all("Value") if target in data else []
    return Compiled(model, sources, result, told, scope, tuple(one.name("value") for one in order))


def _order(data: dictionary.DataField) -> tuple[str, ...]:
    return tuple(str(value) for value in data.valid or ()) if data.kind == "string" and data.date is None else ()


def _drawn(one: schema.MiningField, data: dictionary.DataField) -> Drawn:
    strict = one.element.get("invalidValueTreatment", "returnInvalid") == "returnInvalid"
    needed = one.element.get("missingValueTreatment") == "returnInvalid"
    known = [value for value in (*(data.valid or ()), *data.gone) if value not in data.bad]
    return Drawn(data.kind, known, strict, data.valid, data.intervals, data.bad, missing=not needed)


def _told(
    model: Element, mining: Mapping[str, schema.MiningField], result: Result, made: Mapping[str, Value]
) -> Iterator[tuple[str, Value]]:
    target = next((name for name, one in mining.items() if one.usage in schema.TARGETS), None)
    if target is not None:
        yield target, result.value
    told = {**result.told, **{name: made[name] for name in outputs.final(model)}}
    if target is None and not told:
        yield PREDICTED, result.value
    for name, value in told.items():
        if isinstance(value, Raw) and value.kind == "string":
            raise ImportRefused(f"the output {name!r} tells a text of the request, which is not served")
        if name != target:
            yield name, value


def _functions(root: Element) -> dict[str, Element]:
    dictionary_ = root.one("TransformationDictionary")
    return {one.name("name"): one for one in (dictionary_.all("DefineFunction") if dictionary_ is not None else ())}
