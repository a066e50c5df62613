"""JSON Schemas of a model's raw inputs and outputs.

https://json-schema.org/draft/2020-12 is the dialect of OpenAPI 3.1, so null is a type like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet.openapi.base import Schema
from ranklet_features.spec import Input, Side
from ranklet_runtime.manifest import Manifest, Told

INTEGERS = {"minimum": -(2**63), "maximum": 2**63 - 1}
TYPES: Mapping[str, Schema] = {
    "int": {"type": "integer", **INTEGERS},
    "float": {"type": "number"},
    "string": {"type": "string"},
}


def value(declared: Input) -> dict[str, Any]:
    """One value of an input; null where something stands in for it."""
    plain = dict(TYPES[declared.type])
    if declared.list:
        plain = {"type": "array", "items": plain}
    elif declared.length is not None:
        plain = {"type": "array", "items": plain, "minItems": declared.length, "maxItems": declared.length}
    if not optional(declared):
        return plain
    shown = {**plain, "type": [plain["type"], "null"]}
    return shown if declared.default is None else {**shown, "default": declared.default}


def optional(declared: Input) -> bool:
    """Whether a request may leave the input out."""
    return declared.default is not None or (declared.nan == "allow" and not declared.list)


def column(declared: Input, most: int) -> dict[str, Any]:
    """A value for each candidate."""
    return {"type": "array", "items": value(declared), "maxItems": most}


def side(manifest: Manifest, name: Side) -> dict[str, Any]:
    """An object of the inputs of one side: single values of user and context, columns of items."""
    inputs = {key: one for key, one in manifest.spec.inputs.items() if one.side == name and not one.unread}
    most = manifest.limits.items
    properties = {key: column(one, most) if name == "item" else value(one) for key, one in inputs.items()}
    return object_of(properties, [key for key, one in inputs.items() if not optional(one)], closed=closed(manifest))


def row(manifest: Manifest) -> dict[str, Any]:
    """A candidate with everything that it is scored by, as the protocols say it that know no user."""
    inputs = {key: one for key, one in manifest.spec.inputs.items() if not one.unread}
    needed = [key for key, one in inputs.items() if not optional(one)]
    return object_of({key: value(one) for key, one in inputs.items()}, needed, closed=closed(manifest))


def closed(manifest: Manifest) -> bool:
    """Whether undeclared names are refused."""
    return manifest.surplus == "refuse" and not any(one.unread for one in manifest.spec.inputs.values())


def object_of(properties: Mapping[str, Any], required: list[str], *, closed: bool = True) -> dict[str, Any]:
    """An object of these properties."""
    found: dict[str, Any] = {"type": "object", "properties": dict(properties)}
    if required:
        found["required"] = required
    if closed:
        found["additionalProperties"] = False
    return found


def array(items: Schema) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": items}


def score(manifest: Manifest) -> dict[str, Any]:
    """One score."""
    return {"type": ["number", "null"] if manifest.nulls else "number"}


def told(one: Told) -> dict[str, Any]:
    """One value of an output that is told beside the scores; any may be null."""
    return {} if one.labels is None else {"enum": [*one.labels, None]}


def outputs(manifest: Manifest) -> dict[str, Any]:
    """A column for each output beside the scores."""
    return object_of({name: array(told(one)) for name, one in manifest.told.items()}, [])


def counts() -> dict[str, Any]:
    """`degraded`: what was defaulted, by reason."""
    return {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}
