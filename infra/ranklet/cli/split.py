"""`ranklet split`: what became of an end-to-end graph."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from ranklet import pipeline, project
from ranklet.cli import terminal
from ranklet.errors import ImportRefused, RankletError
from ranklet.graph.picture import NoPicture, draw
from ranklet.graph.records import Columns, Compiled, Declared, Options, Sides
from ranklet.graph.report import document, gathered

RANGE = re.compile(r"^(?P<name>.+)\[(?P<start>\d+):(?P<stop>\d+)\]$")
TOLD = {
    "proven": "Computed once, proven by the table of row-wise ops",
    "pushed": "Pushed through user and item parts",
    "dynamic": "Computed once, trusted after a trial of rows only",
    "refused": "Left per candidate",
}


class PictureError(RankletError):
    """A picture that cannot be drawn; the message says what to install."""


@click.group()
def split() -> None:
    """Say how a graph is split into user, item and cross parts.

    \b
    ranklet split explain movie-din
    ranklet split explain model.onnx --user user_id --item item_id
    """


@split.command()
@click.argument("model")
@click.option("--user", multiple=True, metavar="NAMES", help="Inputs of the user: a,b or columns x[0:4].")
@click.option("--context", multiple=True, metavar="NAMES", help="Inputs of the request.")
@click.option("--item", multiple=True, metavar="NAMES", help="Inputs of the candidates that are known when building.")
@click.option("--pair", multiple=True, metavar="NAMES", help="Inputs that only a request knows, one per candidate.")
@click.option("--force", is_flag=True, help="Of an ONNX file: show the best split even where uncut is quicker.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw the graph: .svg, .png or .pdf.")
@terminal.as_json
def explain(
    model: str,
    user: tuple[str, ...],
    context: tuple[str, ...],
    item: tuple[str, ...],
    pair: tuple[str, ...],
    force: bool,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Tell how MODEL, of functions/ or an ONNX file with its sides, is split, and why.

    \b
    ranklet split explain movie-din
    ranklet split explain movie-din --picture movie-din.svg
    ranklet split explain model.onnx --user user_id,history --item item_id --json
    """
    given: dict[Declared, tuple[str, ...]] = {"user": user, "context": context, "item": item, "pair": pair}
    with terminal.progress(f"split explain {model}") as progress:
        if model.endswith(".onnx"):
            progress("compiling the graph")
            compiled = _file(Path(model), declared(given), force=force)
        elif any(given.values()) or force:
            raise click.BadParameter("sides of a model in functions/ are declared in its model.toml, not here")
        else:
            here = project.find()
            compiled = pipeline.examine(here.models([model])[0], out=here.build, progress=progress)
        if picture is not None:
            progress(f"drawing {picture}")
            try:
                draw(compiled, picture, f"{Path(model).name}: {compiled.report.shipped}, {compiled.report.reason}")
            except NoPicture as error:
                raise PictureError(str(error)) from error
    if as_json:
        terminal.emit({"model": model, **document(compiled)})
    else:
        show(model, compiled)


def declared(given: Mapping[Declared, Iterable[str]]) -> Sides:
    """Sides from the command line; `x[0:4]` gives columns of one input. Raises click.BadParameter."""
    whole: dict[str, Declared | tuple[Columns, ...]] = {}
    for side, names in given.items():
        for name in (part.strip() for text in names for part in text.split(",") if part.strip()):
            found = RANGE.match(name)
            key = found["name"] if found else name
            before = whole.get(key, ())
            if isinstance(before, str) or (found is None and before):
                raise click.BadParameter(f"{key!r} has two sides; give its columns, as {key}[0:4]")
            added = (Columns(side, int(found["start"]), int(found["stop"])),) if found else ()
            whole[key] = (*before, *added) if found else side
    return whole


def _file(path: Path, sides: Sides, *, force: bool) -> Compiled:
    import onnx_ir as ir  # onnx and the compiler take a second

    from ranklet.graph.compiler import compile as compile_graph
    from ranklet.graph.running import RunFailed
    from ranklet.graph.split import Declined

    if not path.is_file():
        raise click.BadParameter(f"there is no file {path}")
    try:
        graph = ir.load(path)
        names = [value.name for value in graph.graph.inputs if not value.is_initializer()]
        if set(names) != set(sides):
            raise click.BadParameter(f"give each input its side once; {path.name} has {', '.join(map(str, names))}")
        return compile_graph(graph, sides, Options(mode="force" if force else "auto"))
    except (RunFailed, Declined, ValueError) as error:
        raise ImportRefused(f"{path.name} is not split: {error}") from error


def show(model: str, compiled: Compiled) -> None:
    """The account for people."""
    report, out = compiled.report, terminal.OUT
    out.print(f"[bold]{model}[/] ships [bold]{report.shipped}[/]: {report.reason}")
    if report.trials:
        out.print(f"Held to the uncut graph on {report.trials} inputs: largest difference {report.worst:.1e}")
    if report.accounts:
        sides = [
            [n, str(s.nodes), f"{s.flops:,}", terminal.size(s.weights), f"{s.opens_ms:.1f} ms"]
            for n, s in report.accounts.items()
        ]
        terminal.show("What each graph does", ["graph", "nodes:", "flops a row:", "weights:", "opens in:"], sides)
    if report.frontier:
        ends = [[p.name, _dims(p.shape), p.dtype] for p in report.frontier]
        terminal.show("What passes between them", ["value", "shape", "dtype"], ends)
    if compiled.record is not None:
        record = compiled.record
        fields = [[f.name, _dims(f.shape), str(f.offset), str(f.size)] for f in record.fields]
        error = f", moves scores by up to {record.error:.1e}" if record.error else ""
        out.print(f"The row stored per item: {record.width} × {record.dtype}, {record.nbytes} bytes{error}")
        terminal.show("Its fields", ["field", "shape", "from:", "numbers:"], fields)
    if compiled.rest is not None:
        more = f"it reads {report.grown} numbers more per item, and shares its weights with the others"
        out.print(f"Below {report.below} candidates, and for rows of several users, the rest graph serves: {more}")
    for table in compiled.tables:
        out.print(f"table {table.name} {list(table.shape)} leaves the graph")
    _timings(compiled)
    for section, title in TOLD.items():
        notes: Mapping[str, str] = getattr(report, section)
        if notes:
            out.print(f"[bold]{title}[/]")
            for line in gathered(notes):
                out.print(f"  {line}", markup=False)
    for name, why in (*report.declined.items(), *((f"table {k}", f"stays: {v}") for k, v in report.kept.items())):
        out.print(f"{name}: {why}", markup=False)


def _dims(shape: Iterable[int | None]) -> str:
    return " × ".join("n" if size is None else str(size) for size in shape) or "one number"


def _timings(compiled: Compiled) -> None:
    found: dict[str, dict[int, Any]] = {}
    for timing in compiled.report.timings:
        found.setdefault(timing.candidate, {})[timing.n] = timing
    if not found:
        return
    numbers = sorted({n for row in found.values() for n in row})
    rows = [
        [name, *(f"{row[n].micros:.0f} µs {row[n].speedup:6.2f}×" if n in row else "" for n in numbers)]
        for name, row in found.items()
    ]
    terminal.show("Measured, against uncut", ["candidate", *(f"N = {n}:" for n in numbers)], rows)
