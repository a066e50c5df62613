"""The text of `--readable_model`: a header of lines, then `index:weight` lines.

Written by vw/core/parse_regressor.cc (save_load_header) and gd.cc (save_load_regressor, or with the optimiser's state
save_load_online_state). Of state, only the weight counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.vowpal.header import Header
from ranklet_runtime.engines.base import Array

CONSTANT = 11650396
"""The index of the constant feature (vw/core/constant.h)."""

MAX_LINE = 100_000
MOST_WEIGHTS = 1 << 26
DENSE_BITS = 22
"""Up to so many bits all weights are stored, the zeros too: 16 MB."""

STATE = frozenset(
    (
        "initial_t",
        "norm normalizer",
        "t",
        "sum_loss",
        "sum_loss_since_last_dump",
        "dump_interval",
        "min_label",
        "max_label",
        "weighted_labeled_examples",
        "weighted_labels",
        "weighted_unlabeled_examples",
        "example_number",
        "total_features",
        "total_weight",
        "sd::oec.weighted_labeled_examples",
        "current_pass",
        "l1_state",
        "l2_state",
        "ftrl_size",
    )
)
"""The optimiser's numbers, which say nothing of predictions but for `NEUTRAL`."""

NEUTRAL = {"l1_state": 0.0, "l2_state": 1.0}
"""Regularisation that is not yet in the weights, unless they are these."""


@dataclass(frozen=True)
class Vowpal:
    """index, weight: of all weights that are not 0, ascending."""

    header: Header
    index: NDArray[np.int64] = field(repr=False)
    weight: NDArray[np.float32] = field(repr=False)

    @property
    def constant(self) -> float:
        """The weight of the constant feature."""
        if self.header.noconstant:
            return 0.0
        at = int(np.searchsorted(self.index, self.constant_index))
        return float(self.weight[at]) if at < len(self.index) and self.index[at] == self.constant_index else 0.0

    @property
    def constant_index(self) -> int:
        """Where it lies."""
        return CONSTANT & ((1 << self.header.bits) - 1)

    def arrays(self) -> Mapping[str, Array]:
        """As the engine `hashed` has them."""
        bias = np.array([self.constant], np.float32)
        if self.header.bits > DENSE_BITS and len(self.index):
            return {"bias": bias, "index": self.index.astype(np.float64), "w": self.weight}
        dense = np.zeros(1 << min(self.header.bits, DENSE_BITS), np.float32)
        dense[self.index] = self.weight
        return {"bias": bias, "w": dense}


def read(path: Path) -> Vowpal:
    """Raises ImportRefused naming the line, or the option of the header, that is not served."""
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            return _read(file)
    except UnicodeDecodeError as error:
        raise ImportRefused(f"{path.name} is no UTF-8 text: {error.reason}; save it with --readable_model") from error


def _read(file: TextIO) -> Vowpal:
    lines = _lines(file)
    header = Header.read(lines)
    found, place = _weights(lines, header)
    index = np.fromiter(found, np.int64, len(found))
    with np.errstate(over="ignore"):
        weight = np.fromiter(found.values(), np.float64, len(found)).astype(np.float32)
    if not np.isfinite(weight).all():
        raise ImportRefused(f"{place}: the weight of index {index[~np.isfinite(weight)][0]} is beyond 32 bits")
    order = np.argsort(index)
    kept = order[weight[order] != 0]
    return Vowpal(header, index[kept], weight[kept])


def _lines(file: TextIO) -> Iterator[tuple[str, str]]:
    """(place, text) of each line."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise ImportRefused(f"line {number} has more than {MAX_LINE} characters; save it with --readable_model")
        yield f"line {number}", line.rstrip("\n")


def _weights(lines: Iterator[tuple[str, str]], header: Header) -> tuple[dict[int, float], str]:
    found: dict[int, float] = {}
    place, saved = _state(lines)
    limit = 1 << header.bits
    for place, line in _after(saved, lines):
        if not line:
            continue
        name, colon, rest = line.partition(":")
        numbers = rest.split(" ")
        if not (colon and name.isdigit() and name.isascii()) or len(numbers) > 8:
            raise ImportRefused(f"{place} is {line[:60]!r}, no index:weight; {header.remedy}")
        index = int(name) if len(name) < 20 else limit
        if index >= limit:
            raise ImportRefused(f"{place}: index {name[:20]} lies beyond {header.bits} bits; {header.remedy}")
        if index in found:
            raise ImportRefused(f"{place}: index {index} comes twice; {header.remedy}")
        found[index] = number(numbers[0], place, line)
        if len(found) > MOST_WEIGHTS:
            raise ImportRefused(f"{place}: more than {MOST_WEIGHTS} weights; train with fewer bits (-b) or with --l1")
    return found, place


def _after(first: tuple[str, str] | None, lines: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    if first is not None:
        yield first
    yield from lines


def _state(lines: Iterator[tuple[str, str]]) -> tuple[str, tuple[str, str] | None]:
    """Pass over the optimiser's numbers; what comes after them is the first weight."""
    place, line = next(lines, ("the end", ""))
    if line not in (":0", ":1"):
        raise ImportRefused(f"{place} is {line[:60]!r}, where :0 or :1 stands; save it with --readable_model")
    if line == ":0":
        return place, None
    for place, line in lines:
        name, _, value = line.rpartition(" ")
        if name not in STATE:
            if name and not name[:1].isdigit():
                raise ImportRefused(f"{place}: {name[:40]!r} is unknown; save the model with --predict_only_model")
            return place, (place, line)
        if name in NEUTRAL and number(value, place, line) != NEUTRAL[name]:
            raise ImportRefused(
                f"{place}: {name} is {value}: --l1 or --l2 are not in the weights yet; save the model with "
                "--predict_only_model, which applies them"
            )
    return place, None


def number(text: str, place: str, line: str) -> float:
    """A finite number. Raises ImportRefused."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ImportRefused(f"{place} is {line[:60]!r}: {text[:20]!r} is no finite number; train again")
    return found
