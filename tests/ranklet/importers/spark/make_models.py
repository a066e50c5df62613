"""Fits the pipelines by Spark, exports them by both roads, and stores Spark's own predictions: spark.zip.

PMML is pyspark2pmml's. MLeap's writer for Spark is Scala's and in no package of Python's: bundles are laid out as MLeap
documents them, from the fitted stages, by what the tests of MLeap's importer write with.

python tests/oracles.py spark --make                (needs Java 17)
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "mleap")]

import mleap_spark  # noqa: E402
import mleap_writing  # noqa: E402
import mllib_zoo  # noqa: E402
from mllib_kit import Stored  # noqa: E402

DATE = (1980, 1, 1, 0, 0, 0)
ROW = "row"


def main(wanted: list[str]) -> None:
    """wanted: only these cases, beside what is stored."""
    spark, target = session(), HERE / "spark.zip"
    files = _files(target) if wanted else {}
    for case in mllib_zoo.cases():
        if not wanted or case.name in wanted:
            made = export(spark, case)
            files |= {f"{case.name}/{name}": content for name, content in made.files.items()}
            _store(target, files)
            print(case.name, {name: len(one) for name, one in made.files.items()}, made.refused, flush=True)


def _files(path: Path) -> dict[str, bytes]:
    if not path.exists():
        return {}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _store(path: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, DATE), files[name], zipfile.ZIP_DEFLATED, 9)


def session() -> Any:
    """Of one thread, with pyspark2pmml's jars, which its wheel holds."""
    import pyspark2pmml
    from pyspark.sql import SparkSession

    settings = {
        "spark.jars": pyspark2pmml.spark_jars(),
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.codegen.wholeStage": "false",
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    found = builder.getOrCreate()
    found.sparkContext.setLogLevel("OFF")
    return found


def export(spark: Any, case: mllib_zoo.Case) -> Stored:
    """A case fitted, by both roads, with Spark's predictions."""
    from pyspark.ml import Pipeline

    trained, asked = case.trained(), case.asked()
    learned = frame(spark, trained).drop(ROW).cache()
    model = Pipeline(stages=[*_label(case, trained), *case.stages()]).fit(learned)
    stages = [one for one in model.stages if not (one.hasParam("outputCol") and one.getOutputCol() == "label")]
    bundle = mleap_writing.bundle(mleap_spark.stages(stages, {}))
    answers, refused = predicted(spark, stages, asked)
    pmml = _pmml(learned, model) if case.pmml else b""
    return Stored(pmml, bundle, asked, answers, refused)


def _label(case: mllib_zoo.Case, trained: Mapping[str, list[Any]]) -> list[Any]:
    """What indexes a label of words: served it is not, so a bundle has none."""
    from pyspark.ml.feature import StringIndexer

    if isinstance(trained[case.label][0], str):
        return [StringIndexer(inputCol=case.label, outputCol="label", stringOrderType="alphabetAsc")]
    return []


def _pmml(learned: Any, model: Any) -> bytes:
    from pyspark2pmml import PMMLBuilder

    text: str = PMMLBuilder(learned.schema, model).buildString()
    head, _, rest = text.partition("<Timestamp>")
    return (head + rest.partition("</Timestamp>")[2]).encode()  # the same bytes at each making


def frame(spark: Any, columns: Mapping[str, list[Any]], at: range | None = None) -> Any:
    """at: of these rows only; their numbers are the column `row`."""
    from pyspark.sql import types as t

    rows = range(len(next(iter(columns.values())))) if at is None else at
    kinds = {
        name: t.StringType() if any(isinstance(one, str) for one in values) else t.DoubleType()
        for name, values in columns.items()
    }
    schema = t.StructType([t.StructField(name, kind) for name, kind in kinds.items()]).add(ROW, t.LongType())
    return spark.createDataFrame([(*(values[row] for values in columns.values()), row) for row in rows], schema)


def predicted(spark: Any, stages: list[Any], asked: Mapping[str, list[Any]]) -> tuple[dict[str, list[Any]], list[int]]:
    """(predictions and probabilities, the rows that Spark raises for)."""
    count = len(next(iter(asked.values())))
    found: dict[int, Any] = {}
    refused = _collect(spark, stages, asked, range(count), found)
    answers = {"prediction": [found[row]["prediction"] if row in found else None for row in range(count)]}
    if "probability" in next(iter(found.values())):
        for at in range(len(next(iter(found.values()))["probability"])):
            answers[f"probability_{at}"] = [
                float(found[row]["probability"][at]) if row in found else None for row in range(count)
            ]
    return answers, refused


def _collect(
    spark: Any, stages: list[Any], asked: Mapping[str, list[Any]], at: range, found: dict[int, Any]
) -> list[int]:
    """Halves what Spark raises for until single rows are left."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException
    from pyspark.ml import PipelineModel

    try:
        found |= {one[ROW]: one.asDict() for one in PipelineModel(stages).transform(frame(spark, asked, at)).collect()}
    except (PySparkException, Py4JJavaError):
        if len(at) == 1:
            return list(at)
        half = len(at) // 2
        return _collect(spark, stages, asked, at[:half], found) + _collect(spark, stages, asked, at[half:], found)
    return []


if __name__ == "__main__":
    main(sys.argv[1:])
