"""A kind's options: a mapping from model.toml or manifest.json → its frozen `Options` record.

The build checks the same records with msgspec; this check is for Lambda and training, where msgspec is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ranklet_features.kinds.base import Scope


def read(record: type, options: Mapping[str, Any], scope: Scope) -> Any:
    """An instance of `record`. Raises SpecError for an unknown, absent or wrongly typed option."""
    known = {field.name: field for field in fields(record)}
    allowed = ", ".join(known) or "none"
    if unknown := sorted(options.keys() - known.keys()):
        raise scope.error(f"unknown option {unknown[0]!r}; allowed: {allowed}")
    required = [name for name, field in known.items() if field.default is MISSING and field.default_factory is MISSING]
    if absent := [name for name in required if name not in options]:
        raise scope.error(f"option {absent[0]!r} is missing; allowed: {allowed}")
    hints = get_type_hints(record)
    for name, value in options.items():
        if not _fits(value, hints[name]):
            raise scope.error(f"option {name!r} is {value!r}, but must be {_show(hints[name])}")
    return record(**{name: tuple(value) if isinstance(value, list) else value for name, value in options.items()})


def _fits(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, choice) for choice in get_args(hint))
    if origin is Literal:
        return type(value) is str and value in get_args(hint)
    if origin is tuple:
        return isinstance(value, list | tuple) and _all_fit(value, get_args(hint))
    if hint is float:
        return type(value) in (int, float)
    return type(value) is hint


def _all_fit(values: Any, hints: tuple[Any, ...]) -> bool:
    if hints[-1] is Ellipsis:
        return all(_fits(value, hints[0]) for value in values)
    return len(values) == len(hints) and all(map(_fits, values, hints))


def _show(hint: Any) -> str:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return " or ".join(_show(choice) for choice in get_args(hint) if choice is not type(None))
    if origin is Literal:
        return " | ".join(map(repr, get_args(hint)))
    if origin is tuple:
        items = get_args(hint)
        return f"a list of {_show(items[0])}" if items[-1] is Ellipsis else f"a list of {len(items)} {_show(items[0])}"
    return str(hint.__name__)
