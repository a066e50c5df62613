"""A stored file the whole way: drafted and built, with its library's own answers as golden outputs in every form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ranklet import draft, golden, importers, pipeline
from ranklet.errors import ImportRefused
from ranklet.golden import Golden
from ranklet.importers.proposal import Wishes
from ranklet.pipeline import Built

MOST = 16
"""Rows of each file; infinite and missing answers are among them where there are any."""

Columns = Mapping[str, Sequence[Any]]


def wishes(path: Path, kind: str, **options: str) -> Wishes:
    """Whatever its outputs are: the first one ranks where that must be asked."""
    try:
        importers.propose(kind, path, Wishes(options=options))
    except ImportRefused as error:
        _, asks, outputs = str(error).partition("-o output=NAME: ")
        if not asks:
            raise
        options["output"] = outputs.split(", ")[0]
    return Wishes(options=options)


def drafted(path: Path, folder: Path, wished: Wishes) -> Built:
    """The draft as it comes, built."""
    draft.draft(path, folder, wishes=wished)
    return _built(folder)


def answered(
    path: Path, folder: Path, wished: Wishes, *, rows: Columns, answers: Columns, asked: Iterable[int]
) -> Built:
    """Drafted with stored rows, built with the library's answers to them as golden outputs.

    asked: the rows that have an answer. What the model refuses of them is left out.
    """
    chosen = _chosen(answers, list(asked))
    path_of_rows = folder.parent / "rows.jsonl"
    path_of_rows.parent.mkdir(parents=True, exist_ok=True)
    lines = [{name: column[at] for name, column in rows.items()} for at in chosen]
    path_of_rows.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    draft.draft(path, folder, wishes=wished, rows=path_of_rows)
    wanted = {}
    for at, line in zip(chosen, lines, strict=True):
        wanted.setdefault(_key(line), {name: column[at] for name, column in answers.items()})
    found = [_with_answers(one, wanted, list(rows)) for one in golden.read(folder / "golden.jsonl")]
    (folder / "golden.jsonl").write_bytes(b"".join(map(golden.line, found)))
    return _built(folder)


def _built(folder: Path) -> Built:
    return pipeline.build(folder, out=folder.parent.parent / "build", progress=lambda said: None)


def _chosen(answers: Columns, asked: list[int]) -> list[int]:
    """Some rows, spread over all, and those whose answers are odd."""
    spread = [asked[int(at)] for at in np.linspace(0, len(asked) - 1, MOST // 2)] if asked else []
    odd = [at for at in asked if any(_is_odd(column[at]) for column in answers.values())]
    return sorted({*spread, *odd[: MOST // 2]})


def _is_odd(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not np.isfinite(value))


def _with_answers(row: Golden, wanted: Mapping[bytes, Mapping[str, Any]], names: list[str]) -> Golden:
    """The golden row with the library's answers in place of the package's own."""
    found = []
    for at in range(len(row.scores)):
        items = {name: column[at] for name, column in row.items.items()}
        found.append(_matching({**row.user, **row.context, **items}, wanted))
    return replace(row, outputs={name: [one[name] for one in found] for name in found[0]})


def _key(row: Mapping[str, Any]) -> bytes:
    plain = {name: float(one) if isinstance(one, int | float) else one for name, one in row.items()}
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


def _matching(row: Mapping[str, Any], wanted: Mapping[bytes, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The answer to the stored row that has these values; inputs that no model reads are not sent."""
    if (exact := wanted.get(_key(row))) is not None:
        return exact
    own = orjson.loads(_key(row))
    return next(answer for key, answer in wanted.items() if own.items() <= orjson.loads(key).items())
