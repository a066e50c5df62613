"""Long expressions of a draft as files beside model.toml, as a table of hundreds of rows is none of its lines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from ranklet.importers.proposal import Proposal
from ranklet.model import EXPRESSIONS

LONG = 2000
"""Characters of an expression that stand in model.toml."""
WIDTH = 100


def apart(proposal: Proposal) -> Proposal:
    """The proposal with each long one in `expressions/<feature>.json`."""
    files, features = dict(proposal.files), {}
    for name, fields in proposal.features.items():
        features[name] = dict(fields)
        for option in EXPRESSIONS:
            if len(text := fields.get(option, "")) > LONG:
                place = f"expressions/{name}.json" if option == EXPRESSIONS[0] else f"expressions/{name}.{option}.json"
                files[place] = ("\n".join(_lines(orjson.loads(text), "")) + "\n").encode()
                features[name][option] = place
    return replace(proposal, features=features, files=files)


def _lines(value: Any, indent: str) -> list[str]:
    """JSON in lines: a list or an object that is short is one."""
    short = orjson.dumps(value).decode()
    if len(indent) + len(short) <= WIDTH or not isinstance(value, list | dict) or not value:
        return [indent + short]
    inner = indent + " "
    if isinstance(value, list):
        ends, parts = "[]", [_lines(one, inner) for one in value]
    else:
        ends, parts = "{}", [_entry(name, one, inner) for name, one in value.items()]
    for part in parts[:-1]:
        part[-1] += ","
    return [indent + ends[0], *(line for part in parts for line in part), indent + ends[1]]


def _entry(name: str, value: Any, indent: str) -> list[str]:
    first, *rest = _lines(value, indent)
    return [f"{indent}{orjson.dumps(name).decode()}:{first.removeprefix(indent)}", *rest]
