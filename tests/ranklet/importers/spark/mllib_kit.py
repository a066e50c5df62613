"""Stored models of Spark by both roads, and what their imports answer: callers' values, by name."""

from __future__ import annotations

import math
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from ranklet import importers
from ranklet.importers.proposal import Proposal, Wishes
from ranklet.importers.proving import plan_of
from ranklet_features.errors import InputError
from ranklet_runtime.engines.ort import open_session

ARCHIVE = Path(__file__).with_name("spark.zip")
ROADS = {"pmml": "model.pmml", "mleap": "model.zip"}
RELATIVE = 1e-6
SMALLEST = 1e-3
"""Answers below it are compared as if they were as large."""

Columns = Mapping[str, Sequence[Any]]


def names() -> list[str]:
    with zipfile.ZipFile(ARCHIVE) as archive:
        return sorted({name.split("/")[0] for name in archive.namelist()})


class Stored(NamedTuple):
    """pmml, mleap: exported, empty where a road is closed.

    answers: Spark's, a column each, None where it drops the row. refused: rows that it raises for.
    """

    pmml: bytes
    mleap: bytes
    rows: Columns
    answers: Columns
    refused: Sequence[int]

    @property
    def files(self) -> dict[str, bytes]:
        told = {"rows": self.rows, "answers": self.answers, "refused": self.refused}
        return {ROADS["pmml"]: self.pmml, ROADS["mleap"]: self.mleap} | {
            f"{name}.json": orjson.dumps(one) for name, one in told.items()
        }

    def missing_word(self, row: int) -> bool:
        """Whether a text is null."""
        texts = [one for one in self.rows.values() if any(isinstance(value, str) for value in one)]
        return any(one[row] is None for one in texts)


def stored(name: str) -> Stored:
    with zipfile.ZipFile(ARCHIVE) as archive:
        exported = [archive.read(f"{name}/{file}") for file in ROADS.values()]
        told = [orjson.loads(archive.read(f"{name}/{file}.json")) for file in ("rows", "answers", "refused")]
    return Stored(exported[0], exported[1], *told)


def hold(case: Stored, road: str, folder: Path) -> None:
    """Asserts that what is imported answers as Spark does.

    Spark takes a text that is null for an unknown one. In PMML it is missing: trees that ask for it have no answer
    (missingValueStrategy="nullPrediction"), nor have generalized linear models, and what Spark raises for is served,
    all as JPMML does.
    """
    several = "probability_2" in case.answers
    exported = case.pmml if road == "pmml" else case.mleap
    found, refused = Ours(proposed(exported, road, folder, "prediction" if several else None)).answers(case.rows)
    silent = any(one in exported for one in (b'missingValueStrategy="nullPrediction"', b"<GeneralRegressionModel"))
    dropped = [row for row, one in enumerate(case.answers["prediction"]) if one is None]
    assert set(refused) <= set(dropped)
    for column, wanted in case.answers.items():
        ours = found[_name(column, road, found)]
        for row, (answer, spark) in enumerate(zip(ours, wanted, strict=True)):
            if road == "pmml" and case.missing_word(row) and (row in case.refused or (silent and answer is None)):
                continue
            bound = 0 if column == "prediction" and "probability_0" in case.answers else RELATIVE
            told = {one: values[row] for one, values in case.rows.items()}
            assert apart(answer, spark) <= bound, (column, row, spark, answer, told)


def _name(column: str, road: str, found: Columns) -> str:
    """What an output of Spark's is called."""
    if road == "pmml" and column.startswith("probability_"):
        return [one for one in found if one.startswith("probability(")][int(column.removeprefix("probability_"))]
    return column if column in found else "score"


def proposed(exported: bytes, road: str, folder: Path, output: str | None) -> Proposal:
    """An import of a file, whose format is found by what stands in it. output: what ranks, where it must be said."""
    path = folder / ROADS[road]
    path.write_bytes(exported)
    found = importers.recognise(path)
    assert found == road
    return importers.propose(found, path, Wishes(options={} if output is None else {"output": output}))


class Ours:
    """An import, asked row by row of columns: rows that feature assembly refuses are set aside."""

    def __init__(self, proposal: Proposal) -> None:
        self.proposal = proposal
        with tempfile.TemporaryDirectory() as folder:
            self.plan = plan_of(proposal, Path(folder))
        self.session = open_session(proposal.files["export/model.onnx"], threads=1)

    def answers(self, rows: Columns) -> tuple[dict[str, list[Any]], list[int]]:
        """(told outputs and `score` by name, None for none; the rows that were refused, None in each)."""
        asked = list(range(len(next(iter(rows.values())))))
        count, refused = len(asked), list[int]()
        while True:
            try:
                found = self._run({name: [rows[name][row] for row in asked] for name in self.proposal.inputs})
            except InputError as error:
                refused.append(asked.pop(error.index[0]))
                continue
            whole: dict[str, list[Any]] = {name: [None] * count for name in found}
            for name, column in found.items():
                for row, value in zip(asked, column, strict=True):
                    whole[name][row] = value
            return whole, sorted(refused)

    def _run(self, rows: Columns) -> dict[str, list[Any]]:
        tensors = self.plan.assemble_columns(rows).tensors
        given = {one.name: tensors[one.name] for one in self.session.get_inputs()}
        made = dict(zip((one.name for one in self.session.get_outputs()), self.session.run(None, given), strict=True))
        found = {"score": _told(made["score"], None)}
        return found | {name: _told(made[one.tensor], one.labels) for name, one in self.proposal.tell.items()}


def _told(values: np.ndarray, labels: Sequence[Any] | None) -> list[Any]:
    if labels is not None:
        return [None if code == 0 else labels[code - 1] for code in values.reshape(-1).tolist()]
    return [None if math.isnan(one) else one for one in values.reshape(-1).tolist()]


def apart(found: Any, wanted: Any) -> float:
    """How far two answers are from each other, relative; infinite where one is none."""
    if found is None or wanted is None:
        return 0.0 if found is wanted else math.inf
    return float(abs(found - wanted) / max(abs(wanted), SMALLEST))
