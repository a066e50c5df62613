"""Functions of texts. A row's text is worked on in Python: texts are short, and no array is quicker at them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ranklet_features.expressions import forms, patterns
from ranklet_features.expressions.letters import units
from ranklet_features.expressions.values import FALSE, GONE, TRUE, Array, Columns, Kind, Made, refuse, texts


def each(name: str, parts: Sequence[Made], kinds: Sequence[Kind], kind: Kind, function: Callable[..., Any]) -> Made:
    """A function of one row's values, None where one of them is missing. Raises SpecError for other arguments."""
    if len(parts) != len(kinds):
        raise refuse(f"{name} takes {len(kinds)} arguments, not {len(parts)}")
    made = [part if wanted == part.kind or (part.number and wanted == "double") else forms.cast(part, wanted)
            for part, wanted in zip(parts, kinds, strict=True)]  # fmt: skip

    def run(columns: Columns) -> Array:
        rows = zip(*(part.tolist() for part in np.broadcast_arrays(*(one.run(columns) for one in made))), strict=True)
        found = [None if any(value is None or value != value for value in row) else function(*row) for row in rows]
        return texts(found) if kind == "string" else np.array([np.nan if one is None else float(one) for one in found])

    return Made(kind, run)


def _substring(text: str, start: float, length: float) -> str:
    begin = max(int(start) - 1, 0)
    found = units(text)[begin : begin + int(length)]
    return found if found.isascii() else found.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _concat(parts: Sequence[Made]) -> Made:
    if len(parts) < 2:
        raise refuse(f"concat takes 2 arguments at least, not {len(parts)}")
    made = [forms.cast(part, "string") for part in parts]

    def run(columns: Columns) -> Array:
        """What is missing adds nothing."""
        rows = zip(*(part.tolist() for part in np.broadcast_arrays(*(one.run(columns) for one in made))), strict=True)
        return texts(["".join(word for word in row if word is not None) for row in rows])

    return Made("string", run)


def _matches(parts: Sequence[Made]) -> Made:
    pattern = _pattern("matches", parts)
    run = _each_text(parts[0], lambda text: TRUE if pattern.matches(text) else FALSE)
    return Made("boolean", lambda columns: np.array([GONE if one is None else one for one in run(columns)], np.int64))


def _replace(parts: Sequence[Made]) -> Made:
    run = _each_text(parts[0], _pattern("replace", parts).replaced)
    return Made("string", lambda columns: texts(run(columns)))


def _pattern(name: str, parts: Sequence[Made]) -> patterns.Pattern:
    """The second argument. Raises SpecError for one that is none."""
    if len(parts) != 2 or parts[1].fields or parts[1].kind != "string":
        raise refuse(f"{name} takes a text, and a pattern in JSON that is the same for all rows")
    return patterns.read(parts[1].run({}).tolist()[0])


def _each_text(part: Made, function: Callable[[str], Any]) -> Callable[[Columns], list[Any]]:
    """A function of each text that is there. Raises InputError for one that is too long."""
    made = forms.cast(part, "string")

    def run(columns: Columns) -> list[Any]:
        found: list[Any] = []
        for row, text in enumerate(made.run(columns).tolist()):
            try:
                found.append(None if text is None else function(text))
            except patterns.TooMuch as error:
                if not made.fields:
                    raise refuse(str(error)) from error
                raise columns[made.fields[0]].fault(row, str(error)) from error
        return found

    return run


def _one(name: str, kind: Kind, function: Callable[[str], Any]) -> Callable[[Sequence[Made]], Made]:
    return lambda parts: each(name, parts, ["string"], kind, function)


def _bucket(text: str, buckets: float) -> int:
    """The bucket of a text, as Spark's feature hasher has it: MurmurHash3 with the seed 42, as a signed number."""
    from ranklet_features.murmur3 import one  # few models hash

    found = one(text.encode(errors="replace"), 42)
    return (found - (1 << 32) if found >> 31 else found) % max(int(buckets), 1)


FUNCTIONS: Mapping[str, Callable[[Sequence[Made]], Made]] = {
    "uppercase": _one("uppercase", "string", str.upper),
    "lowercase": _one("lowercase", "string", str.lower),
    "trimBlanks": _one("trimBlanks", "string", lambda text: text.strip(" \t\n\r\v\f")),
    "stringLength": _one("stringLength", "integer", lambda text: len(units(text))),
    "substring": lambda parts: each("substring", parts, ["string", "double", "double"], "string", _substring),
    "concat": _concat,
    "matches": _matches,
    "replace": _replace,
    "murmur3": lambda parts: each("murmur3", parts, ["string", "double"], "integer", _bucket),
}
"""Function → what compiles it."""
