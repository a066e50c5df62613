"""Weights in an .npz file, for the NumPy engine that model.toml names.

The arrays are checked by the engine itself: it is opened on the file that will be served, which is written anew.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import cast

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers import files
from ranklet.importers.base import Exported, TensorSpec
from ranklet.importers.npz import npz
from ranklet.model import StepSource
from ranklet_runtime.engines import ENGINES, find_engine
from ranklet_runtime.engines.arrays import read_npz
from ranklet_runtime.engines.base import Array, ArrayEngine, Want
from ranklet_runtime.engines.checks import OUTPUTS
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Step


def load(source: StepSource, folder: Path) -> Exported:
    """The step's weights, or none for an engine that needs none.

    Raises ImportRefused naming the file, array, option or input that does not fit the engine, and a weight that is NaN
    or infinite.
    """
    engine = _engine(source)
    try:
        arrays = read_npz(files.resolve(folder, source.source)) if source.source else {}
        _refuse_not_finite(arrays)
        wants = engine.wants(_step(source, source.inputs), arrays)
        opened = _step(source, dict.fromkeys([*wants, *source.inputs]))
        content = npz(arrays) if source.source else None
        _open(engine, opened, content)
    except ManifestError as error:
        raise ImportRefused(f"{source.source or source.engine}: {error}") from error
    return Exported(
        engine=opened.engine,
        inputs=tuple(_spec(name, want) for name, want in wants.items()),
        outputs=tuple(TensorSpec(name, "float32", (None,)) for name in source.outputs or OUTPUTS),
        artefact=opened.artefact,
        content=content,
        options=opened.options,
    )


def _engine(source: StepSource) -> type[ArrayEngine]:
    """The engine's class, of those that compute from arrays."""
    numpy_engines = sorted(set(ENGINES) - {"onnx"})
    if source.engine not in numpy_engines:
        raise ImportRefused(f"steps.engine is {source.engine!r}; the format numpy serves {numpy_engines}")
    if source.once:
        raise ImportRefused(f"{source.engine}: steps.once is for graphs; this engine keeps one row by itself, drop it")
    return cast(type[ArrayEngine], find_engine(source.engine))


def _step(source: StepSource, inputs: Iterable[str]) -> Step:
    """The step as the engine will see it; the tensors' names do not matter here."""
    names = list(inputs)
    options = dict(source.options)
    return Step(
        engine=source.engine or "",
        rows=source.rows,
        inputs={name: name for name in names},
        outputs={name: name for name in source.outputs or OUTPUTS},
        artefact=f"{PurePosixPath(source.source).stem}.npz" if source.source else None,
        options=options,
    )


def _open(engine: type[ArrayEngine], step: Step, content: bytes | None) -> None:
    """Open the engine on the bytes that will be served."""
    with tempfile.TemporaryDirectory() as folder:
        if step.artefact is not None and content is not None:
            Path(folder, step.artefact).write_bytes(content)
        engine.open(step, Path(folder), threads=1)


def _refuse_not_finite(arrays: Mapping[str, Array]) -> None:
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            place = [int(i) for i in np.argwhere(~np.isfinite(array))[0]]
            raise ManifestError(f"array {name!r} holds {array[tuple(place)]} at {place}; train again or set it to 0")


def _spec(name: str, want: Want) -> TensorSpec:
    """An engine's want as a record; ids come in any rank, values in any that flatten to the width."""
    dtype = None if want.values is not None and want.ids is not None else "int64" if want.values is None else "float32"
    return TensorSpec(name, dtype, None, limit=want.ids or want.values or None)
