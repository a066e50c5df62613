"""ONNX graphs: read, checked, run, and packed into one file.

1. **reading** parses the file and takes external data in, from inside the model's folder only.
2. **nodes** refuses what would not be served exactly: unknown operators, random ones, training mode.
3. **interface** turns inputs and outputs into `TensorSpec`s, or says how to export them.
4. **trial** runs the graph on onnxruntime with 1 and with 3 rows, and compares.
5. **proposing** makes a folder for a file: inputs by its tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from onnx import TensorProto

from ranklet.errors import ImportRefused
from ranklet.importers import files
from ranklet.importers.base import Exported
from ranklet.importers.onnx import interface, nodes, reading, trial
from ranklet.importers.proposal import Proposal, Wishes
from ranklet.model import StepSource

_OPTIONS = {"dims"}


def recognises(path: Path, head: bytes) -> bool:
    """A protobuf whose first field is ir_version (a small varint), as exporters write it, or the usual ending."""
    return (head[:1] == b"\x08" and len(head) > 2 and head[1] < 64) or path.suffix == ".onnx"


def propose(path: Path, wishes: Wishes) -> Proposal:
    """See `proposing`."""
    from ranklet.importers.onnx import proposing  # which needs `load`

    return proposing.propose(path, wishes)


def load(source: StepSource, folder: Path) -> Exported:
    """Read, check and try a graph.

    options.dims: sizes for the trial of dimensions that the graph leaves open (`{ history = 50 }`).
    Raises ImportRefused naming the node, input or output, and the remedy.
    """
    if source.source is None:
        raise ImportRefused("onnx: steps.source is missing; name the .onnx file below the model's folder")
    if source.engine not in (None, "onnx"):
        raise ImportRefused(f"steps.engine is {source.engine!r}; the format onnx is served by the engine onnx, drop it")
    if unknown := set(source.options) - _OPTIONS:
        raise ImportRefused(f"{source.source}: unknown options {sorted(unknown)}; allowed: {sorted(_OPTIONS)}")
    try:
        model = reading.read(folder, source.source)
        nodes.check(model)
        inputs, outputs = interface.inputs(model, source), interface.outputs(model, source)
        content = reading.pack(model)
        away = reading.outside(model)
        notes = trial.run(model, content, source, (inputs, outputs)) if not away else _untried(away)
    except ImportRefused as error:
        raise ImportRefused(f"{source.source}: {error}") from error
    artefact = f"{PurePosixPath(source.source).stem}.onnx"
    base = files.resolve(folder, source.source).parent if away else None
    return Exported("onnx", inputs, outputs, artefact, content, notes=notes, outside=base)


def _untried(away: Sequence[TensorProto]) -> tuple[str, ...]:
    names = ", ".join(tensor.name for tensor in away)
    return (f"too large to be run whole: {names} stay in their files and are served as embedding tables",)
