"""Items as DynamoDB counts and checks them.

Sizes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ranklet.local.dynamodb.errors import Refused, invalid

Item = Mapping[str, Mapping[str, Any]]
"""Attribute name → `{type: value}`, as on the wire."""

MAX_ITEM = 400 * 1024
MAX_KEY = 2048
READ_UNIT, WRITE_UNIT = 4096, 1024
TYPES = {"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"}
ONE_TYPE = "must contain exactly one of the supported datatypes"


def item_size(item: Item) -> int:
    """Bytes of an item: names in UTF-8 and values."""
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: Mapping[str, Any]) -> int:
    """Bytes of one attribute value. Numbers take a byte per two digits and one more."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "B":
        return len(binary(content))
    if kind == "N":
        return _number_size(content)
    if kind in ("SS", "NS", "BS"):
        return sum(value_size({kind[0]: member}) for member in content)
    if kind == "L":
        return 3 + sum(1 + value_size(member) for member in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + value_size(member) for name, member in content.items())
    return 1


def read_units(size: int, *, consistent: bool) -> float:
    """Read units of one item; an absent item (size 0) costs as much as a small one."""
    return max(1, -(-size // READ_UNIT)) * (1.0 if consistent else 0.5)


def write_units(size: int) -> float:
    """Write units of one item."""
    return float(max(1, -(-size // WRITE_UNIT)))


def check_item(item: Any) -> None:
    """Refuse values that are none, and items of more than 400 KB."""
    if not isinstance(item, dict):
        raise Refused("SerializationException", "Unexpected field type")
    for value in item.values():
        check_value(value)
    if item_size(item) > MAX_ITEM:
        raise invalid("Item size has exceeded the maximum allowed size")


def check_value(value: Any) -> None:
    """Refuse an attribute value that is not exactly one value of a known type."""
    if not isinstance(value, dict):
        raise Refused("SerializationException", "Unexpected value type in payload")
    if len(value) > 1:
        raise invalid(f"Supplied AttributeValue has more than one datatypes set, {ONE_TYPE}")
    if not value.keys() & TYPES:
        raise invalid(f"Supplied AttributeValue is empty, {ONE_TYPE}")
    ((kind, content),) = value.items()
    if kind in ("S", "N", "B") and not isinstance(content, str):
        raise Refused("SerializationException", f"{type(content).__name__} cannot be converted to String")
    if kind == "N":
        number(content)
    if kind == "B":
        binary(content)
    members = content.values() if kind == "M" else content if kind == "L" else ()
    for member in members:
        check_value(member)


def number(text: str) -> Decimal:
    """The number, or DynamoDB's refusal."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}") from error
    if not value.is_finite():
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    return value


def binary(text: str) -> bytes:
    """The bytes of a binary value."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise Refused("SerializationException", "Invalid base64 in a binary value") from error


def _number_size(text: str) -> int:
    value = number(text)
    digits = len(value.normalize().as_tuple().digits)
    return (digits + 1) // 2 + 1 + (value < 0)
