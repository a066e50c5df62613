"""Reports as they are kept: one JSON document of a bench, or one of all benches.

In the document of all, each row says its `bench`, and `benches` says of each how it went.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ranklet.bench.base import Report, Row
from ranklet.errors import BenchError


@dataclass(frozen=True)
class Document:
    """What one bench found. error: why there is nothing. over: counts above their budget. seconds: it took.

    quick: whether it was a look in few rounds, as far as the document tells.
    """

    bench: str
    rows: Sequence[Row]
    noisy: bool = False
    machine: Mapping[str, Any] = field(default_factory=dict)
    date: str = ""
    over: Sequence[str] = ()
    error: str | None = None
    seconds: float | None = None
    quick: bool = False

    @classmethod
    def of(cls, bench: str, report: Report) -> Document:
        """A report under its bench's name."""
        return cls(bench, report.rows, report.noisy, report.machine, report.date, report.over)


@dataclass(frozen=True)
class _Went:
    bench: str
    noisy: bool = False
    date: str = ""
    error: str | None = None
    seconds: float | None = None
    over: tuple[str, ...] = ()
    quick: bool = False


@dataclass(frozen=True)
class _Placed(Row):
    bench: str | None = None


@dataclass(frozen=True)
class _File:
    rows: tuple[_Placed, ...]
    noisy: bool
    machine: dict[str, Any]
    date: str
    over: tuple[str, ...] = ()
    benches: tuple[_Went, ...] = ()


def read(path: Path) -> list[Document]:
    """The reports in a file; that of a single bench is called as the file is. Raises BenchError for anything else."""
    try:
        return parse(path.read_bytes(), path.stem)
    except (OSError, msgspec.MsgspecError) as error:
        raise BenchError(f"{path.name} is no report of `ranklet bench --json`: {error}") from error


def parse(content: bytes, name: str) -> list[Document]:
    """The reports in a document's bytes. Raises msgspec's errors."""
    file = msgspec.json.decode(content, type=_File)
    if not file.benches:
        return [Document(name, _rows(file.rows), file.noisy, file.machine, file.date, file.over)]
    return [
        Document(
            went.bench,
            _rows(row for row in file.rows if row.bench == went.bench),
            went.noisy,
            file.machine,
            went.date or file.date,
            went.over,
            went.error,
            went.seconds,
            went.quick,
        )
        for went in file.benches
    ]


def joined(documents: Sequence[Document], machine: Mapping[str, Any], date: str) -> dict[str, Any]:
    """The document of all."""
    went = [
        _Went(one.bench, one.noisy, one.date, one.error, one.seconds, tuple(one.over), one.quick) for one in documents
    ]
    return {
        "rows": [{**asdict(row), "bench": one.bench} for one in documents for row in one.rows],
        "noisy": any(one.noisy for one in documents),
        "machine": dict(machine),
        "date": date,
        "benches": [asdict(one) for one in went],
    }


def _rows(rows: Iterable[_Placed]) -> list[Row]:
    return [Row(row.figure, row.n, row.value, row.unit, row.spread, row.peer) for row in rows]
