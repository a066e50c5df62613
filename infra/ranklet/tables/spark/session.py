"""A Spark session: one of our own on this machine, or the one that spark-submit prepared.

On this machine Spark is held to the loopback interface and to a small heap: the driver only keeps counts, and the
rows are in Python workers, a batch at a time. A cluster's settings are the cluster's.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ranklet.errors import TableError
from ranklet.tables.spark import needs

LOCAL = {
    "spark.driver.memory": "640m",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "8",
    "spark.executorEnv.OMP_NUM_THREADS": "1",
    "spark.executorEnv.MALLOC_ARENA_MAX": "2",
}
"""For `local[…]` masters; what the caller sets goes before."""

EVERYWHERE = {"spark.sql.execution.arrow.maxRecordsPerBatch": "4096", "spark.sql.adaptive.enabled": "true"}
"""Rows that a worker is handed at once: ten megabytes of rows of 64 numbers with their features."""


@contextmanager
def session(master: str | None, settings: Mapping[str, str]) -> Iterator[Any]:
    """A SparkSession; one that was made here ends here, one that was active before is lent.

    master: as Spark's, such as `local[2]`; None where spark-submit or the service says it. Raises TableError where
    Spark cannot start.
    """
    needs.arrow()
    spark_sql = needs.sql()
    active = spark_sql.SparkSession.getActiveSession()
    if active is not None:
        yield active
        return
    builder = spark_sql.SparkSession.builder.appName("ranklet tables build")
    here = master is not None and master.startswith("local")
    if master is not None:
        builder = builder.master(master)
    if here:
        # The workers must run this interpreter: Spark would look for another `python3` on PATH.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    for name, value in {**EVERYWHERE, **(LOCAL if here else {}), **settings}.items():
        builder = builder.config(name, value)
    try:
        spark = builder.getOrCreate()
    except Exception as error:  # pyspark raises its own, py4j's and RuntimeError where Java is absent or refuses
        raise TableError(
            f"Spark does not start: {error}; it needs Java 17 or newer (JAVA_HOME or java on PATH)"
        ) from error
    if here:
        spark.sparkContext.setLogLevel("FATAL")  # a refused row is our error, not two pages of Java's
    try:
        yield spark
    finally:
        spark.stop()


@contextmanager
def quiet() -> Iterator[None]:
    """Without pyspark's remark about pandas 3: it looks for pandas before any Arrow function; ours use none of it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield
