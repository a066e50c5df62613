"""What a model reads of a request, in an order and by names that its trees do not decide."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ranklet.importers.pmml import counted
from ranklet.importers.pmml.values import NUMERIC, Domain, Expr

if TYPE_CHECKING:
    from ranklet.importers.pmml.sources import Field

NUMBERS, ROWS = "numbers", "rows"


@dataclass(frozen=True)
class Reads:
    """What a model reads, in an order that its trees do not decide, so that one trained anew reads the same.

    plain: raw numbers, in the order of the fields. numbers, choices: features by their expression in JSON. counted:
    features that count terms.
    """

    plain: tuple[str, ...] = ()
    numbers: Mapping[str, tuple[str, Expr]] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, Expr, Domain]] = field(default_factory=dict)
    counted: Mapping[counted.Kind, counted.Group] = field(default_factory=dict)


Made = TypeVar("Made")


def ordered(found: Reads, fields: Mapping[str, Field], *, idle: bool) -> Reads:
    """The same in the order of the fields, with new names and the words of the file. idle: something needs a row for
    each one asked; then the first field is read where nothing else is."""
    plain, choices = found.plain, dict(found.choices)
    if idle and not (plain or choices or found.numbers or found.counted):
        plain = tuple(name for name, one in fields.items() if one.kind in NUMERIC)[:1]
        expr: Expr = ["field", next(iter(fields))]
        choices = {} if plain else {json.dumps(expr): ("", expr, Domain(open=True))}
    order = {name: at for at, name in enumerate(fields)}

    def place(key: str) -> tuple[list[int], str]:
        return [order[name] for name in fields_of(json.loads(key))], key

    taken = {NUMBERS}
    return Reads(
        plain,
        {key: (free(expr, taken, fields), expr) for key, (_, expr) in _sorted(found.numbers, place)},
        {
            key: (free(expr, taken, fields), expr, _listed(expr, domain, fields))
            for key, (_, expr, domain) in _sorted(choices, place)
        },
        {
            kind: counted.Group(free(found.counted[kind].text, taken, fields), kind, found.counted[kind].ordered())
            for kind in sorted(found.counted, key=lambda kind: (place(kind.text), str(kind)))
        },
    )


def _sorted(made: Mapping[str, Made], place: Callable[[str], tuple[list[int], str]]) -> list[tuple[str, Made]]:
    return [(key, made[key]) for key in sorted(made, key=place)]


def free(expr: Expr, taken: set[str], fields: Collection[str]) -> str:
    """A new feature's name. taken: gets it."""
    wanted = "_".join(fields_of(expr)[:2]) or "constant"
    name, number = wanted, 2
    while name in taken or name in fields or name == ROWS:
        name, number = f"{wanted}_{number}", number + 1
    taken.add(name)
    return name


def _listed(expr: Expr, domain: Domain, fields: Mapping[str, Field]) -> Domain:
    """The words that the field may have in the file's order, and then those that the model asks beyond."""
    if not domain.open:
        return domain
    name = plain_field(expr)
    valid = (fields[name].drawn.valid or ()) if name is not None else ()
    listed = [word for word in valid if isinstance(word, str)]
    made = Domain.of([*listed, *sorted(set(domain.words) - set(listed))])
    return Domain(made.words, open=True)


def plain_field(expr: Expr) -> str | None:
    """The one field whose words an expression passes on, whatever it makes of missing and invalid ones."""
    while expr[0] in ("check", "default", "missing", "require"):
        expr = expr[1]
    return str(expr[1]) if expr[0] == "field" else None


def fields_of(expr: Any) -> list[str]:
    """Raw fields that an expression reads, each once."""
    found: dict[str, None] = {}
    left = [expr]
    while left:
        one = left.pop()
        if isinstance(one, list) and one and one[0] == "field":
            found[one[1]] = None
        elif isinstance(one, list):
            left += reversed(one)
        elif isinstance(one, dict):
            left += reversed(list(one.values()))
    return list(found)
