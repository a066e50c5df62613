"""Spark and the `mleap` package themselves: what they fit and write now, imported and compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mleap_kit as kit
import pytest

pytestmark = [
    pytest.mark.oracle,
    # Spark's bridge to Java leaves its sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
CASES = [name for name in kit.names() if not name.startswith(("sklearn_", "films", "als"))]


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql")
    builder = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    found = builder.config("spark.sql.shuffle.partitions", "1").getOrCreate()
    yield found
    found.stop()


@pytest.mark.parametrize("name", CASES)
def test_spark_answers_alike(name: str, session: Any) -> None:
    import make_models
    import mleap_cases

    (case,) = (one for one in mleap_cases.cases() if one.name == name)
    _compare(*make_models.spark(session, case))


def test_spark_finds_factors_alike(session: Any) -> None:
    import mleap_ratings

    _compare(*mleap_ratings.case(session))


def test_the_python_package_writes_what_is_read() -> None:
    pytest.importorskip("mleap.sklearn")
    import mleap_sklearn

    for answered in mleap_sklearn.cases():
        _compare(*answered)


def _compare(name: str, bundle: bytes, rows: dict[str, list[Any]], answers: dict[str, list[Any]]) -> None:
    found = kit.answers(kit.proposed(bundle, **kit.options(name)), rows)
    for column, wanted in answers.items():
        worst = max(
            kit.apart(one, kit.BEYOND.get(other, other)) for one, other in zip(found[column], wanted, strict=True)
        )
        assert worst <= kit.RELATIVE, (name, column)
