"""From records to an `Exported`: what every reader of trees does last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers import files
from ranklet.importers.base import Exported, TensorSpec
from ranklet.importers.trees import checks, inputs, lowering, packing, trial
from ranklet.importers.trees.records import Ensemble
from ranklet.model import StepSource

MAX_BYTES = 1 << 30
"""Of a model's file: text is several times the size of the graph, which a function's package bounds at 250 MB."""

Reader = Callable[[bytes, Mapping[str, Any]], Ensemble]
"""(a file's bytes, the options that are its own) → records. Raises ImportRefused with the place in the file."""

COLUMN, CATEGORIES = "column", "categories"

MOST_NAMES = 20
"""That a note shows."""


def load(source: StepSource, folder: Path, read: Reader, *, options: frozenset[str] = frozenset()) -> Exported:
    """Read, check, lower and try the trees of one file. options: what `read` takes of steps.options.

    Raises ImportRefused as `read` does, and for trees that are none; always with the file's name.
    """
    if source.source is None:
        raise ImportRefused(f"{source.format}: steps.source is missing; name the model's file below the model's folder")
    allowed = options | {COLUMN, CATEGORIES}
    if unknown := set(source.options) - allowed:
        raise ImportRefused(f"{source.source}: unknown options {sorted(unknown)}; allowed: {sorted(allowed)}")
    if source.once:
        raise ImportRefused(f"{source.source}: steps.once is for graphs that are split; trees are not, drop it")
    content = files.read(folder, source.source, limit=MAX_BYTES)
    try:
        ensemble = read(content, {name: value for name, value in source.options.items() if name in options})
        return export(ensemble, source)
    except ImportRefused as error:
        raise ImportRefused(f"{source.source}: {error}") from error


def export(ensemble: Ensemble, source: StepSource) -> Exported:
    """Check, lower and try trees that were read. Raises ImportRefused for what is no ensemble, or no such option."""
    checks.check(ensemble)
    column = _column(ensemble, source.options.get(COLUMN))
    ids = inputs.chosen(ensemble, _names(source.options.get(CATEGORIES, [])))
    notes = (_order(ensemble, ids), MISSING, *ensemble.notes)
    if packing.chosen(ensemble, source.engine, ids=bool(ids)):
        return packing.export(ensemble, source, notes)
    content = lowering.lower(ensemble, column=column, ids=ids)
    trial.run(ensemble, content, column=column, ids=ids)
    alone = column is not None or ensemble.outputs == 1
    shape = (None,) if alone else (None, ensemble.outputs)
    output = TensorSpec(lowering.SCORE if alone else lowering.SCORES, ensemble.dtype, shape)
    if unknown := sorted(set(source.outputs) - {output.name}):
        raise ImportRefused(f"it has no output {unknown}; its output is {output.name!r}")
    return Exported(
        "onnx",
        inputs.specs(ensemble, ids),
        (output,),
        f"{PurePosixPath(source.source or '').stem}.onnx",
        content,
        notes=notes,
    )


def _column(ensemble: Ensemble, given: Any) -> int | None:
    if given is not None and (type(given) is not int or not 0 <= given < ensemble.outputs):
        raise ImportRefused(f"options.column is {given!r}; its outputs are 0 to {ensemble.outputs - 1}")
    return given


def _names(given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ImportRefused(f"options.categories is {given!r}; give a list of names of features")
    return given


MISSING = (
    'trees were trained to take NaN for a missing value: allow it by nan = "allow" in [inputs], if callers send it'
)


def _order(ensemble: Ensemble, ids: Sequence[inputs.Ids]) -> str:
    if not ensemble.names:
        return f"features is {ensemble.width} numbers in the order of training; the file has no names of them"
    beside = {one.at for one in ids}
    names = [name for at, name in enumerate(ensemble.names) if at not in beside]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"features is, in this order: {', '.join(names[:MOST_NAMES])}{more}"
