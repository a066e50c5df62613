"""What a dialect tells OpenAPI of one path: a plain record, put into the document by `ranklet.openapi`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method of one path below the model's own prefix.

    path: as clients write it, `{model}` filled in; what is left in braces is a parameter of the path. request and
    answer: media type → schema. example: media type → a body that is answered 200. faults: the statuses besides 200.
    fault: the schema of a refusal. headers: of the request, name → schema. query: parameters, name → schema.
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


SCORING = (400, 404, 405, 413, 415, 422, 503)
"""What a path that scores may answer besides 200; 500 is a fault of ours and in every operation."""
TELLING = (404, 405)
"""What a path that describes may."""
