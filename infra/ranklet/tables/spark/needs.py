"""The libraries of the extra `spark`, imported when a build runs, with the remedy where one is absent."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ranklet.errors import TableError

REMEDY = 'pip install -e ".[spark]"'


def arrow() -> Any:
    """pyarrow. Raises TableError where it is not installed."""
    return _module("pyarrow")


def sql() -> Any:
    """pyspark.sql. Raises TableError where it is not installed."""
    return _module("pyspark.sql")


def _module(name: str) -> Any:
    try:
        return import_module(name)  # 500 MB of pyspark, 150 MB of pyarrow: an extra
    except ImportError as error:
        package = name.split(".")[0]
        raise TableError(f"{package} is needed to build tables and is not installed: {REMEDY}") from error
