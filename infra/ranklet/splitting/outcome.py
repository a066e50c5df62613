"""What is told of a split: in `ranklet build --json`, and in a few lines of its account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ranklet.compose import Parts
from ranklet.graph.records import Compiled
from ranklet.graph.times import BASE, SHIPPED

if TYPE_CHECKING:
    from ranklet.splitting.compiling import Choice


def said(
    compiled: Compiled,
    choice: Choice,
    *,
    shipped: str | None = None,
    parts: Parts | None = None,
    extra: int = 0,
) -> dict[str, Any]:
    """The `split` of `ranklet build --json`, but for what the proof finds.

    speedup: N → how many times faster than the uncut graph what serves it was when it was measured, empty where it was
    not. rest: of the uncut graph that reads the same rows: below how many candidates it serves, bytes that it adds to
    the package, numbers that it adds to a row, milliseconds that it takes to open; None without one. row: what is
    stored per item. tables: those of the bundle. trials and worst: of the acceptance test. proven, dynamic
    and refused: how many nodes are computed once by proof, after a trial only, and not at all. kept: tables that stay
    in the graph, and why. uncut: the largest difference from the uncut graph's own scores of the golden requests.
    """
    report, record = compiled.report, compiled.record
    name = shipped or report.shipped
    return {
        **uncut(choice.reason if name == choice.shipped else report.reason),
        "shipped": name,
        "speedup": {str(t["n"]): t["speedup"] for t in choice.timings if t["candidate"] == SHIPPED and name != BASE},
        "rest": None if compiled.rest is None else _rest(compiled, extra),
        "control": choice.control,
        "row": None if record is None else {"numbers": record.width, "fields": [field.name for field in record.fields]},
        "tables": [one.table.name for one in parts.tables] if parts is not None else [],
        "trials": report.trials,
        "worst": report.worst,
        "proven": len(report.proven),
        "dynamic": len(report.dynamic),
        "refused": len(report.refused),
        "declined": dict(choice.declined or report.declined),
        "kept": dict(report.kept),
    }


def _rest(compiled: Compiled, extra: int) -> dict[str, Any]:
    report = compiled.report
    opens = report.accounts["rest"].opens_ms
    return {"below": report.below, "bytes": extra, "numbers": report.grown, "opens_ms": opens}


def uncut(reason: str) -> dict[str, Any]:
    """The same of a graph that ships as it is."""
    return {
        "shipped": BASE,
        "reason": reason,
        "speedup": {},
        "control": 1.0,
        "rest": None,
        "row": None,
        "tables": [],
        "trials": 0,
        "worst": 0.0,
        "proven": 0,
        "dynamic": 0,
        "refused": 0,
        "declined": {},
        "kept": {},
        "uncut": None,
        "notes": [],
    }


def lines(said: Mapping[str, Any]) -> Iterator[str]:
    """A short account for people."""
    faster = ", ".join(f"{gain:.2f}× at {n}" for n, gain in said["speedup"].items())
    yield f"split: {said['shipped']}: {said['reason']}" + (f" ({faster})" if faster else "")
    if (row := said["row"]) is not None:
        yield f"split: {row['numbers']} numbers stored per item"
    if (rest := said["rest"]) is not None:
        yield (
            f"split: the uncut graph reads the same rows below {rest['below']} candidates, and where rows belong to "
            f"several users: {rest['bytes'] / 1024:.0f} KB more, {rest['numbers']} numbers more per item, "
            f"{rest['opens_ms']:.1f} ms more to start"
        )
    if faster:
        below = f", uncut_below = {rest['below']}" if rest is not None else ""
        yield f'split: on every machine alike with [split] variant = "{said["shipped"]}"{below}'
    if said["trials"]:
        yield (
            f"split: {said['trials']} trials, worst difference {said['worst']:.1e}; {said['proven']} nodes proven, "
            f"{said['dynamic']} trusted after a trial, {said['refused']} left per candidate"
        )
    if said["uncut"] is not None:
        yield f"split: {said['uncut']:.1e} from the uncut graph's own scores of the golden requests"
    for name, why in said["declined"].items():
        yield f"split: not {name}: {why}"
    for name, why in said["kept"].items():
        yield f"split: table {name} stays in the graph: {why}"
