"""Fits the pipelines by Spark and by scikit-learn, writes their bundles and their answers: mleap.zip. Needs Java 17.

python tests/oracles.py mleap --make
"""

from __future__ import annotations

import json
import math
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import mleap_cases  # noqa: E402
import mleap_spark  # noqa: E402
import mleap_writing as w  # noqa: E402

DIGITS = 15


def main(wanted: list[str]) -> None:
    """wanted: only cases whose names begin so, beside what is stored."""
    target = HERE / "mleap.zip"
    files = _stored(target) if wanted else {}
    for name, bundle, rows, answers in _cases(wanted):
        files |= {
            f"{name}/bundle.zip": bundle,
            f"{name}/rows.json": _json(rows),
            f"{name}/answers.json": _json(answers),
        }
        print(name, len(next(iter(rows.values()))), sorted(answers), flush=True)
        _write(target, files)


def _write(target: Path, files: Mapping[str, bytes]) -> None:
    beside = target.with_suffix(".part")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, w.DATE), files[name], zipfile.ZIP_DEFLATED, 9)
    beside.replace(target)


Answered = tuple[str, bytes, dict[str, list[Any]], dict[str, list[Any]]]


def _cases(wanted: list[str]) -> Iterator[Answered]:
    if not wanted or any(one.startswith("sklearn") for one in wanted):
        import mleap_sklearn

        yield from mleap_sklearn.cases()
    if wanted and all(one.startswith("sklearn") for one in wanted):
        return
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config(
        "spark.sql.shuffle.partitions", "1"
    ).config("spark.sql.codegen.wholeStage", "false").getOrCreate()  # fmt: skip
    session.sparkContext.setLogLevel("ERROR")
    for case in mleap_cases.cases():
        if not wanted or case.name.startswith(tuple(wanted)):
            yield spark(session, case)
    if not wanted or "films" in wanted:
        import mleap_films

        yield mleap_films.case(session)
    if not wanted or "als" in wanted:
        import mleap_ratings

        yield mleap_ratings.case(session)


def spark(session: Any, case: mleap_cases.Case) -> Answered:
    """One case's bundle, rows and answers."""
    trained, asked = (mleap_cases.rows(case.asked, trained=one) for one in (True, False))
    return fitted(session, case.name, case.stages(), trained, asked)


def fitted(
    session: Any, name: str, stages: list[Any], trained: Mapping[str, Any], asked: Mapping[str, Any]
) -> Answered:
    from pyspark.ml import PipelineModel

    frame, models = _frame(session, trained), list[Any]()
    for stage in stages:
        model = stage.fit(frame) if hasattr(stage, "fit") else stage
        frame = model.transform(frame)
        models.append(model)
    made = mleap_spark.stages(models, {})
    read = {column for one in made for column in one.inputs.values()} - {
        c for one in made for c in one.outputs.values()
    }
    rows = {column: list(asked[column]) for column in asked if column in read}
    found = PipelineModel(models).transform(_frame(session, rows)).collect()
    consumed = {column for one in made for column in one.inputs.values()} - {"prediction"}
    told = [column for one in made for column in one.outputs.values() if column not in consumed]
    rows = {column: [None if one != one else one for one in values] for column, values in rows.items()}
    return name, w.bundle(made), rows, _answers(found, told, len(next(iter(rows.values()))))


def _frame(session: Any, columns: Mapping[str, Any]) -> Any:
    from pyspark.sql import types as t

    kinds = {name: _kind(values, t) for name, values in columns.items()}
    schema = t.StructType(
        [t.StructField("row", t.LongType())] + [t.StructField(name, kind) for name, kind in kinds.items()]
    )
    count = len(next(iter(columns.values())))
    return session.createDataFrame(
        [(at, *(columns[name][at] for name in columns)) for at in range(count)], schema
    ).coalesce(1)


def _kind(values: list[Any], types: Any) -> Any:
    if any(isinstance(one, list) for one in values):
        return types.ArrayType(types.StringType())
    return types.StringType() if any(isinstance(one, str) for one in values) else types.DoubleType()


def _answers(found: list[Any], told: list[str], count: int) -> dict[str, list[Any]]:
    """Columns as an import tells them; None where Spark dropped the row."""
    columns: dict[str, list[Any]] = {}
    for row in found:
        for name in told:
            value = row[name]
            parts = {name: value} if not hasattr(value, "toArray") else {
                f"{name}_{at}": one for at, one in enumerate(value.toArray().tolist())
            }  # fmt: skip
            for column, one in parts.items():
                columns.setdefault(column, [None] * count)[row["row"]] = _plain(one)
    return columns


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else str(value)
    return value


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _stored(path: Path) -> dict[str, bytes]:
    if not path.exists():
        return {}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


if __name__ == "__main__":
    main(sys.argv[1:])
