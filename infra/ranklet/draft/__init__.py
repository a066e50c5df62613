"""A first model.toml for an exported model: what can be read from the file is written, the rest guessed and marked.

1. `formats` recognises the file; 2. its importer reads and checks it; 3. `inputs` makes of each tensor a raw input and
a feature, and `sides` guesses from names whose value it is; 4. `golden` scores invented requests with the source
library; 5. `text` writes it all down. A guess stays marked in model.toml (`guessed = true`) until the author takes the
mark away: the build says so each time, and nothing is split by a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ranklet import importers, model
from ranklet.draft import formats, golden, inputs, text
from ranklet.draft.inputs import Drafted
from ranklet.errors import ModelError
from ranklet.importers.base import Exported, Oracle, TensorSpec
from ranklet.model import StepSource

SCORES = ("score", "logit", "prob", "pred", "ctr", "rank", "output", "relevance")
"""Parts of names that an output which ranks is given, the most telling first."""


@dataclass(frozen=True)
class Draft:
    """What was written. notes: what the author should check, one sentence each."""

    folder: Path
    format: str
    inputs: tuple[Drafted, ...]
    score: str
    item_key: str | None
    golden: int
    notes: tuple[str, ...]


def draft(path: Path, folder: Path, *, format: str | None = None) -> Draft:
    """Write `folder` (new) for the model in the file `path`.

    Raises ImportRefused where the model cannot be served, ModelError where the folder is there already.
    """
    if folder.exists():
        raise ModelError(f"functions/{folder.name} exists already; choose another name, or delete it first")
    kind = formats.recognise(path, format)
    exported = importers.load(StepSource(format=kind, source=path.name), path.parent)
    drafted = inputs.draft(exported)
    score = _score(exported)
    key = inputs.item_key(drafted)
    oracle, told = _oracle(kind, path)
    requests = golden.rows(drafted, exported, score.name, oracle)
    folder.mkdir(parents=True)
    (folder / "export").mkdir()
    packed = kind == "onnx"  # with its external data inside; files of other formats stay as they are
    source = f"export/{exported.artefact if packed else path.name}"
    (folder / source).write_bytes((exported.content or b"") if packed else path.read_bytes())
    (folder / "golden.jsonl").write_bytes(requests)
    (folder / "model.toml").write_text(
        text.model_toml(folder.name, kind, source, drafted, score=score.name, item_key=key), encoding="utf-8"
    )
    model.load(folder)
    notes = (*_notes(exported, drafted, score, key), *told)
    return Draft(folder, kind, drafted, score.name, key, requests.count(b"\n"), notes)


def _oracle(kind: str, path: Path) -> tuple[Oracle | None, tuple[str, ...]]:
    """Who scores the golden requests, and what to say of it."""
    try:
        oracle = importers.oracle(kind, path)
    except ImportError:
        told = (
            f"{kind} is not installed: the golden scores are the imported graph's own, and prove nothing of the import"
        )
        return None, (told,)
    return oracle, () if oracle is None else (f"the golden scores are those of {oracle.name} on {path.name}",)


def _score(exported: Exported) -> TensorSpec:
    """The output that ranks: one number a candidate, by its name where there are several."""
    single = [spec for spec in exported.outputs if (spec.dtype or "").startswith("float") and _is_one(spec)]
    if not single:
        shapes = {spec.name: spec.shape for spec in exported.outputs}
        raise ModelError(
            f"no output is one number a candidate: {shapes}; export a score of shape [batch] or [batch, 1]"
        )
    return min(single, key=lambda spec: next((i for i, part in enumerate(SCORES) if part in spec.name.lower()), 99))


def _is_one(spec: TensorSpec) -> bool:
    return spec.shape is not None and spec.shape[1:] in ((), (1,))


def _notes(exported: Exported, drafted: tuple[Drafted, ...], score: TensorSpec, key: str | None) -> tuple[str, ...]:
    notes = list(exported.notes)
    notes += [f"{one.tensor}: {note}" for one in drafted for note in one.notes]
    if len(exported.outputs) > 1:
        notes.append(f"of the outputs {[spec.name for spec in exported.outputs]}, {score.name!r} was taken to rank")
    if key is None:
        notes.append(
            "no input looks like the candidate's id: answers to top_k give positions until output.item_key is set"
        )
    return tuple(notes)
