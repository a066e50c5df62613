"""A model that was trained anew, for a folder that is there: its files change, the author's words do not.

What model.toml says of inputs, features, steps and tables must still be what the new file proposes; sides, defaults,
names of tensors and all other words are the author's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from ranklet.errors import ModelError
from ranklet.model import Model


def check(described: Model, proposed: Model) -> None:
    """Raises ModelError naming each line that the new file would have otherwise."""
    if found := list(_differences(described, proposed)):
        raise ModelError(
            f"functions/{described.name}/model.toml does not fit the new file: {'; '.join(found[:5])}"
            + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
            + ". Change these lines, or import it under a new name and compare"
        )


def take(made: Path, folder: Path, golden: str) -> None:
    """Move the new files to their places, each in one rename."""
    for path in sorted(made.rglob("*")):
        if path.is_dir() or path.name == "model.toml":
            continue
        name = path.relative_to(made).as_posix()
        target = folder / (golden if name == "golden.jsonl" else name)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


def _differences(described: Model, proposed: Model) -> Iterator[str]:
    own = ("type", "list", "length")
    was, new = ({name: _only(asdict(one), own) for name, one in each.inputs.items()} for each in (described, proposed))
    yield from _between("inputs", was, new)
    was, new = ({name: asdict(one) for name, one in each.features.items()} for each in (described, proposed))
    yield from _between("features", was, new)
    was, new = (
        {str(i): msgspec.to_builtins(step) for i, step in enumerate(each.steps)} for each in (described, proposed)
    )
    yield from _between("steps", was, new)
    was, new = (
        {name: msgspec.to_builtins(table) for name, table in each.tables.items()} for each in (described, proposed)
    )
    yield from _between("tables", was, new)


def _between(place: str, was: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(set(was) | set(new)):
        if name not in new:
            yield f"{place}.{name} is not in it"
        elif name not in was:
            yield f"{place}.{name} is missing here: {_short(new[name])}"
        elif was[name] != new[name]:
            yield f"{place}.{name} is {_short(was[name])} here and {_short(new[name])} in it"


def _only(fields: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: fields[name] for name in names}


def _short(value: Any) -> str:
    shown = str(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}…"
