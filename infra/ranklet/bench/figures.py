"""The figures that ranklet is held to: what each must be, what is aimed at, and where in the reports it is found.

`ranklet bench table` prints them as the README's table. A ratio below 1 is written as a fraction (1/3.5), as it is
said; a figure that no report has is left open, and one whose peer is absent says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ranklet.bench.base import Row
from ranklet.bench.documents import Document
from ranklet.errors import BenchError

OPEN = "not measured"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


@dataclass(frozen=True)
class Figure:
    """What is held to what. row, n: where it stands; the value must be at most `must`, `aim` is better.

    bench: who measures it. fraction: said as 1/x.
    """

    what: str
    bench: str
    row: str
    n: int | None
    must: float
    aim: float | None
    fraction: bool = False
    unit: str = ""


RUN = "handler CPU over bare session.run"
MANGUM = "CPU against FastAPI + Mangum under awslambdaric, all of the process"
ALONE = "the same of the handlers alone, without what awslambdaric takes of both"
COLD = "exec → first right answer, against"

FIGURES: Sequence[Figure] = (
    Figure(f"{RUN}, columns as JSON, N = 500", "warm", "handler-over-run-json", 500, 1.45, 1.25),
    Figure(f"{RUN}, msgpack, N = 500", "warm", "handler-over-run-msgpack", 500, 1.20, 1.10),
    Figure(f"{RUN}, V2 binary, N = 500", "warm", "handler-over-run-v2-binary", 500, 1.20, 1.10),
    Figure(f"{RUN}, columns as JSON, N = 100", "warm", "handler-over-run-json", 100, 1.5, 1.3),
    Figure("telemetry, a request's share", "warm", "telemetry-us", None, 40, None, unit=" µs"),
    Figure(f"{MANGUM}, N = 100", "peers", "v2-json-vs-mangum", 100, 1 / 3.5, 1 / 5, fraction=True),
    Figure(f"{MANGUM}, N = 500", "peers", "v2-json-vs-mangum", 500, 1 / 2.7, 1 / 4, fraction=True),
    Figure(f"{ALONE}, N = 100", "peers", "handler-vs-mangum", 100, 1 / 3.5, 1 / 5, fraction=True),
    Figure(f"{ALONE}, N = 500", "peers", "handler-vs-mangum", 500, 1 / 2.7, 1 / 4, fraction=True),
    Figure("p50 against MLServer, N = 500", "peers", "v2-json-p50-vs-mlserver", 500, 1 / 1.7, 1 / 2.5, fraction=True),
    Figure(
        "user once and split, over TF Serving's rows through FastAPI and the unsplit graph, N = 500",
        "peers", "tfs-rows-unsplit", 500, 1 / 5, 1 / 10, fraction=True,
    ),
    Figure(f"{COLD} FastAPI + Mangum", "peers", "cold-vs-mangum", 100, 1 / 2.5, 1 / 3.5, fraction=True),
    Figure(f"{COLD} uvicorn", "peers", "cold-vs-fastapi", 100, 1 / 3, 1 / 5, fraction=True),
    Figure(f"{COLD} MLServer", "peers", "cold-vs-mlserver", 100, 1 / 8, 1 / 15, fraction=True),
    Figure("cold with DynamoDB reads, against a boto3 client", "cold", "cold-dynamodb-vs-boto3", None, 1 / 2, 1 / 3,
           fraction=True),
    Figure("onnx layer and our own, zipped", "cold", "layers-onnx-zip-mb", None, 30, 25, unit=" MB"),
    Figure("the same unzipped, bytecode included", "cold", "layers-onnx-unzipped-mb", None, 105, 90, unit=" MB"),
    Figure("layers of a numpy-only function, unzipped, bytecode included", "cold", "layers-numpy-unzipped-mb", None, 65,
           45, unit=" MB"),
    Figure("modelled $ per 1 000 calls, N = 500, against boto3 item by item", "tables",
           "dollars-per-1000-vs-boto3-per-item", 500, 1 / 8, 1 / 25, fraction=True),
    Figure("the 100 best of 100 000 vectors, against NumPy's brute force", "retrieve", "ivf-vs-numpy-100k", 100_000,
           1 / 10, None, fraction=True),
    Figure("the same against faiss's inverted file, at equal recall", "retrieve", "ivf-vs-faiss-100k", 100_000, 2,
           None),
    Figure("an index of a million vectors of 64 opens in", "retrieve", "index-load-1m-f32-ms", 1_000_000, 50, None,
           unit=" ms"),
    Figure("its memory, float32", "retrieve", "memory-1m-f32-mb", 1_000_000, 400, None, unit=" MB"),
    Figure("its memory, int8", "retrieve", "memory-1m-int8-mb", 1_000_000, 120, None, unit=" MB"),
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A figure as it was measured. value: in the figure's own unit; None where it is open or the peer is absent."""

    figure: Figure
    value: float | None
    spread: tuple[float, float] | None
    noisy: bool
    absent: bool

    @property
    def verdict(self) -> str:
        """Whether it is what it must be, or even what is aimed at."""
        if self.value is None:
            return "absent" if self.absent else OPEN
        if self.figure.aim is not None and self.value <= self.figure.aim:
            return "aim"
        return "must" if self.value <= self.figure.must else "missed"


