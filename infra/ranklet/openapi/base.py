"""What a dialect tells OpenAPI of one path: a plain record, put into the document by `ranklet.openapi`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method of one path below the model's own prefix.

    path: as clients write it, `{model}` filled in; what is left in braces is a parameter of the path. request and
    answer: media type → schema. example: media type → a body that is answered 200. faults: the statuses besides 200.
    fault: the schema of a refusal. headers: of the request, name → schema. query: parameters, name → schema.
    places: parameters of the path, name → schema.
    """

    id: str
    method: str
    path: str
    summary: str
    answer: Mapping[str, Schema]
    fault: Schema
    request: Mapping[str, Schema] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[int, ...] = ()
    headers: Mapping[str, Schema] = field(default_factory=dict)
    query: Mapping[str, Schema] = field(default_factory=dict)
    tag: str = ""
    places: Mapping[str, Schema] = field(default_factory=dict)


SCORING = (400, 404, 405, 413, 415, 422, 503)
"""What a path that scores may answer besides 200; 500 is a fault of ours and in every operation."""
TELLING = (404, 405)
"""What a path that describes may."""

NAME: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 63}


def of_version(one: Operation, path: str, version: str) -> Operation:
    """The operation of another version of the model that the function may have. version: one that is there."""
    shown = {**NAME, "description": "as the model's manifest has it", "examples": [version]}
    said = f"{one.summary}, of one version"
    return replace(one, id=f"{one.id}OfVersion", path=path, summary=said, places={"version": shown})


def of_label(one: Operation, path: str) -> Operation:
    """The operation of the version that an alias of the function leads to."""
    shown = {**NAME, "description": "an alias of the function"}
    said = f"{one.summary}, of the version with a label"
    return replace(one, id=f"{one.id}OfLabel", path=path, summary=said, places={"label": shown})
