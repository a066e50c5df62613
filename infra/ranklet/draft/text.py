"""model.toml as text: tables of one line an entry, with a comment where something was guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from ranklet.draft.inputs import Drafted

HEADER = """\
# {name}: drafted from {source}. What could not be read from the file is guessed: check every line that says
# "guessed", then take `guessed = true` away. Until then each build says so, and the graph is not split.
name = {quoted}
version = 1

# What a caller sends. side: user and context come once a request, item once a candidate.
[inputs]
"""
STEPS = """\

[[steps]]
format = {format}
source = {source}
"""
TAIL = """\
# Requests and their scores. These were invented; put real ones with the trainer's scores here.
[golden]
file = "golden.jsonl"
"""


def model_toml(
    name: str, format: str, source: str, drafted: Sequence[Drafted], *, score: str, item_key: str | None
) -> str:
    """The whole file."""
    lines = [HEADER.format(name=name, source=source, quoted=_value(name)).rstrip("\n")]
    for one in drafted:
        fields = {"side": one.guess.side, **one.raw, "guessed": True}
        lines.append(f"{_key(one.tensor)} = {_inline(fields)}  # guessed: {one.guess.why}")
    lines += ["", "# What the graph reads: one line a tensor.", "[features]"]
    for one in drafted:
        comment = f"  # {'; '.join(one.notes)}" if one.notes else ""
        lines.append(f"{_key(one.tensor)} = {_inline(one.feature)}{comment}")
    lines.append(STEPS.format(format=_value(format), source=_value(source)).rstrip("\n"))
    if masks := {one.mask: f"{one.tensor}_mask" for one in drafted if one.mask and one.mask != f"{one.tensor}_mask"}:
        lines.append(f"inputs = {_inline(masks)}")
    lines += ["", "[output]", f"score = {_value(score)}", *_item_key(item_key), "", TAIL.rstrip("\n")]
    return "\n".join(lines) + "\n"


def _item_key(item_key: str | None) -> Iterator[str]:
    if item_key is None:
        yield "# item_key = the item input that names a candidate in answers to top_k"
    else:
        yield f"item_key = {_value(item_key)}  # guessed"


def _inline(fields: Mapping[str, Any]) -> str:
    inner = ", ".join(f"{_key(name)} = {_value(value)}" for name, value in fields.items())
    return f"{{ {inner} }}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    """JSON's strings, numbers, booleans and lists are TOML's too; DEL, which TOML wants escaped, no name has."""
    return orjson.dumps(value).decode()
