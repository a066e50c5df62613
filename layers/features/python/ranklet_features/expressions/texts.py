"""Functions of texts. A row's text is worked on in Python: texts are short, and no array is quicker at them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ranklet_features.expressions import forms
from ranklet_features.expressions.values import Array, Columns, Kind, Made, refuse, texts


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
    return text[begin : begin + int(length)]


def _concat(parts: Sequence[Made]) -> Made:
    if len(parts) < 2:
        raise refuse(f"concat takes 2 arguments at least, not {len(parts)}")
    made = [forms.cast(part, "string") for part in parts]

    def run(columns: Columns) -> Array:
        """What is missing adds nothing."""
        rows = zip(*(part.tolist() for part in np.broadcast_arrays(*(one.run(columns) for one in made))), strict=True)
        return texts(["".join(word for word in row if word is not None) for row in rows])

    return Made("string", run)


def _pattern(name: str, parts: Sequence[Made]) -> re.Pattern[str]:
    """The expression that both Java and Python read alike. Raises SpecError for another one."""
    if parts[1].fields:
        raise refuse(f"{name} takes a pattern that is the same for all rows")
    written = parts[1].run({}).tolist()[0]
    if found := _ONLY_JAVA.search(str(written)):
        raise refuse(f"{name}: the pattern {written!r} has {found[0]!r}, which Java and Python read differently")
    try:
        return re.compile(str(written))
    except re.error as error:
        raise refuse(f"{name}: the pattern {written!r} is none: {error}") from error


_ONLY_JAVA = re.compile(r"\\[pPQEGXRhHvVkzZNux]|\(\?<[^=!]|\(\?[a-zA-Z]|[*+?}]\+|&&|\[\[|\[:")


def _matches(parts: Sequence[Made]) -> Made:
    if len(parts) != 2:
        raise refuse(f"matches takes 2 arguments, not {len(parts)}")
    pattern = _pattern("matches", parts)
    found = each("matches", parts[:1], ["string"], "double", lambda text: 2.0 if pattern.search(text) else 1.0)

    def run(columns: Columns) -> Array:
        return np.nan_to_num(found.run(columns)).astype(np.int64)

    return Made("boolean", run)


def _replace(parts: Sequence[Made]) -> Made:
    if len(parts) != 3 or parts[2].fields:
        raise refuse("replace takes 3 arguments, the last of which is the same for all rows")
    pattern = _pattern("replace", parts)
    written = str(parts[2].run({}).tolist()[0])
    replacement = re.sub(r"\$(\d)", r"\\\1", written.replace("\\", "\\\\"))
    return each("replace", parts[:1], ["string"], "string", lambda text: pattern.sub(replacement, text))


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
    "stringLength": _one("stringLength", "integer", len),
    "substring": lambda parts: each("substring", parts, ["string", "double", "double"], "string", _substring),
    "concat": _concat,
    "matches": _matches,
    "replace": _replace,
    "murmur3": lambda parts: each("murmur3", parts, ["string", "double"], "integer", _bucket),
}
"""Function → what compiles it."""
