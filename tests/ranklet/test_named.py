"""The variable by which a function names its tables."""

from __future__ import annotations

import pytest

from ranklet import named
from ranklet.errors import BundleError


@pytest.mark.parametrize("names", [(), ("ranklet-b-2",), ("ranklet-b-2", "ranklet-a-1")])
def test_names_come_back_from_the_variable(names: tuple[str, ...]) -> None:
    text = named.variable(names)
    assert text
    assert named.tables(text) == frozenset(names)


def test_more_names_than_lambdas_environment_holds_are_refused() -> None:
    with pytest.raises(BundleError, match="60 tables have names of"):
        named.variable(f"ranklet-{'x' * 48}-{number:012x}" for number in range(60))
