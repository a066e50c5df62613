"""Lines scored by Vowpal Wabbit itself, where the author names a model that it can load, else by its formula."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.lines.inputs import Raw
from ranklet.importers.lines.oracle import Line, OfLines
from ranklet.importers.lines.template import Token
from ranklet.importers.vowpal import spaces
from ranklet.importers.vowpal.reading import Vowpal

PRIME = 16777619
LINKS = {"identity": lambda x: x, "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "exp": math.exp}


def of(model: Vowpal, tokens: Sequence[Token], inputs: dict[str, Raw], binary: str | None) -> OfLines:
    """binary: the model that `vw -i` loads. Raises ImportRefused where it, or vowpalwabbit, is absent."""
    read = spaces.read_tokens(model.header, tokens)
    if binary is None:
        return OfLines("Vowpal Wabbit's formula, line by line", read, inputs, Formula(model, read))
    library = Library.open(Path(binary))
    return OfLines(library.name, read, inputs, library)


@dataclass(frozen=True)
class Library:
    """Vowpal Wabbit on the file that `-f` wrote."""

    name: str
    workspace: Any

    @classmethod
    def open(cls, path: Path) -> Library:
        """Raises ImportRefused."""
        if not path.is_file():
            raise ImportRefused(f"-o binary={path.name}: no such file; name the model that vw wrote with -f")
        try:
            library = importlib.import_module("vowpalwabbit")  # an extra, and only to be asked
        except ImportError as error:
            raise ImportRefused(
                "-o binary asks Vowpal Wabbit itself, which is not installed: pip install vowpalwabbit"
            ) from error
        try:
            workspace = library.Workspace(f"-t -i {path} --quiet", enable_logging=False)
        except RuntimeError as error:
            raise ImportRefused(f"-o binary={path.name}: Vowpal Wabbit does not load it; name what -f wrote") from error
        return cls(f"vowpalwabbit {library.__version__}", workspace)

    def __call__(self, lines: Sequence[Line]) -> list[float]:
        return [float(self.workspace.predict(written(line))) for line in lines]


def written(line: Line) -> str:
    """A line as Vowpal Wabbit reads it; a namespace that comes again goes on."""
    parts: list[str] = []
    last: str | None = None
    for feature in line:
        if feature.token.space != last:
            last = feature.token.space
            parts.append(f"|{last}")
        parts.append(f"{feature.name}:{feature.x!r}")
    return " ".join(parts) or "|"


class Formula:
    """Sums in 64 bits over a dict of weights."""

    def __init__(self, model: Vowpal, tokens: Sequence[Token]) -> None:
        self.model, self.header = model, model.header
        self.weights = dict(zip(model.index.tolist(), model.weight.tolist(), strict=True))
        self.last = (1 << self.header.bits) - 1
        self.interactions = list(
            spaces.interactions(self.header, list(dict.fromkeys(spaces.space_of(token) for token in tokens)))
        )

    def __call__(self, lines: Sequence[Line]) -> list[float]:
        return [self.score(line) for line in lines]

    def score(self, line: Line) -> float:
        """Of one line."""
        found: dict[str, list[tuple[int, float]]] = {}
        for feature in line:
            seed = spaces.seed_of(self.header, feature.token.space)
            at = spaces.index(self.header, feature.name, seed)
            found.setdefault(spaces.space_of(feature.token), []).append((at, feature.x))
        logit = self.model.constant
        for name, pairs in found.items():
            if name not in self.header.unweighed:
                logit += sum(self.weights.get(at, 0.0) * x for at, x in pairs)
        for names in self.interactions:
            logit += self._met(names, [found.get(name, []) for name in names])
        clipped = min(max(logit, self.header.low), self.header.high)
        return float(LINKS[self.header.link](clipped))

    def _met(self, names: tuple[str, ...], parts: list[list[tuple[int, float]]]) -> float:
        total = 0.0
        for places in product(*(range(len(part)) for part in parts)):
            steps = zip(names, names[1:], places, places[1:], strict=False)
            if any(one == other and left > right for one, other, left, right in steps):
                continue
            index, x = 0, 1.0
            for part, place in zip(parts, places, strict=True):
                at, value = part[place]
                index, x = ((index * PRIME) ^ at) & self.last, x * value
            total += self.weights.get(index, 0.0) * x
        return total
