"""What a model's elements may look at while they are compiled: names, the graph, and the types of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.reads import fields_of
from ranklet.importers.pmml.sources import Sources
from ranklet.importers.pmml.values import FALSE, NUMERIC, TRUE, Choice, Domain, Kind, Number, Raw, Value
from ranklet.importers.tape import Tape

Later = Callable[[], Value]
NAN = np.array(np.nan)


@dataclass
class Context:
    """One scope of names. later: name → what makes its value, asked once, when something reads it.

    functions: DefineFunction by name, of the whole file. floats: of a model whose arithmetic is of 32 bits.
    ordinal: raw fields whose words have an order, and these. calls: functions of the file that this is within.
    """

    sources: Sources
    functions: Mapping[str, Element]
    later: dict[str, Later] = field(default_factory=dict)
    parent: Context | None = None
    floats: bool = False
    ordinal: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    calls: tuple[str, ...] = ()
    _known: dict[str, Value] = field(default_factory=dict)
    _asked: list[str] = field(default_factory=list)

    @property
    def tape(self) -> Tape:
        """Where the graph is written."""
        return self.sources.tape

    def below(self, *, floats: bool | None = None) -> Context:
        """A scope of its own, which knows this one's names."""
        return Context(self.sources, self.functions, {}, self, self.floats if floats is None else floats, self.ordinal)

    def below_or_above(self, name: str, operator: str, word: str, element: Element) -> list[str]:
        """The words of an ordinal raw field for which a comparison holds. Raises ImportRefused for another field."""
        value = self.value(name, element)
        words = self.ordinal.get(name, ())
        if not isinstance(value, Raw) or name not in fields_of(value.expr) or word not in words:
            refuse(element, f"compares the words of {name!r} by {operator}, which have no order")
        at = words.index(word)
        return list(
            {
                "lessThan": words[:at],
                "lessOrEqual": words[: at + 1],
                "greaterThan": words[at + 1 :],
                "greaterOrEqual": words[at:],
            }[operator]
        )

    def ordered(self, model: Element) -> bool:
        """Whether the classes that a model predicts have an order."""
        for one in model.need("MiningSchema").all("MiningField"):
            if one.get("usageType") in ("target", "predicted"):
                return one.get("optype", "ordinal" if one.get("name") in self.ordinal else None) == "ordinal"
        return False

    def value(self, name: str, element: Element) -> Value:
        """What a name stands for. Raises ImportRefused for one that is not known, or is made of itself."""
        if name in self._known:
            return self._known[name]
        if name in self.later:
            if name in self._asked:
                refuse(element, f"reads the field {name!r}, which is made of itself")
            self._asked.append(name)
            self._known[name] = self.later[name]()
            self._asked.pop()
            return self._known[name]
        if self.parent is None:
            refuse(element, f"reads the field {name!r}, which the file does not define here")
        return self.parent.value(name, element)

    def number(self, name: str, element: Element) -> Number:
        """A field of numbers as a tensor. Raises ImportRefused for another one."""
        value = self.value(name, element)
        if isinstance(value, Choice) or (isinstance(value, Raw) and value.kind not in NUMERIC):
            refuse(element, f"reads {name!r} as a number, and it is a {value.kind}")
        found = self.sources.on_tape(value)
        assert isinstance(found, Number)
        return found

    def tensor(self, name: str, element: Element) -> Number | Choice:
        """A field as a tensor."""
        return self.sources.on_tape(self.value(name, element))

    # What all models need of the graph, in the terms of values.

    def gone(self, value: Number | Choice) -> str:
        """Where a value is missing: bool [n, 1]."""
        if isinstance(value, Number):
            return self.tape.op("IsNaN", value.tensor)
        return self.tape.op("Equal", value.tensor, [0])

    def lookup(self, choice: Choice, values: Mapping[str, float], *, missing: float, other: float) -> str:
        """A number for each word: double [n, 1]."""
        codes = {word: choice.domain.code(word) for word in values}
        table = np.full(len(choice.domain.words) + 2, other, np.float64)
        table[0] = missing
        for word, value in values.items():
            if (code := codes[word]) is not None:
                table[code] = value
        inside = self.tape.op("Min", choice.tensor, [len(table) - 1])
        return self.tape.op("Gather", table, inside, axis=0)

    def choice(self, tensor: str, domain: Domain, kind: Kind = "string") -> Choice:
        """Codes that the graph made, int64 [n, 1]."""
        self.tape.kinds[tensor] = 7
        return Choice(tensor, domain, kind)

    def truth(self, yes: str, gone: str | None = None) -> Choice:
        """A boolean of masks [n, 1]: where it is true, and where it is missing."""
        from ranklet.importers.pmml.values import BOOLEANS

        codes = self.tape.op("Where", yes, [TRUE], [FALSE])
        if gone is not None:
            codes = self.tape.op("Where", gone, [0], codes)
        return self.choice(codes, Domain.of(BOOLEANS), "boolean")

    def where(self, condition: str, yes: str | float, no: str | float) -> str:
        """Numbers by a mask."""
        return self.tape.op("Where", condition, yes, no)
