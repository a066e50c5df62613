"""The acceptance test: a split ships only if it gives the uncut graph's outputs, on inputs made to refute it.

N in {1, 2, 3, 17, 64, 257}; the user's inputs are random, all zero ids, all −1 where the uncut graph takes it, and all
the highest id; items hold duplicates and extremes. Item rows are computed in batches of another composition (reversed,
7 at a time) than they are scored in, which no statistic over a batch survives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ranklet.graph.feeds import InputKind
from ranklet.graph.records import Array, Columns, Feeds, Piece, Sides
from ranklet.graph.running import RunFailed, Runner
from ranklet.graph.three import PLACES

NUMBERS = (1, 2, 3, 17, 64, 257)
PORTION = 7
"""Items are put through the item graph so many at a time."""

STYLES = ("random", "zero", "minus one", "highest", "outside")


class Refuted(Exception):
    """The split does not give the uncut graph's outputs; the message says on which input."""


@dataclass(frozen=True)
class Acceptance:
    """What the test covered. worst: the largest |difference| of any output; skipped: inputs that the uncut graph
    refuses itself."""

    trials: int
    worst: float
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Runners of the three graphs. pack: what is done to an item's values between build and request."""

    user: Runner | None
    item: Runner | None
    cross: Runner
    pack: Callable[[dict[str, Array]], dict[str, Array]] = dict

    def run(self, feeds: Feeds, pieces: tuple[Piece | None, Piece | None, Piece], sides: Sides) -> dict[str, Array]:
        """As a request is served: the user once, item rows looked up, the candidates last. feeds: the original
        inputs, N rows each."""
        inputs = arranged(feeds, pieces, sides)
        values = dict(inputs)
        if self.user is not None:
            values |= self.user.run(inputs)
        if self.item is not None:
            values |= self.pack(self._rows(inputs, pieces[1]))
        return self.cross.run(values)

    def _rows(self, inputs: Feeds, piece: Piece | None) -> dict[str, Array]:
        assert self.item is not None and piece is not None
        names = [port.name for port in piece.inputs]
        count = len(inputs[names[0]])
        backwards = np.arange(count)[::-1]
        runs = []
        for start in range(0, count, PORTION):
            chosen = backwards[start : start + PORTION]
            runs.append(self.item.run({name: inputs[name][chosen] for name in names}))
        return {name: np.concatenate([run[name] for run in runs])[::-1] for name in runs[0]}


def arranged(feeds: Feeds, pieces: tuple[Piece | None, ...], sides: Sides) -> dict[str, Array]:
    """The compiled graphs' inputs from the original ones: columns chosen, one row of what is the user's."""
    found: dict[str, Array] = {}
    for piece in pieces:
        for name, source in piece.sources.items() if piece is not None else ():
            value = feeds[source.name]
            if source.columns is not None:
                value = np.ascontiguousarray(value[:, list(source.columns)])
            port = next(p for p in piece.inputs if p.name == name) if piece is not None else None
            once = port is not None and bool(port.shape) and port.shape[0] == 1 and _users(source.name, name, sides)
            found[name] = value[:1] if once else value
    return found


def _users(source: str, name: str, sides: Sides) -> bool:
    side = sides[source]
    return PLACES[side] == "user" if isinstance(side, str) else name.endswith(".user")


def trials(
    kinds: tuple[InputKind, ...], sides: Sides, extents: tuple[str, ...], seed: int
) -> Iterator[tuple[str, dict[str, Array]]]:
    """Named feeds: the original inputs with N rows, the user's all alike."""
    random = np.random.default_rng(seed)
    for count in NUMBERS:
        for style in STYLES if count in (3, 17) else STYLES[:1]:
            for length in (1, 5) if extents else (1,):
                sizes = {"": count, **dict.fromkeys(extents, length)}
                name = f"N = {count}, {style}" + (f", extents {length}" if extents else "")
                yield name, {kind.name: _feed(kind, sides[kind.name], sizes, style, random) for kind in kinds}


def _feed(
    kind: InputKind, side: str | tuple[Columns, ...], sizes: Mapping[str, int], style: str, random: np.random.Generator
) -> Array:
    value = kind.random(sizes, random)
    if kind.limit is not None and style != "random":
        extreme = {"zero": 0, "minus one": -1, "highest": kind.limit - 1, "outside": kind.limit + 3}[style]
        rows = slice(None) if side in ("user", "context") else slice(0, None, 2)
        value[rows] = extreme
    elif len(value) > 3 and style == "random":
        value[1] = value[0]
    return _tiled(value, side) if "" in kind.shape else value


def tiled(feeds: Feeds, sides: Sides) -> dict[str, Array]:
    """The same with the first user in every row."""
    return {name: _tiled(value, sides[name]) for name, value in feeds.items()}


def _tiled(value: Array, side: str | tuple[Columns, ...]) -> Array:
    if not value.ndim:
        return value
    if isinstance(side, str):
        return np.repeat(value[:1], len(value), 0) if PLACES[side] == "user" else value  # type: ignore[index]
    for columns in side:
        if PLACES[columns.side] == "user":
            value[:, columns.start : columns.stop] = value[:1, columns.start : columns.stop]
    return value


def difference(found: Feeds, wanted: Feeds) -> float:
    """The largest |found − wanted|, relative where |wanted| > 1. Infinite where shapes, dtypes or NaNs disagree."""
    worst = 0.0
    for name, reference in wanted.items():
        value = found[name]
        if value.shape != reference.shape or value.dtype != reference.dtype:
            return float("inf")
        if reference.dtype.kind != "f":
            worst = max(worst, 0.0 if np.array_equal(value, reference) else float("inf"))
        elif reference.size:
            same = (value == reference) | (np.isnan(value) & np.isnan(reference))
            with np.errstate(invalid="ignore"):
                gap = np.where(same, 0, np.abs(value - reference) / np.maximum(1, np.abs(reference)))
            worst = max(worst, float("inf") if np.isnan(gap).any() else float(gap.max()))
    return worst


def accept(
    original: Callable[[Feeds], dict[str, Array]],
    found: Callable[[Feeds], dict[str, Array]],
    given: Iterator[tuple[str, dict[str, Array]]],
    tolerance: float,
) -> Acceptance:
    """Run both on all feeds. Raises Refuted at a difference above the tolerance, or where only the split fails."""
    count, worst, skipped = 0, 0.0, []
    for name, feeds in given:
        wanted = _attempt(original, feeds)
        if wanted is None:
            skipped.append(name)
            continue
        try:
            gap = difference(found(feeds), wanted)
        except RunFailed as error:
            raise Refuted(f"{name}: the split fails where the uncut graph does not: {error}") from error
        if not gap <= tolerance:
            raise Refuted(f"{name}: outputs differ by {gap:.2g}, allowed is {tolerance:.0e}")
        count, worst = count + 1, max(worst, gap)
    if any(name.endswith("random") or "random," in name for name in skipped):
        raise Refuted(f"the uncut graph itself refuses {', '.join(s for s in skipped if 'random' in s)}")
    return Acceptance(count, worst, tuple(skipped))


def _attempt(run: Callable[[Feeds], dict[str, Array]], feeds: Feeds) -> dict[str, Array] | None:
    """None where the graph refuses its inputs."""
    try:
        return run(feeds)
    except RunFailed:
        return None
