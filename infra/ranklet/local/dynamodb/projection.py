"""ProjectionExpression: which attributes of an item are answered. An item costs the same however little is asked for.

Grammar: "Projection expressions", DynamoDB developer guide; paths of names, `a.b` into maps. Places in lists (`a[0]`)
are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ranklet.local.dynamodb.errors import invalid
from ranklet.local.dynamodb.items import Item

PARAMETERS = {"ProjectionExpression", "ExpressionAttributeNames"}
NAME = re.compile(r"#[A-Za-z0-9_]+|[A-Za-z][A-Za-z0-9_]*")

Path = tuple[str, ...]


def paths(request: Mapping[str, Any]) -> Sequence[Path] | None:
    """The paths that a request names, None where it wants items whole. Refused when they cannot be followed."""
    expression, names = request.get("ProjectionExpression"), request.get("ExpressionAttributeNames", {})
    if expression is None:
        if names:
            raise invalid("ExpressionAttributeNames can only be specified when using expressions")
        return None
    steps = [[part.strip() for part in path.split(".")] for path in str(expression).split(",")]
    named = {part for path in steps for part in path}
    if bad := sorted(part for part in named if not NAME.fullmatch(part)):
        raise invalid(f"Invalid ProjectionExpression: the local server cannot read {bad[0]!r} in {expression!r}")
    if undefined := sorted(part for part in named if part.startswith("#") and part not in names):
        raise invalid(
            "Invalid ProjectionExpression: An expression attribute name used in the document path is not defined; "
            f"attribute name: {undefined[0]}"
        )
    if unused := sorted(set(names) - named):
        raise invalid(
            f"Value provided in ExpressionAttributeNames unused in expressions: keys: {{{', '.join(unused)}}}"
        )
    found = sorted(tuple(names.get(part, part) for part in path) for path in steps)
    for one, other in pairwise(found):
        if other[: len(one)] == one:
            raise invalid("Invalid ProjectionExpression: Two document paths overlap with each other")
    return found


def projected(item: Item, wanted: Sequence[Path] | None) -> Item:
    """What of an item is answered; a path that leads nowhere is left out."""
    if wanted is None:
        return item
    answer: dict[str, Any] = {}
    for path in wanted:
        _copy(item, answer, path)
    return answer


def _copy(source: Mapping[str, Any], target: dict[str, Any], path: Path) -> None:
    name, rest = path[0], path[1:]
    value = source.get(name)
    if value is None:
        return
    if not rest:
        target[name] = value
        return
    inside: dict[str, Any] = target.get(name, {"M": {}})["M"]
    _copy(value.get("M", {}), inside, rest)
    if inside:
        target[name] = {"M": inside}
