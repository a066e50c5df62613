"""The engine spark gives the local engine's bytes, whose rows are checked against NumPy, and refuses the same faults.

All of it is slow, as a Spark job takes seconds: what runs by default is the round trip of test_built_round.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import spark_kit as kit

from ranklet.errors import TableError
from ranklet.tables.spark import cluster, single
from ranklet.tables.spark.build import Built
from ranklet.tables.spark.session import quiet, session


def _silent(what: str) -> None:
    """Nobody looks."""


def _same(spark: Any, tmp_path: Path, data: pa.Table, *, partitions: int | None = None, **options: Any) -> Built:
    """Both engines' builds of the data, found equal."""
    recipe, source = kit.recipe(tmp_path, **options), kit.write_rows(data, tmp_path / "data")
    one = single.run(recipe, source, str(tmp_path / "one"), progress=_silent)
    two = cluster.run(spark, recipe, source, str(tmp_path / "two"), partitions=partitions, progress=_silent)
    assert sorted(kit.read_lines(tmp_path / "two")) == sorted(kit.read_lines(tmp_path / "one"))
    assert two.table.default == pytest.approx(one.table.default)
    assert (tmp_path / "two" / "table.json").exists()
    assert (two.table.version, two.table.physical, two.items) == (one.table.version, one.table.physical, one.items)
    return two


@pytest.mark.slow
def test_workers_write_the_local_engines_bytes(spark: Any, tmp_path: Path) -> None:
    data = kit.rows(2500)
    built = _same(spark, tmp_path, data)
    assert built.table.rows == built.items == 2500
    assert built.files == len(list((tmp_path / "two" / "items").glob("part-*.gz")))
    assert not (tmp_path / "two" / "items" / "_SUCCESS").exists(), "ImportTable reads everything below a prefix"


@pytest.mark.slow
def test_what_a_worker_refuses_is_said_in_its_own_words_and_nothing_is_left(spark: Any, tmp_path: Path) -> None:
    data = kit.rows(1500)
    spoilt = kit.replaced(data, "price", [*data["price"].to_pylist()[:-1], float("nan")])
    recipe, source = kit.recipe(tmp_path), kit.write_rows(spoilt, tmp_path / "data")
    with pytest.raises(
        TableError, match=f"^table films: the row with key '{data['movie_id'][-1]}': .*not nan"
    ) as refused:
        cluster.run(spark, recipe, source, str(tmp_path / "out"), progress=_silent)
    assert "Traceback" not in str(refused.value) and "\n" not in str(refused.value)
    assert not (tmp_path / "out" / "items").exists() and not (tmp_path / "out" / "table.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "partitions"),
    [
        ({"page": 16}, None),
        ({"page": 3, "dtype": "int8"}, 5),
        ({"key": "string", "key_column": "name", "dtype": "f16"}, 7),
        ({"dim": 3}, 1),
    ],
)
def test_keys_pages_types_and_partitions_change_no_byte(
    spark: Any, tmp_path: Path, options: dict[str, Any], partitions: int | None
) -> None:
    built = _same(spark, tmp_path, kit.rows(4000), partitions=partitions, **options)
    assert partitions is None or built.files <= partitions


REFUSED: dict[str, tuple[Callable[[pa.Table], pa.Table], dict[str, Any], str]] = {
    "a key twice": (lambda data: pa.concat_tables([data, data.slice(3, 2)]), {}, "2 keys stand on more than one row"),
    "a text twice": (
        lambda data: pa.concat_tables([data, data.slice(0, 1)]),
        {"key": "string", "key_column": "name"},
        "1 keys stand on more than one row, 'film ",
    ),
    "no key": (
        lambda data: kit.replaced(data, "movie_id", [None, *data["movie_id"].to_pylist()[1:]]),
        {},
        "1 rows have no 'movie_id'",
    ),
    "keys of another type": (
        lambda data: kit.replaced(data, "movie_id", [f"{key}" for key in data["movie_id"].to_pylist()]),
        {},
        "column 'movie_id' is string",
    ),
    "no key column": (lambda data: data.drop_columns(["movie_id"]), {}, "no key column 'movie_id'; its columns: name "),
    "no column": (
        lambda data: data.drop_columns(["price"]),
        {},
        r"lacks \['price'\].*its columns: movie_id \(bigint\).*the tower reads: genre, price",
    ),
    "no rows": (lambda data: data.slice(0, 0), {}, "no rows"),
    "an empty key": (
        lambda data: kit.replaced(data, "name", ["", *data["name"].to_pylist()[1:]]),
        {"key": "string", "key_column": "name"},
        "empty, reserved",
    ),
    "a mixing tower": (lambda data: data, {"mixing": True}, "evaluation mode"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", REFUSED)
def test_a_dataset_is_refused_by_name(spark: Any, tmp_path: Path, fault: str) -> None:
    spoil, options, said = REFUSED[fault]
    recipe, source = kit.recipe(tmp_path, **options), kit.write_rows(spoil(kit.rows(1200)), tmp_path / "data")
    with pytest.raises(TableError, match=said):
        cluster.run(spark, recipe, source, str(tmp_path / "out"), progress=_silent)
    assert not (tmp_path / "out" / "items").exists() and not (tmp_path / "out" / "table.json").exists()


@pytest.mark.slow
def test_a_dataset_that_is_not_there_is_refused_in_sparks_words(spark: Any, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"(?i)path.*does.*not exist"):
        cluster.run(spark, kit.recipe(tmp_path), str(tmp_path / "gone"), str(tmp_path / "out"), progress=_silent)


@pytest.mark.slow
def test_workers_import_no_package_of_the_engineers_machine_and_run_this_python(spark: Any) -> None:
    def seen(batches: Any) -> Any:
        import sys

        import ranklet.tables.spark.workers  # noqa: F401  (which Spark's workers run)

        for _ in batches:
            names = {name.split(".")[0] for name in sys.modules} & {"boto3", "click", "rich", "aws_cdk", "onnx"}
            yield pa.RecordBatch.from_pydict({"t": [" ".join(sorted(names)), sys.executable]})

    with quiet():
        found = [row[0] for row in spark.range(1).mapInArrow(seen, "t string").collect()]
    assert found[0] == ""
    assert Path(found[1]).resolve() == Path(os.environ["PYSPARK_PYTHON"]).resolve()


@pytest.mark.slow
def test_a_session_that_is_active_is_lent_and_lives_on(spark: Any) -> None:
    with session("local[1]", {}) as lent:
        assert lent is spark
    assert spark.range(3).count() == 3


@pytest.mark.slow
def test_bits_do_not_depend_on_how_spark_cuts(spark: Any, tmp_path: Path) -> None:
    data = kit.rows(9000)
    moved = data.take(pa.array(np.random.default_rng(3).permutation(len(data))))
    recipe = kit.recipe(tmp_path)
    versions = set()
    for number, (rows, partitions, batch) in enumerate([(data, None, 4096), (moved, 3, 700), (moved, 11, 1)]):
        source = kit.write_rows(rows, tmp_path / f"data-{number}")
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", batch)
        out = str(tmp_path / f"out-{number}")
        versions.add(cluster.run(spark, recipe, source, out, partitions=partitions, progress=_silent).table.version)
    assert len(versions) == 1
