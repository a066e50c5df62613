"""model.toml as text: tables of one line an entry, with a comment where something was guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import orjson

from ranklet.draft.lines import Line
from ranklet.importers.proposal import Proposal
from ranklet.model import StepSource, Telling

HEADER = """\
# {name}: drafted from {format}. What could not be read from the file is guessed: check every line that says
# "guessed", then take `guessed = true` away. Until then each build says so, and the graph is not split.
name = {quoted}
version = 1

# What a caller sends. side: user and context come once a request, item once a candidate.
[inputs]"""
FEATURES = """
# What the model reads: one line a tensor.
[features]"""


def model_toml(name: str, format: str, proposal: Proposal, drafted: Sequence[Line], item_key: str | None) -> str:
    """The whole file; `[golden]` is added when the requests are scored."""
    parts = [HEADER.format(name=name, format=format, quoted=_value(name)), *map(_input, drafted), FEATURES]
    parts += [f"{_key(feature)} = {_inline(fields)}" for feature, fields in proposal.features.items()]
    for table, fields in proposal.tables.items():
        parts += ["", f"[tables.{_key(table)}]", *_lines(fields)]
    for step in proposal.steps:
        parts += ["", "[[steps]]", *_lines(_step(step))]
    if proposal.ranks:
        parts += ["", "[output]", f"score = {_value(proposal.score)}", *_item_key(item_key)]
    else:
        parts += ["", "[output]", "ranks = false  # the model tells words alone: every score is null"]
    if proposal.nulls and proposal.ranks:
        parts.append("nulls = true  # a candidate without a score is told as null, and is none of the best")
    if proposal.tell:
        parts += ["", "# What is told beside the scores; labels are what the codes 1, 2 … stand for.", "[output.tell]"]
        parts += [f"{_key(name)} = {_inline(_telling(one))}" for name, one in proposal.tell.items()]
    return "\n".join(parts) + "\n"


def golden(bound: float | None, source: str) -> str:
    """The end of the file. bound: of differences from the golden scores, None for the engines' default."""
    parts = ["", f"# Requests and their scores. {source}", "[golden]", 'file = "golden.jsonl"']
    if bound is not None:
        parts.append(f"max_abs_diff = {_value(bound)}  # 1e-5 of the largest score, as of 32-bit floats")
    return "\n".join(parts) + "\n"


def _input(one: Line) -> str:
    fields = {"side": one.guess.side, **one.raw}
    if not one.guessed:
        return f"{_key(one.name)} = {_inline(fields)}"
    return f"{_key(one.name)} = {_inline({**fields, 'guessed': True})}  # guessed: {one.guess.why}"


def _step(step: StepSource) -> Mapping[str, Any]:
    """The fields that are not as they are by default."""
    default = StepSource(format=step.format)
    fields = {name: getattr(step, name) for name in step.__struct_fields__}
    return {name: value for name, value in fields.items() if name == "format" or value != getattr(default, name)}


def _telling(one: Telling) -> Mapping[str, Any]:
    return {"tensor": one.tensor, "labels": None if one.labels is None else list(one.labels)}


def _item_key(item_key: str | None) -> Iterator[str]:
    if item_key is None:
        yield "# item_key = the item input that names a candidate in answers to top_k"
    else:
        yield f"item_key = {_value(item_key)}  # guessed"


def _lines(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in fields.items():
        yield f"{_key(name)} = {_any(value)}"


def _any(value: Any) -> str:
    return _inline(value) if isinstance(value, Mapping) else _value(value)


def _inline(fields: Mapping[str, Any]) -> str:
    inner = ", ".join(f"{_key(name)} = {_any(value)}" for name, value in fields.items() if value is not None)
    return f"{{ {inner} }}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    """JSON's strings, numbers, booleans and lists are TOML's too; DEL, which TOML wants escaped, no name has."""
    return orjson.dumps(msgspec.to_builtins(value)).decode()
