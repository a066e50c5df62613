"""The raw columns: what each is read as, and the features that make tensors of them.

Numbers are one dense feature, of which the graph takes the columns that it wants. Text, and whole numbers that are only
names, become ids by a vocabulary; a missing text stands in it as a word of its own. Lists of texts become bags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
import orjson
from onnx import TensorProto, helper

from ranklet.errors import ImportRefused
from ranklet.importers.proposal import ProposedInput
from ranklet.importers.sklearn.drawing import REACHES, Drawn
from ranklet.importers.tape import DOUBLE, Tape

MISSING = "\x00missing"
"""Of a text: no caller sends it."""
NUMBERS, VECTOR = "numbers", "features"
INLINE = 24
"""Words of a vocabulary that stand in model.toml; longer ones are files."""
MAX_COLUMNS = 1 << 16

Form = Literal["frame", "array", "terms", "dicts"]
"""A DataFrame, an array, a list of lists of texts, a list of dicts."""


@dataclass
class Column:
    """One raw column. kind: what it is read as (`terms`: a list of texts). missing: whether the library takes none.
    known: values met. default: of a missing number."""

    name: str
    kind: str | None = None
    missing: bool = True
    strange: bool = True
    known: list[Any] = field(default_factory=list)
    numeric: bool = False
    default: float | None = None

    def meet(self, values: Sequence[Any]) -> None:
        """Keep values that are new."""
        self.known = list(dict.fromkeys([*self.known, *values]))


class Sources:
    """names: of the columns, in order. form: how the library takes rows; an array knows no names."""

    def __init__(self, names: Sequence[str], *, form: Form, tape: Tape) -> None:
        if not 1 <= len(names) <= MAX_COLUMNS:
            raise ImportRefused(f"reads {len(names)} columns; served are 1 to {MAX_COLUMNS}")
        self.names, self.form, self._tape = list(names), form, tape
        self.columns = [Column(name) for name in names]
        self.features: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.notes: list[str] = []
        self.analysed: dict[int, str] = {}
        self._wanted: list[tuple[str, list[int]]] = []
        self._ids: dict[tuple[Any, ...], str] = {}
        self.reach = REACHES[0]

    def numbers(self, columns: Sequence[int]) -> str:
        """Columns as doubles [n, k]."""
        for column in columns:
            self._read_as(column, "int" if self.columns[column].kind == "int" else "float")
            self.columns[column].numeric = True
        name = self._tape.later()
        self._wanted.append((name, list(columns)))
        return self._tape.op("Gather", NUMBERS, name, axis=1)

    def ids(self, column: int, words: Sequence[str] | Sequence[int], *, strange: bool, missing: bool) -> str:
        """Ids int64 [n]: of the words, then of a missing text, then of all else unless that is an error."""
        text = not words or isinstance(words[0], str)
        self._read_as(column, "string" if text else "int")
        found = self.columns[column]
        found.missing &= missing and text
        found.strange &= strange
        found.meet(words)
        key = (column, tuple(words), strange)
        if key not in self._ids:
            vocabulary = self._vocabulary([*words, MISSING] if text else list(words))
            oov = {} if strange else {"oov": "error"}
            self._ids[key] = self._feature(column, {"kind": "category", "vocabulary": vocabulary, **oov})
        return self._ids[key]

    def terms(self, column: int, words: Sequence[str]) -> str:
        """Ids int64 [n, L] of a list of texts; what is none of the words, or not there, is the one after the last."""
        self._listed(column, words)
        return self._feature(column, {"kind": "bag", "vocabulary": self._vocabulary(list(words)), "pad": len(words)})

    def hashed(self, column: int, count: int) -> str:
        """Ids int64 [n, L] of a list of texts: twice the place, and 1 where it is subtracted; 2 · count is none."""
        self._listed(column, ())
        return self._feature(column, {"kind": "bag", "buckets": 2 * count, "hash": "murmur3", "pad": 2 * count})

    def _listed(self, column: int, words: Sequence[str]) -> None:
        self._read_as(column, "terms")
        found = self.columns[column]
        found.missing = False
        found.meet(words)

    def hint(self, column: int, values: Any) -> None:
        """Numbers worth trying in a column."""
        if not self.columns[column].strange:
            return
        finite = np.asarray(values, np.float64)
        room = max(0, 400 - len(self.columns[column].known))
        self.columns[column].known += finite[np.isfinite(finite)][:room].tolist()

    def only(self, column: int, values: Any) -> None:
        """A column of numbers that takes no other ones than these."""
        self.columns[column].known = np.asarray(values, np.float64).tolist()
        self.columns[column].strange = False

    def settle(self) -> None:
        """Say where the numbers stand, once all of the model was read."""
        order = {column: at for at, column in enumerate(self._numeric())}
        for name, columns in self._wanted:
            places = [order[column] for column in columns]
            if places == list(range(len(order))):
                self._tape.waive(name)
            else:
                self._tape.settle(name, np.array(places, np.int64))

    @property
    def vector(self) -> bool:
        """Whether callers send one vector: columns without names that are all numbers."""
        return self.form == "array" and all(column.kind in (None, "float") for column in self.columns)

    def graph_inputs(self, used: set[str]) -> list[onnx.ValueInfoProto]:
        """Inputs of the graph."""
        width = len(self.columns) if self.vector else len(self._numeric())
        found = [helper.make_tensor_value_info(NUMBERS, DOUBLE, ["n", width])] if NUMBERS in used else []
        return found + [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["n", None] if fields["kind"] == "bag" else ["n"])
            for name, fields in self.features.items()
            if name in used
        ]

    def proposed(self, used: set[str]) -> tuple[dict[str, ProposedInput], dict[str, Mapping[str, Any]]]:
        """Lines of [inputs] and of [features] for the graph's inputs that are used."""
        features: dict[str, Mapping[str, Any]] = {}
        if NUMBERS in used:
            of = VECTOR if self.vector else [self.names[column] for column in self._numeric()]
            features[NUMBERS] = {"kind": "dense", "of": of, "dtype": "float64"}
        features |= {name: fields for name, fields in self.features.items() if name in used}
        if self.vector:
            return {VECTOR: self._vector()}, features
        read = {
            of
            for fields in features.values()
            for of in ([fields["of"]] if isinstance(fields["of"], str) else fields["of"])
        }
        return {column.name: self._input(column) for column in self.columns if column.name in read}, features

    def _numeric(self) -> list[int]:
        if self.vector:
            return list(range(len(self.columns)))
        return [index for index, column in enumerate(self.columns) if column.numeric]

    def _vector(self) -> ProposedInput:
        missing = all(column.missing for column in self.columns)
        fields = {"type": "float", "length": len(self.columns), **({"nan": "allow"} if missing else {})}
        drawn = tuple(self.drawn(column, missing=missing) for column in self.columns)
        return ProposedInput(fields, Drawn(drawn, self.reach).vectors)

    def drawn(self, column: Column, *, missing: bool) -> tuple[Any, ...]:
        """What `Drawn` wants of a column."""
        kind = column.kind or "float"
        return (kind, tuple(column.known), missing and kind != "int", column.strange)

    def _input(self, column: Column) -> ProposedInput:
        if column.kind == "terms":
            return ProposedInput(
                {"type": "string", "list": True}, Drawn((self.drawn(column, missing=False),), self.reach).values
            )
        fields: dict[str, Any] = {"type": column.kind or "float"}
        if column.kind == "string" and column.missing:
            fields["default"] = MISSING
        if fields["type"] == "float" and column.missing:
            fields |= {"nan": "allow"} if column.default is None else {"nan": "default", "default": column.default}
        return ProposedInput(fields, Drawn((self.drawn(column, missing=column.missing),), self.reach).values)

    def _read_as(self, column: int, kind: str) -> None:
        found = self.columns[column]
        if found.kind not in (None, kind) and {found.kind, kind} != {"int", "float"}:
            raise ImportRefused(f"column {found.name!r} is read as {found.kind} and as {kind}; give it two columns")
        found.kind = "int" if "int" in (found.kind, kind) else kind

    def _feature(self, column: int, fields: Mapping[str, Any]) -> str:
        name = self._free(f"{self.names[column]}_id")
        self.features[name] = {"of": self.names[column], **fields}
        return name

    def _vocabulary(self, words: list[Any]) -> Any:
        """In place, or the name of its file."""
        if len(words) <= INLINE:
            return words
        file = f"vocabularies/{len(self.files)}.json"
        try:
            self.files[file] = orjson.dumps(words)
        except TypeError as error:
            raise ImportRefused(f"holds a word without a UTF-8 form: {error}") from error
        return file

    def _free(self, name: str) -> str:
        taken = {NUMBERS, *self.features}
        return (
            name if name not in taken else next(f"{name}_{i}" for i in range(2, 10_000) if f"{name}_{i}" not in taken)
        )
