"""What a stage may look at while it is compiled: the columns before it, its own ends, and the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.mleap.attributes import Floats
from ranklet.importers.mleap.nodes import Node
from ranklet.importers.mleap.sources import Field, Sources
from ranklet.importers.mleap.values import Dense, Hashed, Hot, Numbers, Part, Text, Value, Words
from ranklet.importers.tape import Tape

MAX_WIDTH = 1 << 20
MOST_HASHED = 1 << 11


@dataclass(frozen=True)
class Predicted:
    """What a model told. prediction: double [n, 1]. classes: 0 of a regression. ranks: of two classes, the second one's
    probability or margin, double [n, 1]. probability: of all classes, double [n, classes]."""

    node: Node
    prediction: str
    classes: int = 0
    ranks: str | None = None
    probability: str | None = None


@dataclass
class Context:
    """columns: by name, what stages made. dropped: masks bool [n, 1] of rows without a score. read: names of columns
    that some stage read. models: in order."""

    sources: Sources
    columns: dict[str, Value] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    models: list[Predicted] = field(default_factory=list)

    @property
    def tape(self) -> Tape:
        """Where the graph is written."""
        return self.sources.tape

    def input(self, node: Node, port: str) -> str:
        """The name of the column at a port."""
        if port not in node.inputs:
            node.refuse(f"has no input {port!r}; it has {sorted(node.inputs)}")
        self.read.add(node.inputs[port])
        return node.inputs[port]

    def numbers(self, node: Node, port: str, width: int | None = None) -> Numbers:
        """Numbers at a port. width: how many the stage takes, None for a scalar.

        Raises ImportRefused for texts, and for another number of them.
        """
        name = self.input(node, port)
        found = self.columns.get(name)
        if found is None:
            if width not in (None, 1) and name in self.sources.fields:
                node.refuse(f"reads {width} numbers of {name!r}, which is an id")
            found = self.columns[name] = self._raw(name, width)
        if not isinstance(found, Numbers):
            node.refuse(f"reads {name!r} as numbers, and it is text")
        if found.width != (width or 1):
            node.refuse(f"reads {width or 1} numbers of {name!r}, which has {found.width}")
        return found

    def vector(self, node: Node, port: str = "input") -> Numbers:
        """A vector of any width, which an earlier stage made, or a raw scalar."""
        made = self.columns.get(node.inputs.get(port, ""))
        return self.numbers(node, port, made.width if isinstance(made, Numbers) else None)

    def text(self, node: Node, port: str) -> str:
        """The raw field of texts at a port."""
        name = self.input(node, port)
        found = self.columns.setdefault(name, Text(name))
        if not isinstance(found, Text) or self.sources.text(name).kind != "text":
            node.refuse(f"reads {name!r} as text, and it is not")
        return name

    def terms(self, node: Node, port: str) -> str:
        """The raw field of lists of texts at a port."""
        name = self.input(node, port)
        if name in self.columns or name in self.sources.fields:
            node.refuse(f"reads {name!r} as a list of texts, and it is none")
        self.columns[name] = Text(name)
        self.sources.fields[name] = Field("terms", loose=True)
        return name

    def known(self, node: Node, port: str, ids: Sequence[int]) -> str:
        """The place of a whole number among the ids, behind the last of an unknown one: int64 [n, 1]."""
        name, tape = self.input(node, port), self.tape
        if name not in self.columns and name not in self.sources.loose:
            return self.sources.known(name, ids)
        codes, strange = self._integers(self.dense(self.numbers(node, port)))
        places: dict[str, Any] = {
            "keys_int64s": list(ids),
            "values_int64s": list(range(len(ids))),
            "default_int64": len(ids),
        }
        return tape.op("Where", strange, [len(ids)], tape.op("LabelEncoder", codes, domain="ai.onnx.ml", **places))

    def _raw(self, name: str, width: int | None) -> Numbers:
        if width is None or width == 1:
            return Numbers((Dense(self.sources.number(name), 1),), scalar=True, loose=name in self.sources.loose)
        return Numbers((Dense(self.sources.vector(name, width), width),))

    def give(self, node: Node, port: str, value: Value) -> None:
        """What the stage makes at a port; nothing where the node does not name it."""
        if isinstance(value, Numbers) and value.width > MAX_WIDTH:
            node.refuse(f"makes {value.width} columns; served are {MAX_WIDTH}")
        if port in node.outputs:
            self.columns[node.outputs[port]] = value

    def give_tensor(self, node: Node, port: str, tensor: str, width: int | None = None) -> None:
        """A tensor of doubles; width None for a scalar [n, 1]."""
        self.give(node, port, Numbers((Dense(tensor, width or 1),), scalar=width is None))

    def drop(self, mask: str) -> None:
        """Rows of which nothing is told."""
        self.dropped.append(mask)

    # What stages need of the graph.

    def dense(self, numbers: Numbers) -> str:
        """All of them side by side: double [n, width]."""
        return self.tape.joined([self._spread(part) for part in numbers.parts])

    def _spread(self, part: Part) -> str:
        if isinstance(part, Dense):
            return part.tensor
        if isinstance(part, Hot):
            places = np.arange(part.width, dtype=np.int64)[None]
            return self.tape.doubles(self.tape.op("Equal", part.codes, self.tape.constant(places)))
        if part.width > MOST_HASHED:
            raise ImportRefused(
                f"a stage that is no linear model reads {part.width} hashed columns; served are {MOST_HASHED}"
            )
        return self.product(Numbers((part,)), np.eye(part.width))

    def product(self, numbers: Numbers, weights: Floats) -> str:
        """Σ number · weights [width, k]: double [n, k]."""
        found, at = list[str](), 0
        for part in numbers.parts:
            rows = np.ascontiguousarray(weights[at : at + part.width])
            at += part.width
            if isinstance(part, Dense):
                found.append(self.tape.op("MatMul", part.tensor, rows))
                continue
            table = np.concatenate([rows, np.zeros((1, rows.shape[1]))])
            for codes in part.codes if isinstance(part, Hashed) else ():
                each = self.tape.op("Gather", table, codes, axis=0)
                found.append(self.tape.op("ReduceSum", each, [1], keepdims=0))
            if isinstance(part, Hot):
                found.append(self.tape.op("Gather", table, self.tape.op("Reshape", part.codes, [-1]), axis=0))
            for number, place in part.numbers if isinstance(part, Hashed) else ():
                found.append(self.tape.op("Mul", number, rows[place][None]))
        return self.tape.added(found)

    def whole(self, values: str, below: int) -> tuple[str, str]:
        """(codes int64, mask bool) [n, 1] of doubles: whole numbers of 0 … below - 1; others are 0, and in the mask."""
        tape = self.tape
        inside = tape.op("And", tape.op("GreaterOrEqual", values, 0.0), tape.op("Less", values, float(below)))
        inside = tape.op("And", inside, tape.op("Equal", values, tape.op("Floor", values)))
        codes = tape.op("Cast", tape.op("Where", inside, values, 0.0), to=7)
        return codes, tape.op("Not", inside)

    def _integers(self, values: str) -> tuple[str, str]:
        """(whole numbers int64, mask bool) [n, 1] of doubles; what is none, or 2³² and more, is 0, and in the mask."""
        tape = self.tape
        inside = tape.op(
            "And", tape.op("Less", tape.op("Abs", values), 2.0**32), tape.op("Equal", values, tape.op("Floor", values))
        )
        return tape.op("Cast", tape.op("Where", inside, values, 0.0), to=7), tape.op("Not", inside)

    def words(self, codes: str, words: Sequence[str]) -> Words:
        """Codes that callers read as words."""
        self.tape.kinds[codes] = 7
        return Words(codes, tuple(words))
