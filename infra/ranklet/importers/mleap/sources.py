"""Raw fields, each typed by the first stage that reads it, and the features that feed the graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
import orjson
from onnx import TensorProto, helper

from ranklet.importers.tape import DOUBLE, Tape
from ranklet_features.expressions.values import MISSING_TEXT

NUMBERS = "numbers"
INLINE = 24
"""Words of a vocabulary that stand in model.toml; longer ones are files."""
INT64 = int(TensorProto.INT64)
Kind = Literal["number", "vector", "text", "terms", "id"]


@dataclass
class Field:
    """A raw field. loose: may be missing. known: words or numbers worth trying. strangers: other words may come.

    low, high: numbers outside of them are refused.
    """

    kind: Kind
    width: int = 1
    loose: bool = False
    known: list[Any] = field(default_factory=list)
    strangers: bool = True
    low: float = -np.inf
    high: float = np.inf

    @property
    def fields(self) -> dict[str, Any]:
        """Its line of [inputs]."""
        if self.kind == "text":
            return {"type": "string", **({"default": MISSING_TEXT} if self.loose else {})}
        if self.kind == "terms":
            return {"type": "string", "list": True, "default": []}
        if self.kind == "id":
            return {"type": "int"}
        size = {"length": self.width} if self.kind == "vector" else {}
        return {"type": "float", **size, **({"nan": "allow"} if self.loose else {})}

    def draw(self, random: np.random.Generator, count: int) -> list[Any]:
        """As the protocol `Draw` says."""
        if self.kind == "vector":
            return [self._numbers(random, self.width) for _ in range(count)]
        if self.kind == "terms":
            return [[("a", "b", "new")[at] for at in random.integers(0, 3, at % 4)] for at in range(count)]
        if self.kind == "number":
            found: list[Any] = self._numbers(random, count)
        elif self.kind == "id":
            found = [[*self.known, max(self.known) + 1][at] for at in random.integers(0, len(self.known) + 1, count)]
        else:
            words = [*self.known, *(["never seen", ""] if self.strangers else [])] or ["a"]
            found = [words[at] for at in random.integers(0, len(words), count)]
        gone = random.random(count) < (0.08 if self.loose else 0)
        return [None if none else value for value, none in zip(found, gone, strict=True)]

    def _numbers(self, random: np.random.Generator, count: int) -> list[float]:
        if self.known:
            picked = np.array(self.known, np.float64)[random.integers(0, len(self.known), count)]
            found = np.where(random.random(count) < 0.5, picked, picked + random.normal(size=count))
            return np.clip(found, self.low, self.high).tolist()  # type: ignore[no-any-return]
        found = np.round(random.normal(size=count) * random.choice([1.0, 3.0], count), 3)
        return np.clip(found, self.low, self.high).tolist()  # type: ignore[no-any-return]


class Sources:
    """loose: names of fields that some stage reads with missing values in them."""

    def __init__(self, tape: Tape, loose: frozenset[str]) -> None:
        self.tape, self.loose = tape, loose
        self.fields: dict[str, Field] = {}
        self._plain: dict[str, tuple[str, str]] = {}
        self._features: dict[str, tuple[Mapping[str, Any], Sequence[str | int] | None, onnx.ValueInfoProto]] = {}

    def number(self, name: str) -> str:
        """A scalar: double [n, 1], a column of the one feature that holds all of them."""
        if name not in self._plain:
            self.fields.setdefault(name, Field("number", loose=name in self.loose))
            place = self.tape.later()
            self._plain[name] = (place, self.tape.op("Gather", NUMBERS, place, axis=1))
        return self._plain[name][1]

    def vector(self, name: str, width: int) -> str:
        """A raw vector: double [n, width]."""
        self.fields[name] = Field("vector", width)
        line = {"kind": "dense", "of": name, "dtype": "float64"}
        return self._feature(name, line, None, DOUBLE, width)

    def bounded(self, name: str, low: float, high: float, *, missing: bool) -> str:
        """A scalar that is refused where it is not between these bounds, or not there: double [n, 1]."""
        self.number(name)
        one = self.fields[name]
        one.low, one.high = max(one.low, low), min(one.high, high)
        ends = [end if np.isfinite(end) else None for end in (low, high)]
        checked = ["check", ["field", name], {"intervals": [[*ends, "closedClosed"]]}, "error"]
        made = {
            "kind": "expression",
            "of": [name],
            "expr": orjson.dumps(checked if missing else ["require", checked]).decode(),
        }
        return self.tape.op("Reshape", self._feature(name, made, None, DOUBLE), [-1, 1])

    def text(self, name: str) -> Field:
        """A raw text."""
        if name not in self.fields:
            self.fields[name] = Field("text", loose=name in self.loose, strangers=False)
        return self.fields[name]

    def place(self, name: str, words: Sequence[str]) -> str:
        """The place of a text among the words: int64 [n, 1]. A row with another one is refused."""
        self.hint(name, words)
        made = self._feature(name, {"kind": "category", "of": name, "oov": "error"}, words, INT64)
        return self.tape.op("Reshape", made, [-1, 1])

    def code(self, name: str, words: Sequence[str]) -> str:
        """int64 [n, 1]: 0 of a missing text, 1 … of the words, one more of all others."""
        self.hint(name, words)
        self.fields[name].strangers = True
        line = {"kind": "expression", "of": [name], "expr": orjson.dumps(["field", name]).decode()}
        return self.tape.op("Reshape", self._feature(name, line, words, INT64), [-1, 1])

    def known(self, name: str, ids: Sequence[int]) -> str:
        """The place of a whole number among the ids, behind the last of an unknown one: int64 [n, 1]."""
        self.fields.setdefault(name, Field("id"))
        self.hint(name, ids)
        return self.tape.op("Reshape", self._feature(name, {"kind": "category", "of": name}, ids, INT64), [-1, 1])

    def terms(self, name: str, count: int, seed: int) -> str:
        """The texts of a list by their hashes: twice |hash| modulo the count, and 1 of a hash below 0; int64 [n, L].

        -1 stands behind the end of a list.
        """
        line = {"kind": "bag", "of": name, "hash": "murmur3", "seed": seed, "buckets": 2 * count, "pad": -1}
        return self._feature(name, line, None, INT64, "length")

    def bucket(self, name: str, column: str, count: int) -> str:
        """The bucket of `column=text`: double [n, 1], NaN of a missing text."""
        self.hint(name, ("a", "b"))
        self.fields[name].strangers = True
        joined = ["call", "concat", [["constant", f"{column}="], ["field", name]], {}]
        hashed = ["call", "murmur3", [joined, ["constant", count]], {}]
        made = ["call", "if", [["call", "isMissing", [["field", name]], {}], ["nothing", "integer"], hashed], {}]
        line = {"kind": "expression", "of": [name], "expr": orjson.dumps(made).decode()}
        return self.tape.op("Reshape", self._feature(name, line, None, DOUBLE), [-1, 1])

    def hint(self, name: str, known: Sequence[Any]) -> None:
        """Values worth trying, of a raw field."""
        found = self.fields[name].known
        found += [one for one in known[:200] if one not in found][: max(0, 200 - len(found))]

    def settle(self) -> None:
        """Say where plain numbers stand, once all stages were read."""
        for at, (place, _) in enumerate(self._plain.values()):
            self.tape.settle(place, np.array([at], np.int64))

    def graph_inputs(self, used: set[str]) -> list[onnx.ValueInfoProto]:
        """Inputs of the graph that are used."""
        wide = [helper.make_tensor_value_info(NUMBERS, DOUBLE, ["n", len(self._plain)])] if NUMBERS in used else []
        return [*wide, *(one for name, (_, _, one) in self._features.items() if name in used)]

    def features(self, used: set[str], files: dict[str, bytes]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Lines of [features] for the graph's inputs that are used. files: gets the vocabularies that are long."""
        if NUMBERS in used:
            yield NUMBERS, {"kind": "dense", "of": list(self._plain), "dtype": "float64"}
        for name, (line, words, _) in self._features.items():
            if name in used:
                yield name, line if words is None else {**line, "vocabulary": _vocabulary(name, words, files)}

    def _feature(
        self,
        of: str,
        line: Mapping[str, Any],
        words: Sequence[str | int] | None,
        dtype: int,
        width: int | str | None = None,
    ) -> str:
        for name, (other, known, _) in self._features.items():
            if other == line and (known is words or known == words):
                return name
        taken = {NUMBERS, *self._features, *self.fields}
        name = next(one for one in _names(f"{of}_feature") if one not in taken)
        shape: list[str | int | None] = ["n"] if width is None else ["n", width]
        self._features[name] = (line, words, helper.make_tensor_value_info(name, dtype, shape))
        return name


def _names(wanted: str) -> Iterator[str]:
    yield wanted
    yield from (f"{wanted}_{number}" for number in range(2, 1 << 20))


def _vocabulary(name: str, words: Sequence[str | int], files: dict[str, bytes]) -> Any:
    if len(words) <= INLINE:
        return list(words)
    file = f"vocabularies/{len(files)}.json"
    files[file] = orjson.dumps(list(words))
    return file
