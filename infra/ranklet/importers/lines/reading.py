"""A text file line by line, and the numbers in it; what cannot be read is refused by its line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan
from pathlib import Path

from ranklet.errors import ImportRefused

MAX_LINE = 1 << 20
LARGEST = 3.4028234e38
"""Of a 32-bit float, which engines store."""

Numbered = Iterator[tuple[str, str]]
"""(place, text) of each line."""


def numbered(path: Path, remedy: str) -> Numbered:
    """The lines without their ends. Raises ImportRefused for one that is over-long, or no UTF-8."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            if len(line) == MAX_LINE:
                raise ImportRefused(f"line {number} has more than {MAX_LINE} bytes; {remedy}")
            try:
                yield f"line {number}", line.rstrip(b"\r\n").decode("utf-8")
            except UnicodeDecodeError as error:
                raise ImportRefused(f"line {number} is no UTF-8 text: {error.reason}; {remedy}") from error


def numbers(texts: Sequence[str], place: str) -> list[float]:
    """Weights of a line. Raises ImportRefused for a text that is no number, or none of 32 bits."""
    try:
        found = list(map(float, texts))
    except ValueError:
        found = []
    # A NaN makes the sum one; of those that min and max see, none is.
    if (
        found
        and not isnan(sum(found))
        and -LARGEST <= min(found) <= max(found) <= LARGEST
        and "_" not in "".join(texts)
    ):
        return found
    if not texts:
        return []
    wrong = next(text for text in texts if not _is_weight(text))
    raise ImportRefused(f"{place}: {wrong[:20]!r} is no finite number of 32 bits; train again")


def _is_weight(text: str) -> bool:
    try:
        return -LARGEST <= float(text) <= LARGEST and "_" not in text
    except ValueError:
        return False
