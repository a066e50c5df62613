"""The text of `--readable_model`: a header of lines, then `index:weight` lines.

Written by vw/core/parse_regressor.cc (save_load_header) and gd.cc (save_load_regressor, or with the optimiser's state
save_load_online_state). Of state, only the weight counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.lines.reading import Numbered, numbered, numbers
from ranklet.importers.vowpal.header import Header
from ranklet_runtime.engines.base import Array

CONSTANT = 11650396
"""The index of the constant feature (vw/core/constant.h)."""

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
    lines = numbered(path, "save it with --readable_model")
    header = Header.read(lines)
    found = _weights(lines, header)
    index = np.fromiter(found, np.int64, len(found))
    weight = np.fromiter(found.values(), np.float32, len(found))
    order = np.argsort(index)
    kept = order[weight[order] != 0]
    return Vowpal(header, index[kept], weight[kept])


def _weights(lines: Numbered, header: Header) -> dict[int, float]:
    found: dict[int, float] = {}
    limit = 1 << header.bits
    for place, line in _after(_state(lines), lines):
        if not line:
            continue
        name, colon, rest = line.partition(":")
        texts = rest.split(" ")
        if not (colon and name.isdigit() and name.isascii()) or len(texts) > 8:
            raise ImportRefused(f"{place} is {line[:60]!r}, no index:weight; {header.remedy}")
        index = int(name) if len(name) < 20 else limit
        if index >= limit:
            raise ImportRefused(f"{place}: index {name[:20]} lies beyond {header.bits} bits; {header.remedy}")
        if index in found:
            raise ImportRefused(f"{place}: index {index} comes twice; {header.remedy}")
        (found[index],) = numbers(texts[:1], place)
        if len(found) > MOST_WEIGHTS:
            raise ImportRefused(f"{place}: more than {MOST_WEIGHTS} weights; train with fewer bits (-b) or with --l1")
    return found


def _after(first: tuple[str, str] | None, lines: Numbered) -> Numbered:
    if first is not None:
        yield first
    yield from lines


def _state(lines: Numbered) -> tuple[str, str] | None:
    """Pass over the optimiser's numbers; what comes after them is the first weight."""
    place, line = next(lines, ("the end", ""))
    if line not in (":0", ":1"):
        raise ImportRefused(f"{place} is {line[:60]!r}, where :0 or :1 stands; save it with --readable_model")
    if line == ":0":
        return None
    for place, line in lines:
        name, _, value = line.rpartition(" ")
        if name not in STATE:
            if name and not name[:1].isdigit():
                raise ImportRefused(f"{place}: {name[:40]!r} is unknown; save the model with --predict_only_model")
            return place, line
        if name in NEUTRAL and numbers([value], place) != [NEUTRAL[name]]:
            raise ImportRefused(
                f"{place}: {name} is {value}: --l1 or --l2 are not in the weights yet; save the model with "
                "--predict_only_model, which applies them"
            )
    return None
