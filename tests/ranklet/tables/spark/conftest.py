"""One Spark session for all tests: starting one takes longer than most of them."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from ranklet.tables.spark.session import session

JAVA = shutil.which("java") or os.environ.get("JAVA_HOME")

QUICK = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.codegen.wholeStage": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
"""Half a build of a thousand rows is Java compiling code."""


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A session on two threads of this machine."""
    if importlib.util.find_spec("pyspark") is None or not JAVA:
        pytest.skip('Spark is absent: pip install -e ".[spark]", and Java 17')
    with session("local[2]", QUICK) as found:
        yield found
