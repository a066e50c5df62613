"""The data dictionary: raw fields, their types, and which of their values are valid, invalid or mean a missing one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ranklet.importers.pmml.markup import Element, number, refuse
from ranklet.importers.pmml.values import NUMERIC, Kind

KINDS: Mapping[str, Kind] = {
    "double": "double",
    "float": "float",
    "integer": "integer",
    "string": "string",
    "boolean": "boolean",
    "date": "string",
    "time": "string",
    "dateTime": "string",
}
"""Data types that are served; dates come as text in ISO form, and date functions read them."""


@dataclass(frozen=True)
class DataField:
    """One raw field. categorical: by its optype. date: the data type of dates, None of all else.

    valid: the only valid values, None where all are. intervals: (low, high, closure) of valid numbers, None where all
    are. gone: values that mean a missing one. bad: values that are invalid.
    """

    name: str
    kind: Kind
    element: Element
    categorical: bool
    date: str | None
    valid: tuple[Any, ...] | None
    intervals: tuple[tuple[float | None, float | None, str], ...] | None
    gone: tuple[Any, ...]
    bad: tuple[Any, ...]


def read(root: Element) -> dict[str, DataField]:
    """Raw fields by name. Raises ImportRefused naming the field that is not served."""
    found: dict[str, DataField] = {}
    for element in root.need("DataDictionary").all("DataField"):
        one = _field(element)
        if one.name in found:
            refuse(element, f"is the second one called {one.name!r}")
        found[one.name] = one
    return found


def kind_of(element: Element) -> Kind:
    """The type that an element's dataType names. Raises ImportRefused for one that is not served."""
    return KINDS[element.choice("dataType", tuple(KINDS))]


def typed(element: Element, written: str, kind: Kind) -> Any:
    """A value as the file writes it, in its type. Raises ImportRefused."""
    if kind in NUMERIC:
        found = number(element, written, "the value")
        return int(found) if kind == "integer" and found == int(found) else found
    if kind == "boolean":
        if written.lower() not in ("true", "false"):
            refuse(element, f"has the value {written[:40]!r}, which must be true or false")
        return written.lower()
    return written


def _field(element: Element) -> DataField:
    kind = kind_of(element)
    optype = element.choice("optype", ("continuous", "categorical", "ordinal"))
    if element.get("isCyclic", "0") == "1":
        refuse(element, "is cyclic, which is not served")
    values: dict[str, list[Any]] = {"valid": [], "invalid": [], "missing": []}
    for value in element.all("Value"):
        if kind in NUMERIC and value.get("value") == "NaN" and value.get("property") == "missing":
            continue  # as it is without a word of it
        values[value.choice("property", tuple(values), "valid")].append(typed(value, value.name("value"), kind))
    intervals = tuple(_interval(one) for one in element.all("Interval"))
    if intervals and kind not in NUMERIC:
        refuse(element, "has intervals of values that are no numbers")
    written = element.name("dataType")
    return DataField(
        name=element.name("name"),
        kind=kind,
        element=element,
        categorical=optype != "continuous",
        date=written if written in ("date", "time", "dateTime") else None,
        valid=tuple(values["valid"]) or None,
        intervals=intervals or None,
        gone=tuple(values["missing"]),
        bad=tuple(values["invalid"]),
    )


def _interval(element: Element) -> tuple[float | None, float | None, str]:
    closures = ("openOpen", "openClosed", "closedOpen", "closedClosed")
    low, high = (
        number(element, written, side) if (written := element.get(side)) is not None else None
        for side in ("leftMargin", "rightMargin")
    )
    return low, high, element.choice("closure", closures)
