"""What callers send for each column of a model, and what the graph gets: all numbers as one matrix, words as codes.

A word that the model does not know is missing, as H2O's wrapper has it (convertUnknownCategoricalLevelsToNa); models of
an ensemble may know different words of one column: each looks its own levels up by the same codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import orjson
from numpy.typing import NDArray
from onnx import TensorProto, helper

from ranklet.errors import ImportRefused
from ranklet.importers.h2o.mojo import Domain, Mojo
from ranklet.importers.tape import DOUBLE, Tape
from ranklet_features.expressions.values import MISSING_TEXT

Floats = NDArray[np.float64]

NUMBERS = "numbers"
INLINE = 24
"""Words of a vocabulary that stand in model.toml; longer ones are files."""

NAN = float("nan")
TURNS, FAR = 200, 1e15
"""Of a column's numbers worth trying."""


@dataclass(frozen=True)
class Number:
    """tensor: double [n, 1], NaN where it is missing. column: that it is, None for what was computed."""

    tensor: str
    column: str | None = None


@dataclass(frozen=True)
class Level:
    """codes: int64 [n], 0 missing, beyond the words unknown. domain: the levels that the model knows. places: word →
    the level that it is."""

    codes: str
    column: str
    domain: Domain
    places: Mapping[str, int] = field(hash=False)


Cell = Number | Level


