"""The bundles that could stand for a model with one graph, the best first; made one by one, as the pipeline asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ranklet.errors import ModelError
from ranklet.graph.packing import Unpackable
from ranklet.graph.records import Compiled, Sides
from ranklet.graph.running import RunFailed
from ranklet.graph.sizes import Unavailable
from ranklet.graph.split import Declined
from ranklet.graph.times import BASE
from ranklet.graph.verify import Refuted
from ranklet.model import Model
from ranklet.splitting import compiling, cuts, outcome
from ranklet.splitting.catalogue import catalogue, table
from ranklet.splitting.given import Given
from ranklet.splitting.making import ITEMS, Alternative, make
from ranklet.splitting.sides import sides
from ranklet.splitting.subject import Subject, subject, why_not
from ranklet.tables.sources.base import Asked
from ranklet_features.errors import SpecError
from ranklet_runtime.errors import ManifestError

UNFIT = (RunFailed, Declined, Refuted, Unavailable, Unpackable, ManifestError, SpecError)
"""What compiling may end with, each where a graph is not what a pass requires: its author loses a speed-up then, with
the reason, and not the build. Any other exception is a defect of ours, and ends the build."""

DEFECT = 'this is a defect of the graph compiler, please report it; [split] mode = "off" ships the graph as it is'


@dataclass(frozen=True)
class Split:
    """What compiling found. reason: why no alternative is worth proving, None where one is.

    forced: whether only a split may ship. each: makes the alternatives, lazily. note: writes the full report. notes:
    what the author should know at once.
    """

    reason: str | None
    forced: bool
    each: tuple[Callable[[], Alternative], ...]
    note: Callable[[Mapping[str, Any]], None]
    said: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def alternatives(given: Given) -> Split | None:
    """None for a model that is not concerned: several steps, another engine, `mode = "off"`.

    Raises ModelError where `mode = "force"` finds no split, and ModelError and TableError for a catalogue that is not
    there or cannot be read.
    """
    model = given.model
    forced = model.split.mode == "force"
    if model.split.mode == "off":
        return None
    if (why := why_not(model, given.parts.steps)) is not None:
        if forced:
            raise ModelError(f'{model.name}/model.toml: [split] mode = "force", but {why}')
        return _without(why) if model.split.guessed else None
    if ITEMS in model.tables and model.split.catalogue is not None:
        raise ModelError(f"{model.name}/model.toml: [tables.{ITEMS}] has the name of the item table; rename it")
    asked = Asked(ITEMS, table(model), given.folder, given.resolve, model.inputs, model.features)
    found = subject(model, given.folder, given.parts.steps, given.parts.tables, catalogue(model, asked))
    given.progress("compiling the graph")
    declared = sides(found)
    key = compiling.digest(found, declared)
    known = compiling.remembered(given.memory, key)
    try:
        compiled = compiling.compiled(found, declared, known)
    except UNFIT as error:
        if forced:
            raise ModelError(f'{model.name}: [split] mode = "force", but its graph is not split: {error}') from error
        return _without(f"its graph is not split: {error}")
    except Exception as error:
        error.add_note(f"{model.name}: {DEFECT}")
        raise
    measured = known if known is not None or model.split.variant is not None else compiling.choice(key, compiled)
    choice = measured if measured is not None and model.split.variant is None else compiling.choice(key, compiled)
    if forced and compiled.cross is None:
        reasons = "; ".join(f"{name}: {why}" for name, why in compiled.report.declined.items())
        raise ModelError(f'{model.name}: [split] mode = "force", but {reasons or compiled.report.reason}')
    plain = compiled.cross is None and not cuts.read(compiled, compiled.lookups)
    return Split(
        reason=choice.reason if plain else None,
        forced=forced,
        each=tuple(_each(given, found, compiled, declared, choice)),
        note=lambda said: compiling.note(given.memory, measured, compiled, said),
        notes=_unfulfilled(model, compiled),
        said=outcome.said(compiled, choice),
    )


def _unfulfilled(model: Model, compiled: Compiled) -> tuple[str, ...]:
    """Why the variant that model.toml names does not ship."""
    asked, report = model.split.variant, compiled.report
    if asked is None or asked == report.shipped:
        return ()
    return (f'[split] variant = "{asked}" is not shipped: {report.declined.get(asked[0], report.reason)}',)


def _without(reason: str) -> Split:
    """Nothing was compiled."""
    return Split(reason, False, (), lambda said: None, outcome.uncut(reason))


def _each(
    given: Given, subject: Subject, compiled: Compiled, declared: Sides, choice: compiling.Choice
) -> Iterator[Callable[[], Alternative]]:
    if compiled.cross is not None:
        yield lambda: make(given, subject, compiled, declared, choice)
    if compiled.tables and given.model.split.mode != "force":
        report = replace(compiled.report, shipped=BASE, trials=0, worst=0.0, proven={}, dynamic={}, refused={})
        report = replace(report, below=0, grown=0)
        whole = replace(compiled, user=None, item=None, cross=None, fused=None, record=None, rest=None, report=report)
        yield lambda: make(given, subject, whole, declared, choice)
