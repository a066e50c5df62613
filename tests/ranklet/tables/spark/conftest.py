"""One Spark session for all tests: starting one takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import spark_kit as kit

from ranklet.tables.spark.session import session

QUICK = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.codegen.wholeStage": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
"""Half a build of a thousand rows is Java compiling code."""


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A session on two threads of this machine; a test that wants it is skipped where Spark cannot run."""
    if lacking := kit.lacking():
        pytest.skip(lacking)
    with session("local[2]", QUICK) as found:
        yield found
