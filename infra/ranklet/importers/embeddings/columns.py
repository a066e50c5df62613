"""Embeddings in columns: JSON lines, CSV, Parquet. They are found by their types, or named: -o key=… -o vector=…."""

from __future__ import annotations

import csv as reading
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.embeddings.rows import Opened, Row, is_vector, lines


def jsonl(path: Path, options: Mapping[str, str]) -> Opened:
    _, first = next(lines(path), ("", ""))
    names = _object(f"line 1 of {path.name}", first)
    key = options.get("key") or _named_key([name for name, value in names.items() if not isinstance(value, list)])
    vector = options.get("vector") or next((name for name, value in names.items() if is_vector(value)), "vector")
    table = {"format": "jsonl", "key_column": key, "vector_column": vector}
    return Opened(table, _jsonl_rows(path, key, vector), untyped=False)


def _jsonl_rows(path: Path, key: str, vector: str) -> Iterator[Row]:
    for place, line in lines(path):
        if line:
            row = _object(place, line)
            if key not in row or not isinstance(row.get(vector), list):
                raise ImportRefused(
                    f"{place} has no {key!r} beside a list {vector!r}; name them with -o key=… -o vector=…"
                )
            yield Row(place, row[key], row[vector])


def _object(place: str, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ImportRefused(f"{place} is no JSON; write one object a line") from error
    if not isinstance(found, dict):
        raise ImportRefused(f"{place} is no object; write one a line, with a key and a list")
    return found


def csv(path: Path, options: Mapping[str, str]) -> Opened:
    reader = reading.reader((f"{line}\n" for _, line in lines(path)), strict=True)
    header, first = next(reader, []), next(reader, [])
    key = options.get("key") or _named_key(header)
    columns = _columns(options, [name for name in header if name != key])
    if key not in header or not columns or not set(columns) <= set(header) or len(first) != len(header):
        raise ImportRefused(
            f"{path.name} has the columns {', '.join(header)[:200]}; name them with -o key=… -o vector=…"
        )
    single = len(columns) == 1 and len(_cell(first[header.index(columns[0])])) > 1
    table: dict[str, Any] = {"format": "csv", "key_column": key}
    table |= {"vector_column": columns[0]} if single else {"vector_columns": columns}
    return Opened(table, _csv_rows(path, header.index(key), [header.index(name) for name in columns]))


def _csv_rows(path: Path, key: int, places: Sequence[int]) -> Iterator[Row]:
    reader = reading.reader((f"{line}\n" for _, line in lines(path)), strict=True)
    try:
        width = len(next(reader))
        for row in reader:
            place = f"line {reader.line_num} of {path.name}"
            if row and len(row) != width:
                raise ImportRefused(f"{place} has {len(row)} cells, its header {width}")
            if row:
                yield Row(place, row[key], [number for at in places for number in _cell(row[at])])
    except reading.Error as error:
        raise ImportRefused(f"{path.name}: {error}; write it as CSV") from error


def _cell(text: str) -> list[str]:
    return text.strip("[] ").replace(",", " ").replace(";", " ").split()


def _columns(options: Mapping[str, str], there: Sequence[str]) -> list[str]:
    wanted = options.get("vector")
    if wanted is None or "*" not in wanted:
        return list(there) if wanted is None else [wanted]
    before, _, after = wanted.partition("*")
    return [name for name in there if name.startswith(before) and name.endswith(after)]


def _named_key(names: Sequence[str]) -> str:
    return next((name for name in ("key", "id", "item_id", "user_id") if name in names), names[0] if names else "key")


def parquet(path: Path, options: Mapping[str, str]) -> Opened:
    try:
        import pyarrow  # an extra
        from pyarrow import parquet
    except ImportError as error:
        raise ImportRefused(
            "Parquet is read by pyarrow, which is not installed: pip install 'ranklet[parquet]'"
        ) from error
    try:
        schema = parquet.read_schema(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise ImportRefused(f"{path.name} cannot be read as Parquet; write it anew") from error
    types = pyarrow.types
    lists = [
        field.name for field in schema if hasattr(field.type, "value_type") and not types.is_dictionary(field.type)
    ]
    key = options.get("key") or _named_key([name for name in schema.names if name not in lists])
    floats = [field.name for field in schema if types.is_floating(field.type) and field.name != key]
    columns = _columns(options, lists[:1] or floats)
    if key not in schema.names or not columns or not set(columns) <= set(schema.names):
        raise ImportRefused(
            f"{path.name} has the columns {', '.join(schema.names)[:200]}; name them with -o key=… -o vector=…"
        )
    single = len(columns) == 1 and columns[0] in lists
    table: dict[str, Any] = {"format": "parquet", "key_column": key}
    table |= {"vector_column": columns[0]} if single else {"vector_columns": columns}
    return Opened(table, _parquet_rows(path, key, columns), untyped=False)


def _parquet_rows(path: Path, key: str, columns: Sequence[str]) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        number = 0
        for batch in parquet.ParquetFile(path).iter_batches(4096, columns=[key, *columns]):
            for row in batch.to_pylist():
                cells = [row[name] for name in columns]
                numbers = cells[0] if isinstance(cells[0], list) else cells
                yield Row(f"row {number} of {path.name}", row[key], numbers)
                number += 1
    except (OSError, pyarrow.ArrowException) as error:
        raise ImportRefused(f"{path.name} cannot be read as Parquet; write it anew") from error
