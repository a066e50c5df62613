"""Parquet, by pyarrow, which is an extra: a column of lists (of fixed or varying type), or a column a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.tables.sources import columns
from ranklet.tables.sources.base import Asked, Batch, Chunk, Places, expand

BATCH_ROWS = 8192
READ_BYTES = 1 << 20


def read(asked: Asked) -> Iterator[Chunk]:
    """As `sources.read` says."""
    return columns.read(asked, batches)


def batches(asked: Asked, path: Path, wanted: Sequence[str]) -> Iterator[Batch]:
    """Columns: numbers without gaps as arrays, lists of floats of one length as [n, dim], the rest as Python values."""
    arrow, parquet = _pyarrow(asked)
    try:
        # Read as it is decoded: by default a whole column chunk, half a gigabyte of a large file, is held at once.
        with parquet.ParquetFile(path, buffer_size=READ_BYTES, pre_buffer=False) as file:
            names = expand(asked, wanted, file.schema_arrow.names, path.name)
            start = 0
            for batch in file.iter_batches(BATCH_ROWS, columns=names, use_threads=False):
                places = Places(path.name, range(start, start + batch.num_rows))
                start += batch.num_rows
                yield Batch({name: values(arrow, batch.column(name)) for name in names}, places)
    except (OSError, arrow.ArrowException) as error:
        raise asked.error(f"cannot read {path.name}: {error}") from error


def _pyarrow(asked: Asked) -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow  # 150 MB, and only for those who have Parquet files
        import pyarrow.parquet
    except ImportError as error:
        raise asked.error('Parquet is read by pyarrow, which is not installed: pip install -e ".[parquet]"') from error
    return pyarrow, pyarrow.parquet


def values(arrow: ModuleType, column: Any) -> Any:
    """An Arrow column as `batches` says."""
    types = arrow.types
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if column.null_count:
        return column.to_pylist()
    if types.is_integer(kind) or types.is_floating(kind):
        return column.to_numpy(zero_copy_only=False)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _lists(types, column)
    return column.to_pylist()


def _lists(types: Any, column: Any) -> NDArray[Any] | list[Any]:
    """Lists of floats, of one length, as [n, dim]; lists with gaps or of other lengths as they are, to be refused."""
    flat = column.flatten()
    if not types.is_floating(flat.type) or flat.null_count or not len(column) or len(flat) % len(column):
        found: list[Any] = column.to_pylist()
        return found
    dim = len(flat) // len(column)
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    if not dim or (lengths != dim).any():
        return list(column.to_pylist())
    return np.asarray(flat.to_numpy(zero_copy_only=False)).reshape(-1, dim)
