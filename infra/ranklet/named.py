"""How a deployed function names the table versions that it reads: one variable of its environment.

A published version keeps its environment, so `ranklet tables prune` can ask Lambda which versions are still needed.
"""

from __future__ import annotations

from collections.abc import Iterable

from ranklet.errors import BundleError

TABLES_VARIABLE = "RANKLET_TABLES"
"""Physical names, joined by commas."""

NO_TABLE = "none"
"""A function that reads no table says so: one without the variable is not known to read none."""

MOST = 3500
"""Characters: Lambda grants all variables of a function 4 KB."""


def variable(physicals: Iterable[str]) -> str:
    """The variable's value. Raises BundleError for more tables than Lambda's environment has room for."""
    text = ",".join(sorted(physicals)) or NO_TABLE
    if len(text) > MOST:
        raise BundleError(
            f"{text.count(',') + 1} tables have names of {len(text)} characters, {MOST} fit into a function's "
            "environment; give tables shorter names, or pack some into one"
        )
    return text


def tables(text: str) -> frozenset[str]:
    """The physical names in the variable's value."""
    return frozenset(name for name in text.split(",") if name and name != NO_TABLE)
