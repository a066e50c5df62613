"""How inputs were distributed in training: buckets that hold a tenth each, and how many values lie in them.

Of the rows in `[watch] reference`, or of the golden requests, which are fewer and chosen: from fewer than LEAST values
of an input nothing is said. The function sorts what it is sent into the same buckets, `ranklet_runtime.health`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.errors import ModelError
from ranklet.golden import Golden
from ranklet.model import Model
from ranklet_features.spec import Input
from ranklet_runtime.watched import Reference

BUCKETS = 10
LEAST = 100
"""Values of an input that say how it is distributed."""


def read(model: Model, rows: Sequence[Golden], resolve: Callable[[str], Path]) -> dict[str, Reference]:
    """The references of a model's numeric inputs; none where health is off.

    resolve: the path of a file below the model's folder. Raises ModelError for a file that cannot be read.
    """
    if not model.watch.health:
        return {}
    numeric = {name: one for name, one in model.inputs.items() if one.type != "string"}
    file = model.watch.reference
    found = _of_golden(rows, numeric) if file is None else _of_file(resolve(file), numeric)
    references = {name: _reference(values) for name, values in found.items()}
    return {name: one for name, one in references.items() if one is not None}


def reference(values: NDArray[np.float64]) -> Reference | None:
    """The buckets of some values, cut at their tenths; equal ones are one. None for too few values."""
    finite = values[np.isfinite(values)]
    if len(finite) < LEAST:
        return None
    edges = np.unique(np.quantile(finite, np.arange(1, BUCKETS) / BUCKETS, method="inverted_cdf"))
    counts = np.bincount(np.searchsorted(edges, finite, side="left"), minlength=len(edges) + 1)
    return Reference(tuple(edges.tolist()), tuple(counts.tolist()))


def _reference(values: Sequence[Any]) -> Reference | None:
    """None for values that are no numbers as well: golden requests are judged when they are replayed."""
    try:
        return reference(np.asarray(values, np.float64))
    except (ValueError, TypeError, OverflowError):
        return None


def _of_golden(rows: Sequence[Golden], numeric: Mapping[str, Input]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {name: [] for name in numeric}
    for row in rows:
        sides = {"user": row.user, "context": row.context, "item": row.items}
        for name, declared in numeric.items():
            value = sides[declared.side].get(name)
            found[name] += _flat([value] if declared.side != "item" else value or ())
    return found


def _of_file(path: Path, numeric: Mapping[str, Input]) -> dict[str, list[Any]]:
    readers = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
    if path.suffix not in readers:
        raise ModelError(f"watch.reference is {path.name}; it ends with {', '.join(readers)}")
    found: dict[str, list[Any]] = {name: [] for name in numeric}
    try:
        for record in readers[path.suffix](path, numeric):
            for name in numeric:
                found[name] += _flat([record.get(name)])
        for values in found.values():
            np.asarray(values, np.float64)
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, ImportError) as error:
        raise ModelError(f"watch.reference {path.name}: {error}") from error
    if not any(found.values()):
        raise ModelError(f"watch.reference {path.name} has none of the numeric inputs {sorted(numeric)} as a column")
    return found


def _csv(path: Path, numeric: Mapping[str, Input]) -> Iterator[Mapping[str, Any]]:
    with path.open(newline="", encoding="utf-8") as file:
        for record in csv.DictReader(file):
            yield {name: float(text) for name, text in record.items() if name in numeric and text}


def _jsonl(path: Path, numeric: Mapping[str, Input]) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        yield from (orjson.loads(line) for line in file if line.strip())


def _parquet(path: Path, numeric: Mapping[str, Input]) -> Iterator[Mapping[str, Any]]:
    # Imported here: an extra.
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=[name for name in file.schema_arrow.names if name in numeric]):
            yield from batch.to_pylist()


def _flat(values: Iterable[Any]) -> list[Any]:
    """Numbers of scalars and of lists, without nulls."""
    nested = (value if isinstance(value, list) else [value] for value in values)
    return [value for value in chain.from_iterable(nested) if value is not None]
