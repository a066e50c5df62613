"""A folder of its own for an ONNX file: inputs by its tensors, golden scores by onnxruntime on the file as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from ranklet.errors import ImportRefused
from ranklet.importers import columns, tensors
from ranklet.importers.base import Exported, TensorSpec
from ranklet.importers.onnx import load
from ranklet.importers.proposal import Columns, Proposal, RecordOracle, Wishes
from ranklet.importers.tensors import Array, Drafted
from ranklet.model import StepSource

OUTPUT, COLUMN = "output", "column"


def propose(path: Path, wishes: Wishes) -> Proposal:
    """options.output: of several outputs, the one that ranks. options.column: of an output of several, one.

    Raises ImportRefused as `load` does.
    """
    options = wishes.only(OUTPUT, COLUMN)
    exported = load(StepSource(format="onnx", source=path.name), path.parent)
    wanted = options.get(OUTPUT)
    if COLUMN in options:
        wanted = wanted or next((spec.name for spec in exported.outputs if _several(spec)), exported.outputs[0].name)
        exported = _picked(exported, wanted, columns.index(options[COLUMN]))
    elif wanted is None and not any(map(_one, exported.outputs)) and any(map(_several, exported.outputs)):
        name = next(spec.name for spec in exported.outputs if _several(spec))
        raise ImportRefused(f"{path.name}: {name!r} is several numbers a candidate; -o {COLUMN}=1 takes the second one")
    return of_graph(exported, wanted=wanted)


def _several(spec: TensorSpec) -> bool:
    return (spec.dtype or "").startswith("float") and spec.shape is not None and len(spec.shape) == 2 and not _one(spec)


def _one(spec: TensorSpec) -> bool:
    return (spec.dtype or "").startswith("float") and spec.shape is not None and spec.shape[1:] in ((), (1,))


def _picked(exported: Exported, output: str, column: int) -> Exported:
    """Without the other columns, and the other outputs."""
    content = columns.pick(exported.content or b"", output, column)
    outputs = tuple(replace(spec, shape=(None, 1)) for spec in exported.outputs if spec.name == output)
    return replace(exported, content=content, outputs=outputs)


def of_graph(
    exported: Exported,
    *,
    wanted: str | None = None,
    oracle: RecordOracle | None = None,
    drafted: Sequence[Drafted] | None = None,
) -> Proposal:
    """What a graph's own tensors propose; importers that convert to ONNX come here, with their own oracle.

    wanted: the output that ranks. oracle: onnxruntime on the graph where none is given. drafted: the inputs where the
    importer knows more of them than the graph tells.
    """
    drafted = tensors.draft(exported) if drafted is None else drafted
    score = tensors.score(exported, wanted)
    content = exported.content or b""
    artefact = f"export/{exported.artefact}"
    notes = [*exported.notes, *(f"{one.tensor}: {note}" for one in drafted for note in one.notes)]
    if len(exported.outputs) > 1:
        names = [spec.name for spec in exported.outputs]
        notes.append(f"of the outputs {names}, {score.name!r} was taken to rank; -o {OUTPUT}=NAME takes another")
    return Proposal(
        inputs={one.tensor: one.input for one in drafted},
        features={one.tensor: one.feature for one in drafted},
        steps=(StepSource(format="onnx", source=artefact, inputs=tensors.masks(drafted)),),
        score=score.name,
        files={artefact: content},
        oracle=oracle or OnnxRuntime(content, drafted, score.name),
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class OnnxRuntime:
    """Onnxruntime itself on the graph."""

    content: bytes
    drafted: Sequence[Drafted]
    score: str

    @property
    def name(self) -> str:
        """With its version."""
        return f"onnxruntime {version('onnxruntime')}"

    def scores(self, columns: Columns) -> Array:
        """As the protocol says."""
        from ranklet_runtime.engines.ort import open_session  # onnxruntime takes its time to import

        (found,) = open_session(self.content, threads=1).run([self.score], tensors.feeds(self.drafted, columns))
        scores: Array = found.reshape(-1)
        return scores
