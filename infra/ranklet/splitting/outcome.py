"""What is told of a split: in `ranklet build --json`, and in a few lines of its account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ranklet.compose import Parts
from ranklet.graph.choose import BASE
from ranklet.graph.records import Compiled

if TYPE_CHECKING:
    from ranklet.splitting.compiling import Choice


def said(
    compiled: Compiled, choice: Choice, *, shipped: str | None = None, parts: Parts | None = None
) -> dict[str, Any]:
    """The `split` of `ranklet build --json`, but for what the proof finds.

    speedup: N → how many times faster than the uncut graph it was when it was measured, empty where it was not.
    row: what is stored per item. tables: those of the bundle. trials and worst: of the acceptance test. proven, dynamic
    and refused: how many nodes are computed once by proof, after a trial only, and not at all. kept: tables that stay
    in the graph, and why. uncut: the largest difference from the uncut graph's own scores of the golden requests.
    """
    report, record = compiled.report, compiled.record
    name = shipped or report.shipped
    return {
        **uncut(choice.reason if name == choice.shipped else report.reason),
        "shipped": name,
        "speedup": {str(t["n"]): t["speedup"] for t in choice.timings if t["candidate"] == name and name != BASE},
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


def uncut(reason: str) -> dict[str, Any]:
    """The same of a graph that ships as it is."""
    return {
        "shipped": BASE,
        "reason": reason,
        "speedup": {},
        "control": 1.0,
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
    if faster:
        yield f'split: on every machine alike with [split] variant = "{said["shipped"]}"'
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
