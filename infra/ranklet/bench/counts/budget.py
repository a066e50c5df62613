"""budget.toml: how far each count may go. What is above it is named with its culprit, and ends CI.

A count that grows for a good reason gets a new budget in the same change, where a reviewer sees it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ranklet.bench.base import Row

FILE = Path(__file__).with_name("budget.toml")


def read(file: Path = FILE) -> dict[str, float]:
    """Figure → the most that it may be."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: float(most) for name, most in table["budget"].items()}


def over(rows: Sequence[Row], budget: Mapping[str, float], culprits: Mapping[str, str]) -> Iterator[str]:
    """A line for each count above its budget. culprits: by figure, what the count is made of or grew by."""
    for row in rows:
        most = budget.get(row.figure)
        if row.value is not None and most is not None and row.value > most:
            culprit = culprits.get(row.figure, "")
            yield (
                f"{row.figure} is {row.value:g}, its budget {most:g}"
                f"{': ' + culprit if culprit else ''}. Make it smaller, or raise it in {FILE.name} and say what it buys"
            )
