"""The conditions of PutItem: attribute_exists, attribute_not_exists and comparisons, joined by NOT, AND, OR.

Grammar: "Comparison operator and function reference", DynamoDB developer guide; paths of one name. What else the
guide has (BETWEEN, IN, size, nested paths …) is refused by name.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from ranklet.local.dynamodb.errors import Refused, invalid
from ranklet.local.dynamodb.items import Item, binary, check_value, number

PARAMETERS = {"ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"}
TOKEN = re.compile(r"\s*(<=|>=|<>|[()<>=,]|[:#]?[A-Za-z_][A-Za-z0-9_]*)")
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def require_condition(body: Mapping[str, Any], item: Item) -> None:
    """Refuse a write whose condition does not hold of the item that is there (empty where none is)."""
    expression = body.get("ConditionExpression")
    names, values = body.get("ExpressionAttributeNames", {}), body.get("ExpressionAttributeValues", {})
    if expression is None:
        if names or values:
            raise invalid("ExpressionAttributeValues can only be specified when using expressions")
        return
    parser = _Parser(str(expression), names, values, item)
    if not parser.whole():
        raise Refused("ConditionalCheckFailedException", "The conditional request failed")


class _Parser:
    """Reads and evaluates at once, by recursive descent; both sides of AND and OR are read, whatever the first says."""

    def __init__(self, text: str, names: Mapping[str, str], values: Mapping[str, Any], item: Item) -> None:
        self._text, self._names, self._values, self._item = text, names, values, item
        self._tokens = TOKEN.findall(text)
        if TOKEN.sub("", text).strip():
            raise self._unsupported()
        self._used: set[str] = set()

    def whole(self) -> bool:
        """The expression's truth."""
        truth = self._either()
        if self._tokens:
            raise self._unsupported()
        for what, given in (("Names", self._names), ("Values", self._values)):
            if unused := sorted(set(given) - self._used):
                raise invalid(
                    f"Value provided in ExpressionAttribute{what} unused in expressions: keys: {{{', '.join(unused)}}}"
                )
        return truth

    def _either(self) -> bool:
        truth = self._both()
        while self._word("OR"):
            truth = self._both() or truth
        return truth

    def _both(self) -> bool:
        truth = self._one()
        while self._word("AND"):
            truth = self._one() and truth
        return truth

    def _one(self) -> bool:
        if self._word("NOT"):
            return not self._one()
        if self._word("("):
            truth = self._either()
            self._need(")")
            return truth
        for function, present in (("attribute_exists", True), ("attribute_not_exists", False)):
            if self._word(function):
                self._need("(")
                name = self._name(self._next())
                self._need(")")
                return (name in self._item) is present
        left, compared, right = self._operand(), self._next(), self._operand()
        if compared not in COMPARISONS:
            raise self._unsupported()
        return _compare(COMPARISONS[compared], left, right)

    def _operand(self) -> Mapping[str, Any] | None:
        token = self._next()
        if not token.startswith(":"):
            return self._item.get(self._name(token))
        if token not in self._values:
            raise invalid(
                "Invalid ConditionExpression: An expression attribute value used in expression is not defined; "
                f"attribute value: {token}"
            )
        self._used.add(token)
        value: Mapping[str, Any] = self._values[token]
        check_value(value)
        return value

    def _name(self, token: str) -> str:
        if not token.startswith("#"):
            return token
        if token not in self._names:
            raise invalid(
                "Invalid ConditionExpression: An expression attribute name used in the document path is not defined; "
                f"attribute name: {token}"
            )
        self._used.add(token)
        return self._names[token]

    def _word(self, word: str) -> bool:
        if self._tokens and self._tokens[0].upper() == word.upper():
            self._tokens.pop(0)
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._word(word):
            raise self._unsupported()

    def _next(self) -> str:
        if not self._tokens:
            raise self._unsupported()
        return str(self._tokens.pop(0))

    def _unsupported(self) -> Refused:
        return invalid(
            f"the local server does not support the ConditionExpression {self._text!r}; use DynamoDB itself for it"
        )


def _compare(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    """An absent attribute compares with nothing; values of two types are different, and neither is less."""
    if left is None or right is None:
        return False
    ((kind, one),) = left.items()
    ((other, two),) = right.items()
    if kind != other:
        return compare is operator.ne
    if kind == "N":
        return compare(number(one), number(two))
    if kind == "B":
        return compare(binary(one), binary(two))
    return compare(one.encode(), two.encode()) if kind == "S" else compare(one, two)
