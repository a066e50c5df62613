"""Stored PMML files with JPMML's answers, and what our compiled form of them answers: callers' values, by name."""

from __future__ import annotations

import math
import re
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort
import orjson

from ranklet.importers.pmml import compiling, markup
from ranklet.importers.pmml.values import NUMERIC, Choice, Number
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.errors import InputError
from ranklet_features.spec import Feature, Input

ARCHIVES = [Path(__file__).with_name(name) for name in ("pmml.zip", "texts.zip", "mixtures.zip")]
INVALID = ("ValueCheckException", "InvalidResultException")
"""JPMML's refusals of a row because a value is not valid, or missing where it must not be."""
OTHER = "<other>"
BEYOND = {"inf": math.inf, "-inf": -math.inf, "nan": None}
"""What JSON does not have; no number is null to callers."""

Columns = Mapping[str, Sequence[Any]]


class Stored(NamedTuple):
    """rows: raw values by field. answers: JPMML's by output field. errors: row → the exception where it has none."""

    text: bytes
    rows: dict[str, list[Any]]
    answers: dict[str, list[Any]]
    errors: dict[int, str]

    @property
    def count(self) -> int:
        return len(next(iter(self.rows.values())))

    @property
    def refused(self) -> list[int]:
        """Rows that hold an invalid value."""
        return [row for row, error in self.errors.items() if error in INVALID]


@cache
def _contents() -> dict[str, bytes]:
    found = {}
    for path in ARCHIVES:
        with zipfile.ZipFile(path) as archive:
            found |= {name: archive.read(name) for name in archive.namelist()}
    return found


def names() -> list[str]:
    return sorted(name.split("/")[0] for name in _contents() if name.endswith("/model.pmml"))


def stored(name: str) -> Stored:
    files = _contents()
    text = files[f"{name}/model.pmml"]
    said = orjson.loads(files[f"{name}/case.json"])
    rows = orjson.loads(files[said["rows"]])
    withheld = hidden(text.decode())
    answers = {
        field: [BEYOND.get(one, one) for one in column]
        for field, column in said["columns"].items()
        if field not in withheld
    }
    return Stored(text, rows, answers, {int(row): error for row, error in said["errors"].items()})


def hidden(text: str) -> set[str]:
    """Output fields that JPMML tells and callers do not get."""
    outputs = re.findall(r"<(?:\w+:)?OutputField ([^>]*)>", text)
    return {found[1] for one in outputs if "isFinalResult" in one and (found := re.search(r'name="([^"]+)"', one))}


class Ours:
    """A compiled file, fed by feature assembly."""

    def __init__(self, text: bytes) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pmml-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        path = self.folder / "model.pmml"
        path.write_bytes(text)
        with markup.deep():
            self.compiled = compiling.compile(markup.read(path))
        self.floats = self.compiled.model.get("x-mathContext") == "float"

    @cached_property
    def _used(self) -> set[str]:
        tape = self.compiled.sources.tape
        return {name for value in self.compiled.told.values() for name in tape.reads(value.tensor)}

    @cached_property
    def _session(self) -> ort.InferenceSession:
        sources = self.compiled.sources
        outputs = {f"out{at}": value.tensor for at, value in enumerate(self.compiled.told.values())}
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        return ort.InferenceSession(sources.tape.graph(sources.graph_inputs(self._used), outputs, "pmml"), options)

    @cached_property
    def _plan(self) -> FeaturePlan:
        sources, files = self.compiled.sources, dict[str, bytes]()
        lines = dict(sources.features(self._used, files))
        for name, content in files.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_bytes(content)
        features = {
            name: Feature(line["kind"], tuple(line["of"]), {key: line[key] for key in set(line) - {"kind", "of"}})
            for name, line in lines.items()
        }
        inputs = {name: Input(side="item", **field.fields) for name, field in sources.fields.items()}
        return FeaturePlan.compile(FeatureSpec(inputs, features), self.folder, {})

    def run(self, rows: Columns) -> dict[str, list[Any]]:
        """What callers get. Raises InputError for a row that the model refuses."""
        tensors = self._plan.assemble_columns({name: list(values) for name, values in rows.items()}).tensors
        given = {one.name: tensors[one.name] for one in self._session.get_inputs()}
        found = self._session.run(None, given)
        return {
            name: _told(value, array) for (name, value), array in zip(self.compiled.told.items(), found, strict=True)
        }

    def refused(self, rows: Columns, row: int) -> InputError | None:
        """The refusal of one row alone."""
        try:
            self.run({name: [values[row]] for name, values in rows.items()})
        except InputError as error:
            return error
        return None

    def answered(self, rows: Columns, asked: Sequence[int]) -> tuple[dict[str, list[Any]], list[int], dict[int, str]]:
        """Answers, the rows that they are of, and the field for which each of the other rows was refused."""
        left, refused = list(asked), dict[int, str]()
        while left:
            try:
                return self.run({name: [values[row] for row in left] for name, values in rows.items()}), left, refused
            except InputError as error:
                refused[left.pop(error.index[0])] = error.name
        return {name: [] for name in self.compiled.told}, [], refused


def _told(value: Number | Choice, array: np.ndarray) -> list[Any]:
    if isinstance(value, Number):
        return [None if math.isnan(one) else one for one in array.tolist()]
    words: list[Any] = [None, *value.domain.words, OTHER]
    return [_typed(words[code], value.kind) for code in array.tolist()]


def _typed(word: str | None, kind: str) -> Any:
    if word is None or word == OTHER:
        return word
    if kind == "boolean":
        return word == "true"
    return float(word) if kind in NUMERIC else word


def differs(found: Any, wanted: Any, relative: float) -> float | None:
    """How far two answers are apart, None where they are equal enough."""
    if isinstance(wanted, bool) or isinstance(found, bool) or not (_number(wanted) and _number(found)):
        return None if found == wanted else math.inf
    if found == wanted or (math.isnan(found) and math.isnan(wanted)):
        return None
    apart = abs(found - wanted) / max(abs(wanted), 1e-6)
    return None if apart <= relative else apart


def _number(value: Any) -> bool:
    return isinstance(value, int | float)
