"""Run the graph before it is believed: with 1 row and with 3, and the 3 one by one.

A graph that breaks at one row (a squeeze of the batch) or whose first dimension is not the rows is
refused here. Rows that depend on each other (softmax over the candidates, statistics of the batch) are what
a listwise model means: the build says so, and refuses it for a user step, where rows are users.
The trial feeds ids 0 and 1 and numbers of [0, 1); what the values should be, golden rows tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version

import numpy as np
import onnx

from ranklet.errors import ImportRefused
from ranklet.importers.base import TensorSpec
from ranklet.importers.onnx.interface import SERVED
from ranklet.importers.onnx.reading import ONNXRUNTIME
from ranklet.model import StepSource
from ranklet_runtime.engines.base import Array
from ranklet_runtime.engines.onnx import OnnxEngine
from ranklet_runtime.engines.ort import faults, open_session
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Step

ROWS = 3
_OPEN_DIM = 4
"""For a dimension that neither the graph nor `options.dims` gives."""

Specs = tuple[TensorSpec, ...]


def run(model: onnx.ModelProto, content: bytes, source: StepSource, ends: tuple[Specs, Specs]) -> tuple[str, ...]:
    """Try the graph that `content` is the file of; returns notes for the author. ends: its inputs and outputs.

    Raises ImportRefused when onnxruntime cannot load or run it, or an output does not have the rows.
    """
    step = Step("onnx", source.rows, *_wired(ends), artefact="", once=source.once)
    try:
        engine = OnnxEngine(step, open_session(content, threads=1))
        feeds = _feeds(model, source, set(step.inputs))
        whole = _try(engine, feeds, ROWS)
        alone = [_try(engine, _row(feeds, row, source.once), 1) for row in range(ROWS)]
    except (ManifestError, UnicodeDecodeError) as error:
        raise ImportRefused(str(error)) from error
    mixed = [name for name in whole if not _equal(whole[name], np.concatenate([one[name] for one in alone]))]
    if mixed and source.rows == "user":
        raise ImportRefused(
            f"outputs {mixed} of one user depend on other users in the batch; make the rows independent"
        )
    return tuple(_notes(mixed))


def _try(engine: OnnxEngine, feeds: Mapping[str, Array], rows: int) -> dict[str, Array]:
    try:
        found = engine.run(feeds)
    except faults() as error:
        raise ImportRefused(
            f"it does not run on {rows} rows: {error}; if a size is at fault, give it in steps.options.dims"
        ) from error
    for name, value in found.items():
        if value.shape[:1] != (rows,):
            raise ImportRefused(
                f"output {name!r} has shape {list(value.shape)} for {rows} rows, its first dimension must be the rows; "
                "keep the batch dimension (no squeeze() or mean over it) in the export"
            )
    return found


def _feeds(model: onnx.ModelProto, source: StepSource, names: set[str]) -> dict[str, Array]:
    """Numbers for each input, the same ones at every build."""
    random = np.random.default_rng(0)
    values = [value for value in model.graph.input if value.name in names]
    dims = _dims(values, source)
    feeds: dict[str, Array] = {}
    for value in values:
        tensor = value.type.tensor_type
        rows = 1 if value.name in source.once else ROWS
        shape = (rows, *(dim.dim_value or dims.get(dim.dim_param, _OPEN_DIM) for dim in tensor.shape.dim[1:]))
        dtype = SERVED[tensor.elem_type]
        drawn = random.random(shape) if dtype.startswith("float") else random.integers(0, 2, shape)
        feeds[value.name] = drawn.astype(dtype)
    return feeds


def _dims(values: list[onnx.ValueInfoProto], source: StepSource) -> Mapping[str, int]:
    given = source.options.get("dims", {})
    known = {dim.dim_param for value in values for dim in value.type.tensor_type.shape.dim[1:]} - {""}
    if not isinstance(given, Mapping) or set(given) - known:
        raise ImportRefused(f"options.dims is {given}; the dimensions that the graph leaves open are {sorted(known)}")
    if wrong := [name for name, size in given.items() if type(size) is not int or size < 1]:
        raise ImportRefused(f"options.dims.{wrong[0]} is {given[wrong[0]]!r}; give a whole number from 1")
    return given


def _row(feeds: Mapping[str, Array], row: int, once: tuple[str, ...]) -> dict[str, Array]:
    return {name: value if name in once else value[row : row + 1] for name, value in feeds.items()}


def _equal(whole: Array, alone: Array) -> bool:
    """Up to the rounding of another batch size."""
    return whole.shape == alone.shape and np.allclose(whole, alone, rtol=1e-4, atol=1e-5, equal_nan=True)


def _wired(specs: tuple[Specs, Specs]) -> tuple[dict[str, str], dict[str, str]]:
    inputs, outputs = ({spec.name: spec.name for spec in ends} for ends in specs)
    return inputs, outputs


def _notes(mixed: list[str]) -> Iterator[str]:
    if mixed:
        yield f"outputs {mixed} of a candidate depend on the other candidates of the request (a listwise model)"
    if (installed := version("onnxruntime")) != ONNXRUNTIME:
        yield f"tried on onnxruntime {installed}, the layer has {ONNXRUNTIME}; pip install onnxruntime=={ONNXRUNTIME}"
