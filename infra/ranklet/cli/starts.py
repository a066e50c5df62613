"""What a built model's start takes, for `ranklet build --why-slow`: by phase and by module, and its budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ranklet import artefacts, golden, model, pipeline, proof, tree
from ranklet.cli import terminal
from ranklet.pipeline import Built
from ranklet.startup import budget, hosted
from ranklet.startup.account import STARTS, Account, account

SHOWN = 25
"""Modules in the table; `--json` has all."""


def measure(built: Built, folder: Path, out: Path, *, fetch: bool, progress: Callable[[str], None]) -> Account | None:
    """Start a built model on this machine. fetch: build layers that are not here; without, None where they are not.

    Raises PackagingError where the start passes its budget.
    """
    if not fetch and not hosted.at_hand(built.manifest, out):
        return None
    described = model.load(folder)
    rows = golden.read(pipeline.files_below(folder, described.golden.file))
    event = hosted.event(built.manifest, rows[0])
    sort = _sort(built)
    with ExitStack() as stack:
        tables = out / "tables"
        away = [one for one in built.manifest.spec.tables.values() if one.placement == "dynamodb"]
        extra = proof.environment([tables / one.physical for one in away], stack)
        extra |= proof.fetching(built.manifest, tables, stack)
        place = hosted.place(built.manifest, built.folder, out, extra=extra, progress=progress)
        progress("starting it")
        found = account(place, event, starts=STARTS if fetch else 1)
        if list(budget.over(found, **sort)) and not fetch:
            # Once more, and the least of several: what disturbed one start is no reason to refuse a build.
            found = account(place, event)
    budget.check(built.model, found, **sort)
    return found


def told(found: Account | None, built: Built, out: Path, *, asked: bool) -> Mapping[str, Any]:
    """What `--json` adds for who asked; milliseconds, bytes."""
    if found is None or not asked:
        return {}
    onnx = artefacts.uses_onnx(built.manifest)
    sizes = {layer: tree.size(folder) for layer, folder in _layers(built, out).items()}
    start = {
        "cpu_ms": found.cpu_ms,
        "wall_ms": found.wall_ms,
        "phases": [{"phase": name, "cpu_ms": cpu, "wall_ms": wall} for name, (cpu, wall) in found.phases.items()],
        "modules": [dataclasses.asdict(module) for module in found.modules],
        "layers": sizes,
        "budget": {
            "modules": budget.modules(**_sort(built)),
            "layers": budget.LAYERS[onnx],
            "imports_over_stock": budget.TIMES[onnx],
        },
    }
    return {"start": start}


def show(starts: Sequence[tuple[Built, Account | None]], out: Path, *, asked: bool) -> None:
    """Of each model two tables, for who asked: phases, and the slowest modules."""
    for built, found in starts:
        if found is None:
            terminal.ERR.print(f"  {built.model} start not measured: no layers here yet; see --why-slow", markup=False)
        elif asked:
            _show(found, built, out)


def _show(found: Account, built: Built, out: Path) -> None:
    phases = [[name, f"{cpu:.1f}", f"{wall:.1f}"] for name, (cpu, wall) in found.phases.items()]
    for group in ("numpy", "onnxruntime", "ours", "others"):
        cpu, wall = found.group(group)
        phases.append([f"imports: {group}", f"{cpu:.1f}", f"{wall:.1f}"])
    title = f"{built.model}: from exec to the first answer, {found.cpu_ms:.0f} ms of CPU"
    terminal.show(title, ("phase", "CPU ms:", "wall ms:"), phases)
    rows = [
        [one.name, one.group, f"{one.cpu_ms:.2f}", f"{one.wall_ms:.2f}", terminal.size(one.bytes), one.by]
        for one in found.modules[:SHOWN]
    ]
    terminal.show(
        f"{built.model}: the {len(rows)} slowest of {len(found.modules)} imports",
        ("module", "group", "CPU ms:", "wall ms:", "read:", "asked for by"),
        rows,
    )
    sizes = ", ".join(f"{layer} {terminal.size(tree.size(folder))}" for layer, folder in _layers(built, out).items())
    terminal.ERR.print(f"  {built.model} layers for this machine: {sizes}", markup=False)


def _sort(built: Built) -> dict[str, bool]:
    """Of what sort a function is, by which its budget differs."""
    away = [one for one in built.manifest.spec.tables.values() if one.placement == "dynamodb" or one.snapshot]
    network = bool(away) or built.manifest.artefacts is not None
    return {"onnx": artefacts.uses_onnx(built.manifest), "network": network}


def _layers(built: Built, out: Path) -> dict[str, Path]:
    return {
        layer.name: layer.folder for layer in hosted.place(built.manifest, built.folder, out, extra={}).function.layers
    }
