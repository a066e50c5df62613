"""What trees read, as lines of [inputs]: a number for each feature that the file names, text where it names categories.

A file without names gets one vector. A missing value is one that trees know, so that no field has to be sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ranklet.errors import ImportRefused
from ranklet.importers import files
from ranklet.importers.proposal import Proposal, ProposedInput, RecordOracle
from ranklet.importers.trees import serving
from ranklet.importers.trees.drawing import Drawn, Words, numbers
from ranklet.importers.trees.inputs import FEATURES
from ranklet.importers.trees.records import Ensemble
from ranklet.model import StepSource

MISSING = "\x00missing"
"""Of a text: no caller sends it."""

INLINE = 24
"""Categories that stand in model.toml; longer lists are files."""


@dataclass(frozen=True)
class Given:
    """A file that was read. options: of the step. strangers: what becomes of unknown categories, as `oov` has it."""

    format: str
    path: Path
    ensemble: Ensemble
    options: Mapping[str, Any]
    strangers: str = "index"
    notes: tuple[str, ...] = ()

    @property
    def texts(self) -> dict[int, tuple[str, ...] | tuple[int, ...]]:
        """The features that come as categories, not as their codes."""
        names = self.options.get(serving.CATEGORIES, [])
        return {at: words for at, words in self.ensemble.categories.items() if self.ensemble.names[at] in names}


def read(path: Path, reader: serving.Reader, options: Mapping[str, Any]) -> Ensemble:
    """Raises ImportRefused with the file's name."""
    content = files.read(path.parent, path.name, limit=serving.MAX_BYTES)
    try:
        return reader(content, options)
    except ImportRefused as error:
        raise ImportRefused(f"{path.name}: {error}") from error


def number(options: Mapping[str, str], name: str) -> dict[str, int]:
    """An option of the command line that is a whole number, where it is given."""
    if name not in options:
        return {}
    try:
        return {name: int(options[name])}
    except ValueError as error:
        raise ImportRefused(f"-o {name}={options[name]} is no whole number") from error


def options(ensemble: Ensemble, asked: Mapping[str, str], own: Mapping[str, Any]) -> dict[str, Any]:
    """The step's options, of those that were asked; own: of the format, typed. Categories come as such unless codes are
    asked for."""
    found = {**own, **number(asked, serving.COLUMN)}
    if ensemble.categories and asked.get(serving.CATEGORIES) != "codes":
        found[serving.CATEGORIES] = [ensemble.names[at] for at in sorted(ensemble.categories)]
    return found


def propose(given: Given, oracle: RecordOracle | None) -> Proposal:
    """Raises ImportRefused for trees that are none, and where it is not said which of several outputs ranks."""
    ensemble, options = given.ensemble, given.options
    if ensemble.outputs > 1 and serving.COLUMN not in options:
        raise ImportRefused(
            f"{given.path.name}: it predicts {ensemble.outputs} numbers a candidate, and one of them ranks: choose it "
            f"by -o column=0 … {ensemble.outputs - 1}"
        )
    step = StepSource(format=given.format, source=f"export/{given.path.name}", options=dict(options))
    try:
        serving.export(ensemble, step)
    except ImportRefused as error:
        raise ImportRefused(f"{given.path.name}: {error}") from error
    files_: dict[str, bytes] = {}
    return Proposal(
        inputs=_inputs(given),
        features=_features(given, files_),
        steps=(step,),
        score="score",
        files=files_,
        kept=True,
        oracle=oracle,
        notes=(*_notes(given), *given.notes, *ensemble.notes),
    )


def _inputs(given: Given) -> dict[str, ProposedInput]:
    ensemble, texts = given.ensemble, given.texts
    turns = numbers(ensemble)
    if not ensemble.names:
        drawn = Drawn(tuple(turns))
        return {FEATURES: ProposedInput({"type": "float", "length": ensemble.width, "nan": "allow"}, drawn.vectors)}
    found: dict[str, ProposedInput] = {}
    for at, name in enumerate(ensemble.names):
        if at not in texts:
            found[name] = ProposedInput({"type": "float", "nan": "allow"}, Drawn((turns[at],)).values)
            continue
        kind = "string" if isinstance(texts[at][0], str) else "int"
        drawn = Drawn((Words(texts[at], strangers=given.strangers != "error"),))
        found[name] = ProposedInput({"type": kind, "default": _missing(texts[at])}, drawn.values)
    return found


def _features(given: Given, files_: dict[str, bytes]) -> dict[str, Mapping[str, Any]]:
    ensemble, texts = given.ensemble, given.texts
    wide = {"dtype": ensemble.dtype} if ensemble.dtype != "float32" else {}
    of: Any = [name for at, name in enumerate(ensemble.names) if at not in texts] if ensemble.names else FEATURES
    found: dict[str, Mapping[str, Any]] = {FEATURES: {"kind": "dense", "of": of, **wide}} if of else {}
    for at, words in sorted(texts.items()):
        vocabulary: Any = [*words, _missing(words)]
        if len(vocabulary) > INLINE:
            file = f"vocabularies/{at}.json"
            files_[file] = orjson.dumps(vocabulary)
            vocabulary = file
        line = {"kind": "category", "of": ensemble.names[at], "vocabulary": vocabulary}
        found[f"{ensemble.names[at]}_id"] = line | ({"oov": "error"} if given.strangers == "error" else {})
    return found


def _missing(words: tuple[str, ...] | tuple[int, ...]) -> str | int:
    """Stands for a missing category: the first of -1, -2, … that is none, of whole numbers."""
    if isinstance(words[0], str):
        return MISSING
    known = set(words)
    return next(value for value in range(-1, -len(words) - 2, -1) if value not in known)


def _notes(given: Given) -> tuple[str, ...]:
    ensemble, texts = given.ensemble, given.texts
    told = ["what is not sent, or null, is a missing value to the trees, as in training"]
    if not ensemble.names:
        told.append(f"the file does not name its {ensemble.width} features: they are sent as one vector, in its order")
    if texts and given.strangers == "error":
        told.append(
            'a category that training did not see is refused, as the library does; take oov = "error" away and '
            "it is a missing one"
        )
    elif texts:
        told.append("a category that training did not see is a missing one, as to the library")
    coded = {int(tree.feature[node]) for tree in ensemble.trees for node in tree.members} - set(texts)
    if coded:
        names = ", ".join(
            ensemble.names[at] if ensemble.names else str(at) for at in sorted(coded)[: serving.MOST_NAMES]
        )
        told.append(f"of these features the trees compare codes, whole numbers as in training: {names}")
    return tuple(told)