def found(documents: Sequence[Document]) -> list[Found]:
    """Every figure, as the last of the documents that has it tells it, whatever its file is called."""
    return [_found(figure, documents[::-1]) for figure in FIGURES]


def markdown(documents: Sequence[Document]) -> Iterator[str]:
    """The lines of the README's table, with command, dates and machine below it."""
    yield "| figure | must | aim | measured (least – greatest) | |"
    yield "|---|---|---|---|---|"
    for one in found(documents):
        must, aim = (limit(one.figure, most) for most in (one.figure.must, one.figure.aim))
        yield f"| {one.figure.what} | {must} | {aim} | {measured(one)} | {MARKS[one.verdict]} |"
    yield ""
    yield from basis(documents)


def basis(documents: Sequence[Document]) -> Iterator[str]:
    """On what it was measured, when, and by which commands."""
    used = [one for one in documents if one.error is None and one.rows]
    benches = [f"`{one.bench}`{_doubts(one)} {one.date[:16]}" for one in used]
    yield f"`ranklet bench all --json > all.json`, then `ranklet bench table all.json`: {', '.join(benches)}."
    yield from dict.fromkeys(machine(one.machine) for one in used)
    loads = [float(one.machine["load"]) for one in used if "load" in one.machine]
    if loads:
        yield f"Load before the benches {min(loads):g} to {max(loads):g}."


def put(lines: Iterable[str], path: Path) -> None:
    """Put the table between its marks in a file. Raises BenchError where they are not there."""
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise BenchError(f"{path.name} has no place for the table: a line {BEGIN} and, below it, a line {END}")
    path.write_text("\n".join([before + begin, *lines, end + after]), encoding="utf-8")


MARKS = {"aim": "aim reached", "must": "must reached", "missed": "**missed**", "absent": "peer absent", OPEN: ""}


def limit(figure: Figure, most: float | None) -> str:
    """A limit as it is said; nothing for none."""
    return "" if most is None else f"≤ {said(figure, most)}"


def measured(one: Found) -> str:
    """The value with its spread."""
    if one.value is None:
        return "absent" if one.absent else f"{OPEN}: `ranklet bench {one.figure.bench}`"
    if one.spread is None:
        return said(one.figure, one.value)
    least, greatest = (said(one.figure, value) for value in one.spread)
    return f"{said(one.figure, one.value)} ({least} – {greatest})"


def said(figure: Figure, value: float) -> str:
    """A value of the figure in its own words."""
    return f"1/{1 / value:.3g}" if figure.fraction and value > 0 else f"{value:.3g}{figure.unit}"


def machine(described: Mapping[str, Any]) -> str:
    """A machine in one line."""
    processor, count = described.get("processor", "unknown processor"), described.get("cores", "?")
    cores = f"{count} core{'' if count == 1 else 's'}"
    return f"{processor}, {cores}, {described.get('system', '?')}, Python {described.get('python', '?')}."


def _doubts(one: Document) -> str:
    doubts = [text for text, doubtful in (("noisy", one.noisy), ("quick", one.quick)) if doubtful]
    return f" ({', '.join(doubts)})" if doubts else ""


def _found(figure: Figure, documents: Iterable[Document]) -> Found:
    for document in documents:
        rows = {(row.figure, row.n): row for row in document.rows}
        if (row := rows.get((figure.row, figure.n)) or _only(document.rows, figure)) is not None:
            return Found(figure, row.value, row.spread, document.noisy, absent=row.value is None)
    return Found(figure, None, None, noisy=False, absent=False)


def _only(rows: Sequence[Row], figure: Figure) -> Row | None:
    """Of a figure that is not tied to a number of candidates: the row of that name, where there is but one."""
    named = [row for row in rows if row.figure == figure.row]
    return named[0] if figure.n is None and len(named) == 1 else None
