"""An input that contradicts itself is found when the spec is compiled."""

from __future__ import annotations

from typing import Any

import pytest
from features_support import plan_of

from ranklet_features import Input, SpecError


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"side": "items"}, "side is 'items'; allowed: user, context, item"),
        ({"type": "str"}, "type is 'str'; allowed: int, float, string"),
        ({"nan": "ignore"}, "nan is 'ignore'; allowed: refuse, default, allow"),
        ({"list": True, "length": 3}, "list and length exclude each other"),
        ({"length": 0}, "length is for vectors of at least one int or float"),
        ({"length": True}, "length is for vectors"),
        ({"type": "string", "length": 2}, "length is for vectors"),
        ({"type": "int", "nan": "allow"}, 'nan = "allow" is for floats; int values are never NaN'),
        ({"nan": "default"}, 'nan = "default" needs a default'),
        ({"nan": "default", "list": True, "default": [1.0]}, 'nan = "default" cannot replace one element of a list'),
        ({"default": "1"}, "its default does not fit: a number is expected, not the string '1'"),
        ({"default": True}, "its default does not fit: a number is expected, not the bool True"),
        ({"type": "int", "default": 1.0}, "its default does not fit: an int is expected"),
        ({"type": "int", "default": 2**63}, "its default does not fit: an int beyond 64 bits"),
        ({"default": [1.0]}, "its default does not fit: a number is expected, not a list"),
        ({"default": float("nan")}, "its default does not fit: a finite number is expected"),
        ({"nan": "default", "default": float("inf")}, "its default does not fit: a finite number is expected"),
        ({"list": True, "default": 1.0}, "its default does not fit: a list of numbers is expected"),
        ({"length": 2, "default": [1.0]}, "its default does not fit: a vector of 2 numbers is expected, got 1"),
    ],
)
def test_a_contradiction_is_named(fields: dict[str, Any], message: str) -> None:
    declared = Input(**{"side": "user", **fields})
    with pytest.raises(SpecError) as caught:
        plan_of({"age": declared}, {})
    assert str(caught.value).startswith(f"input 'age': {message}")
