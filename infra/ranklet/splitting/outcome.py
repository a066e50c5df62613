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
    """
    report = compiled.report
    name = shipped or report.shipped
    measured = {str(t["n"]): t["speedup"] for t in choice.timings if t["candidate"] == name and name != BASE}
    record = compiled.record
    return {
        "shipped": name,
        "reason": choice.reason if name == choice.shipped else report.reason,
        "speedup": measured,
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


def lines(said: Mapping[str, Any]) -> Iterator[str]:
    """A short account for people."""
    faster = ", ".join(f"{gain:.2f}× at {n}" for n, gain in said.get("speedup", {}).items())
    yield f"split: {said['shipped']}: {said['reason']}" + (f" ({faster})" if faster else "")
    if (row := said.get("row")) is not None:
        yield f"split: {row['numbers']} numbers stored per item"
    if said.get("trials"):
        yield (
            f"split: {said['trials']} trials, worst difference {said['worst']:.1e}; {said['proven']} nodes proven, "
            f"{said['dynamic']} trusted after a trial, {said['refused']} left per candidate"
        )
    if said.get("uncut") is not None:
        yield f"split: {said['uncut']:.1e} from the uncut graph's own scores of the golden requests"
    for name, why in said.get("declined", {}).items():
        yield f"split: not {name}: {why}"
    for name, why in said.get("kept", {}).items():
        yield f"split: table {name} stays in the graph: {why}"