class Columns:
    """Raw columns that a model has read so far, and their tensors. needed: without which it has no answer. turns:
    numbers worth trying."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.numbers: dict[str, str] = {}
        self.words: dict[str, dict[str, int]] = {}
        self._cells: dict[str, Number] = {}
        self._runs: dict[tuple[str, ...], str] = {}
        self._tables: list[tuple[str, Level, Floats]] = []
        self._known: dict[tuple[Any, ...], str] = {}
        self._given: dict[str, str] = {}
        self.turns: dict[str, list[float]] = {}
        self.needed: set[str] = set()

    def cells(self, mojo: Mojo) -> list[Cell]:
        """One for each feature of a model, in its order."""
        return [self.cell(name, mojo.domains.get(at)) for at, name in enumerate(mojo.features)]

    def cell(self, name: str, domain: Domain | None) -> Cell:
        """A column. Raises ImportRefused where two models disagree on what it is."""
        return self._number(name) if domain is None else self.level(name, domain, _places(name, domain))

    def level(self, name: str, domain: Domain, places: Mapping[str, int]) -> Level:
        """A column of words, each of which is one of the levels."""
        if name in self.numbers:
            raise ImportRefused(f"column {name!r} is a number to one model and categories to another")
        if name not in self.words:
            self.words[name], self._given[name] = {}, self._feature(name)
        known = self.words[name]
        for word in places:
            known.setdefault(word, len(known) + 1)
        return Level(self._given[name], name, domain, places)

    def hint(self, cell: Cell, turn: float) -> None:
        """A number worth trying."""
        name = cell.column
        if isinstance(cell, Level) or name is None or abs(turn) >= FAR:
            return
        if len(self.turns.setdefault(name, [])) < TURNS:
            self.turns[name].append(turn)

    def _number(self, name: str) -> Number:
        if name in self.words:
            raise ImportRefused(f"column {name!r} is a number to one model and categories to another")
        if name not in self._cells:
            self.numbers[name] = self.tape.later()
            self._cells[name] = Number(self.tape.op("Gather", NUMBERS, self.numbers[name], axis=1), name)
        return self._cells[name]

    def _feature(self, name: str) -> str:
        made, number = f"{name}_level", 2
        while made in (NUMBERS, *self._given.values()):
            made, number = f"{name}_level_{number}", number + 1
        return made

    def lookup(
        self, level: Level, values: Floats, missing: Floats | float, *, unknown: Floats | float | None = None
    ) -> str:
        """values [levels, k], of each level. missing, unknown: of none, and of a word that is none. Double [n, k]."""
        width = (1, values.shape[1])
        ends = [np.broadcast_to(missing if one is None else one, width) for one in (missing, unknown)]
        table = np.vstack([values, *ends])
        key = (level.column, tuple(level.places.items()), table.tobytes())
        if key not in self._known:
            self._known[key] = self.tape.later()
            self._tables.append((self._known[key], level, table))
        return self.tape.op("Gather", self._known[key], level.codes, axis=0)

    def double(self, cell: Cell) -> str:
        """As `score0` has it: the number, or the place of the level; NaN where it is missing. [n, 1]."""
        if isinstance(cell, Number):
            return cell.tensor
        return self.lookup(cell, np.arange(len(cell.domain), dtype=np.float64)[:, None], NAN)

    def matrix(self, cells: Sequence[Cell]) -> str:
        """Several of them side by side, [n, k]; columns of numbers that stand together are gathered at once."""
        parts, run = list[str](), list[str]()
        for cell in cells:
            if isinstance(cell, Number) and cell.column is not None:
                run.append(cell.column)
                continue
            parts += [self._gathered(run)] if run else []
            parts.append(self.double(cell))
            run = []
        return self.tape.joined([*parts, self._gathered(run)] if run else parts)

    def _gathered(self, names: Sequence[str]) -> str:
        key = tuple(names)
        if key not in self._runs:
            self._runs[key] = self.tape.later()
        return self.tape.op("Gather", NUMBERS, self._runs[key], axis=1)

    def rows(self) -> str:
        """Zeros double [n, 1]: for models that read nothing, and still have a row for each one asked."""
        found = next(iter(self._cells.values()), None)
        if found is not None:
            return self.tape.doubles(self.tape.op("IsInf", self.tape.op("Mul", found.tensor, 0.0)))
        if not self._given:
            raise ImportRefused("the model reads no column")
        codes = self.tape.op("Reshape", next(iter(self._given.values())), [-1, 1])
        return self.tape.op("Mul", self.tape.doubles(codes), 0.0)

    def settle(self, used: set[str]) -> None:
        """Say where plain numbers stand and which codes have which levels, once all of the model was read.

        used: tensors that the outputs are made of; callers need not send a number that is none of them.
        """
        runs = {names: constant for names, constant in self._runs.items() if constant in used}
        read = {name for names in runs for name in names}
        self.numbers = {name: one for name, one in self.numbers.items() if one in used or name in read}
        places = {name: at for at, name in enumerate(self.numbers)}
        for name, at in places.items():
            self.tape.settle(self.numbers[name], np.array([at], np.int64))
        for names, constant in runs.items():
            self.tape.settle(constant, np.array([places[name] for name in names], np.int64))
        for name, level, table in self._tables:
            words = self.words[level.column]
            rows = np.full(len(words) + 2, len(table) - 1, np.int64)
            rows[0] = len(table) - 2
            for word, place in level.places.items():
                rows[words[word]] = place
            self.tape.settle(name, table[rows])

    def graph_inputs(self, used: set[str]) -> list[onnx.ValueInfoProto]:
        """Inputs of the graph that are used."""
        make = helper.make_tensor_value_info
        wide = [make(NUMBERS, DOUBLE, ["n", len(self.numbers)])] if NUMBERS in used else []
        return wide + [make(name, TensorProto.INT64, ["n"]) for name in self._given.values() if name in used]

    def features(self, used: set[str], files: dict[str, bytes]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Lines of [features] for the graph's inputs that are used. files: gets the vocabularies that are long."""
        if NUMBERS in used:
            yield NUMBERS, {"kind": "dense", "of": list(self.numbers), "dtype": "float64"}
        for column, name in self._given.items():
            if name in used:
                expr = orjson.dumps(["field", column]).decode()
                words = _words(name, list(self.words[column]), files)
                yield name, {"kind": "expression", "of": [column], "expr": expr, "vocabulary": words}


def _places(name: str, domain: Domain) -> dict[str, int]:
    """H2O takes a word also without its column's name, where the level has it before."""
    short = {word.removeprefix(f"{name}."): at for at, word in enumerate(domain)}
    return short | {word: at for at, word in enumerate(domain)}


def _words(name: str, words: list[str], files: dict[str, bytes]) -> Any:
    if len(words) <= INLINE:
        return words or [MISSING_TEXT]  # a vocabulary is never empty
    files[f"vocabularies/{name}.json"] = orjson.dumps(words)
    return f"vocabularies/{name}.json"
