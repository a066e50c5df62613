"""libFM's text models (`-save_model`): factorisation machines over indices.

Three parts, each after a line that names it: `#global bias W0`, `#unary interactions Wj`, and `#pairwise interactions
Vj,f`; the first two may be missing, by `-dim` (src/fm_core/fm_model.h: saveModel). The file does not say what was
learnt: a regression's scores are clipped to the targets of the training file, a classification's pass the sigmoid
(src/libfm/src/fm_learn_sgd.h: predict).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.lines import proposing, template
from ranklet.importers.lines.reading import numbered, numbers
from ranklet.importers.lines.weights import Weights
from ranklet.importers.proposal import Proposal, Wishes

EXAMPLE = "{user_id+0} {movie_id+943} {genre_ids*+2625} 2644:{year}"
REMEDY = "give the file that libFM wrote with -save_model"
BIAS, UNARY, PAIRS = "#global bias W0", "#unary interactions Wj", "#pairwise interactions Vj,f"
PARTS = (BIAS, UNARY, PAIRS)


def recognises(path: Path, head: bytes) -> bool:
    """As the protocol says."""
    return path.is_file() and any(head.startswith(part.encode()) for part in PARTS)


def propose(path: Path, wishes: Wishes) -> Proposal:
    """As the protocol says. options: line, names; task: c or r, and of it method, or low and high."""
    options = wishes.only(template.LINE, proposing.NAMES, "task", "method", "low", "high")
    more = _task(options)
    return proposing.propose(read(path, more), options, trainer="libFM", example=EXAMPLE)


def read(path: Path, more: Mapping[str, object]) -> Weights:
    """Raises ImportRefused naming the line that is none of such a model."""
    parts = _Parts()
    for place, line in numbered(path, REMEDY):
        parts.take(place, line)
    return parts.weights(more)


@dataclass
class _Parts:
    """What was read. at: the part that lines belong to."""

    at: str = ""
    bias: list[float] = field(default_factory=list)
    w: array[float] = field(default_factory=lambda: array("f"))
    v: array[float] = field(default_factory=lambda: array("f"))
    rows: int = 0

    def take(self, place: str, line: str) -> None:
        """One line."""
        if line.startswith("#"):
            if line not in PARTS or (self.at and PARTS.index(line) <= PARTS.index(self.at)):
                raise ImportRefused(
                    f"{place} is {line[:60]!r}; the parts are {', '.join(PARTS)}, in this order; {REMEDY}"
                )
            self.at = line
            return
        found = numbers(line.split(), place)
        if self.at == PAIRS:
            if self.rows and len(found) * self.rows != len(self.v):
                raise ImportRefused(
                    f"{place} has {len(found)} factors, lines before it {len(self.v) // self.rows}; {REMEDY}"
                )
            self.v.extend(found)
            self.rows += 1
        elif len(found) != 1 or not self.at or (self.at == BIAS and self.bias):
            raise ImportRefused(f"{place} is {line[:60]!r}, where {self.at or PARTS[0]!r} has one number; {REMEDY}")
        else:
            (self.bias if self.at == BIAS else self.w).extend(found)

    def weights(self, more: Mapping[str, object]) -> Weights:
        """All that the file has. Raises ImportRefused for one that was cut off."""
        if self.at != PAIRS or not self.rows:
            raise ImportRefused(f"the file ends before {PAIRS!r}; {REMEDY}")
        if self.w and len(self.w) != self.rows:
            raise ImportRefused(f"it has {len(self.w)} unary and {self.rows} pairwise interactions; {REMEDY}")
        if not self.w and not self.v:
            raise ImportRefused(f"it has no weights at all; {REMEDY}")
        w = np.frombuffer(self.w, np.float32) if self.w else None
        v = np.frombuffer(self.v, np.float32).reshape(self.rows, -1) if self.v else None
        return Weights(self.bias[0] if self.bias else 0.0, w, v, more=more)


def _task(options: Mapping[str, str]) -> dict[str, object]:
    """The engine's options. Raises ImportRefused unless they say what libFM did."""
    task = options.get("task")
    if task == "r":
        ends = {name: numbers([options[name]], f"-o {name}")[0] for name in ("low", "high") if name in options}
        if ends.get("low", -math.inf) > ends.get("high", math.inf):
            raise ImportRefused(f"-o low is {ends['low']:g} and high {ends['high']:g}; give the smaller one as low")
        return {"link": "identity", **ends}
    if task != "c":
        raise ImportRefused(
            "the file does not say what was learnt: give -o task=c or -o task=r (regression), for which "
            "-o low=… -o high=… are the smallest and the largest target of the training file, to which libFM clips"
        )
    if options.get("method") not in ("sgd", "sgda"):
        raise ImportRefused(
            "-o task=c: give -o method=sgd or sgda, whose scores pass the sigmoid; als gives a normal distribution's, "
            "which is not served: train with -method sgd, or rank by its raw sums with -o task=r"
        )
    if unused := sorted({"low", "high"} & set(options)):
        raise ImportRefused(f"-o {unused[0]} is for -o task=r: a classification's scores are not clipped")
    return {"link": "sigmoid"}
