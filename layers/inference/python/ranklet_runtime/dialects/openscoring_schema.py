"""What a model reads and tells, as Openscoring describes it: fields with PMML's data types, op types and values.

All of it is found in the manifest: inputs are the fields, their features say which values are valid or known, and what
is told are the outputs. Importers tell the prediction first, which is the target field; a model that tells nothing
beside its score has that for its target. A field's `name` says what PMML has no word for: whose value it is, and how
many it holds. `tensorFields` are the tensors that a request may bring instead of the input fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from ranklet_features.kinds.base import Tensor
from ranklet_features.spec import Feature, Input
from ranklet_runtime.manifest import Told
from ranklet_runtime.served import Served

TYPES = {"int": "integer", "float": "double", "string": "string", "integer": "integer", "boolean": "boolean"}
DTYPES = {"float32": "float", "float64": "double", "int64": "integer", "bool": "boolean"}
CLOSURES = {"openOpen": "()", "openClosed": "(]", "closedOpen": "[)", "closedClosed": "[]"}
KEYS = frozenset({"embedding", "category", "bag", "cross"})
"""Kinds of features for which a number is a name."""

MANY = 1000
"""Values that are listed at most: above, a vocabulary says little."""

Field = dict[str, Any]


def summary(served: Served) -> dict[str, Any]:
    """One model, without its fields."""
    manifest = served.manifest
    words = next((told.labels is not None for told in manifest.told.values()), False)
    engines = dict.fromkeys(step.engine for step in manifest.steps)
    return {
        "id": manifest.model,
        "miningFunction": "classification" if words else "regression",
        "summary": f"ranklet model: {', '.join(engines)}",
        "properties": {"model.version": manifest.version},
    }


def schema(served: Served) -> dict[str, list[Field]]:
    """Its fields in and out."""
    manifest = served.manifest
    of = {name: [one for one in manifest.spec.features.values() if name in one.of] for name in served.inputs}
    inputs = [_input(name, one, of[name], served.folder) for name, one in served.inputs.items() if not one.unread]
    told = [_output(name, one) for name, one in manifest.told.items()]
    score: Field = {"id": served.score, "name": "the score that ranks", "dataType": "double", "opType": "continuous"}
    target, *others = [*told, score] if manifest.ranks else told
    return {
        "inputFields": inputs,
        "groupFields": [],
        "targetFields": [target],
        "outputFields": others,
        "tensorFields": [_tensor(name, one) for name, one in served.tensors.items()],
    }


def _input(name: str, declared: Input, features: list[Feature], folder: Path | None) -> Field:
    kind: str = declared.type
    values: list[str] = []
    for feature in features:
        found, listed = _known(name, feature, folder)
        kind, values = found or kind, values or listed
    keys = any(feature.kind in KEYS for feature in features)
    continuous = kind == "float" or (kind in ("int", "integer") and not keys)
    continuous = continuous and not any(value[:1] not in ("(", "[") for value in values)
    field: Field = {
        "id": name,
        "name": f"of the {declared.side}{_size(declared)}",
        "dataType": TYPES[kind],
        "opType": "continuous" if continuous else "categorical",
    }
    return {**field, "values": values} if 0 < len(values) <= MANY else field


def _size(declared: Input) -> str:
    if declared.list:
        return ", a list"
    return "" if declared.length is None else f", a vector of {declared.length}"


def _output(name: str, told: Told) -> Field:
    labels = told.labels
    if labels is None:
        return {"id": name, "dataType": "double", "opType": "continuous"}
    kinds = {type(label) for label in labels}
    kind = {frozenset({bool}): "boolean", frozenset({int}): "integer", frozenset({str}): "string"}
    found: Field = {"id": name, "dataType": kind.get(frozenset(kinds), "double"), "opType": "categorical"}
    return {**found, "values": list(map(_written, labels))} if len(labels) <= MANY else found


def _tensor(name: str, tensor: Tensor) -> Field:
    shape = ", ".join("any" if size is None else str(size) for size in tensor.shape)
    kind = DTYPES[tensor.dtype]
    number = kind in ("float", "double")
    return {
        "id": name,
        "name": f"a tensor of the {tensor.side}, {tensor.dtype} [{shape}] a row",
        "dataType": kind,
        "opType": "continuous" if number else "categorical",
    }


def _known(name: str, feature: Feature, folder: Path | None) -> tuple[str | None, list[str]]:
    """What one feature says of an input: its type, where that is not the input's own, and its values."""
    if feature.kind == "expression":
        written = feature.options.get("expr")
        return _checked(name, orjson.loads(written) if isinstance(written, str) else written)
    vocabulary = feature.options.get("vocabulary") if feature.kind in ("category", "bag") else None
    if isinstance(vocabulary, str):
        path = None if folder is None else folder / vocabulary
        vocabulary = orjson.loads(path.read_bytes()) if path is not None and path.suffix == ".json" else None
    return None, list(map(_written, vocabulary or ()))


def _checked(name: str, expression: Any) -> tuple[str | None, list[str]]:
    """The type that an expression gives a field, and the values that it lets pass."""
    kind: str | None = None
    values: list[str] = []
    for call in _calls(expression):
        reads = len(call) > 1 and list(_fields(call[1])) == [name]
        if call[0] == "as" and reads and call[2] in TYPES:
            kind = call[2]
        if call[0] == "check" and reads and isinstance(call[2], Mapping):
            intervals = [_interval(*one) for one in call[2].get("intervals", ())]
            values = intervals or list(map(_written, call[2].get("valid", ())))
    return kind, values


def _calls(expression: Any) -> Iterator[list[Any]]:
    """Every call in an expression; without recursion, as expressions may be deep."""
    left = [expression]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left += one
            if one and isinstance(one[0], str):
                yield one
        elif isinstance(one, Mapping):
            left += one.values()


def _fields(expression: Any) -> Iterator[str]:
    return (call[1] for call in _calls(expression) if call[0] == "field" and len(call) == 2)


def _interval(low: float | None, high: float | None, closure: str) -> str:
    around = CLOSURES[closure]
    margins = ("-Infinity" if low is None else str(float(low)), "Infinity" if high is None else str(float(high)))
    return f"{around[0]}{', '.join(margins)}{around[1]}"


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
