"""CSV (RFC 4180) as the columns of a model, for every dialect that reads it.

    records(body, limit=2000, delimiter=",", quote='"')   all records as texts, the header (if there is one) first
    column("price", cells, "float")                       the texts of one column as its values; empty is missing
    write([scores, words], header=["score", "word"])      columns as CSV

An empty field is a missing value (None), quoted or not: most writers do not tell the two apart. Nothing else is one:
`NA` is a word, `nan` a number. Places in errors count from 0: `$.lines[i]` all records, `$.rows[i].price` those after
the header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import orjson

from ranklet_features.spec import ValueType
from ranklet_runtime.errors import BadRequest, PayloadTooLarge

NUMBERS: Mapping[str, set[type]] = {"int": {int}, "float": {int, float}}
WHOLE = re.compile(r"\s*[+-]?\d{1,19}\.0*\s*")
"""An int as pandas writes it in a column with gaps."""


def records(body: bytes, *, limit: int, delimiter: str = ",", quote: str = '"') -> list[list[str]]:
    """All records, of equal width, at least one; blank lines are none. quote: "" for text without quoting.

    limit: of rows, beside a header. Raises BadRequest, and PayloadTooLarge before more than `limit` + 2 are read.
    """
    try:
        text = body.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not valid UTF-8: {error.reason} at byte {error.start}") from error
    options = _options(delimiter, quote)
    found = _plain(text, limit, options) or _quoted(text, limit, options)
    if not found:
        raise BadRequest("the body is empty")
    if len(found) > limit + 1:
        raise PayloadTooLarge(f"more than {limit} rows; this model takes {limit} in one request")
    if len(set(map(len, found))) > 1:
        wrong = next(i for i, record in enumerate(found) if len(record) != len(found[0]))
        raise BadRequest(f"{len(found[wrong])} fields; the first line has {len(found[0])}", path=f"$.lines[{wrong}]")
    return found


def _plain(text: str, limit: int, options: Mapping[str, Any]) -> list[list[str]] | None:
    """The records of a text in which nothing is quoted: half the cost of the csv module. None for every other text."""
    if options["quotechar"] is None or options["quotechar"] in text:
        return None
    if "\r" in text and "\r" in (text := text.replace("\r\n", "\n")):
        return None
    lines = text.split("\n", limit + 3)
    return None if len(lines) > limit + 3 else [line.split(options["delimiter"]) for line in lines if line]


def _quoted(text: str, limit: int, options: Mapping[str, Any]) -> list[list[str]]:
    """The records of any text, two more than the limit at most. Raises BadRequest."""
    # Imported here: no other form needs it.
    import csv
    import io

    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True, **options)
        return list(islice(filter(None, reader), limit + 2))
    except (csv.Error, TypeError, ValueError) as error:
        raise BadRequest(f"the body is not valid CSV: {error}") from error


def column(name: str, cells: Sequence[str], kind: ValueType, *, rows: str = "rows") -> list[Any]:
    """The cells of one column as int, float or str, None where one is empty.

    rows: what the rows are called in the place of an error. Raises BadRequest for a text that is no such number.
    """
    if kind == "string":
        return [cell or None for cell in cells] if "" in cells else list(cells)
    if len(cells) > 2 and cells[0] == cells[-1] and cells.count(cells[0]) == len(cells):
        # The user's, as most tables repeat it: read once.
        return column(name, cells[:1], kind, rows=rows) * len(cells)
    try:
        # Nothing here reads numbers faster than the parser of JSON.
        found = orjson.loads(f"[{','.join(cells)}]")
    except orjson.JSONDecodeError:  # gaps are common, so they are looked at one by one only here
        found = None
    if found is not None and len(found) == len(cells) and set(map(type, found)) <= NUMBERS[kind]:
        return list(found)
    return [_number(cell, kind, f"$.{rows}[{i}].{name}") for i, cell in enumerate(cells)]


def write(
    columns: Sequence[Any], *, header: Sequence[str] | None = None, delimiter: str = ",", quote: str = '"'
) -> bytes:
    """Columns of equal length, arrays or lists, one line a row; None and NaN become empty fields."""
    if header is None and len(columns) == 1 and isinstance(columns[0], np.ndarray):
        numbers = _numbers(columns[0])
        if b"null" not in numbers:
            return numbers.replace(b",", b"\n") + b"\n" if numbers else b""
    import csv
    import io

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", **_options(delimiter, quote))
    if header is not None:
        writer.writerow(header)
    writer.writerows(zip(*map(_texts, columns), strict=True))
    return text.getvalue().encode("utf-8", "replace")


def _options(delimiter: str, quote: str) -> dict[str, Any]:
    """What the csv module calls them. Raises BadRequest for characters that cannot be such."""
    if len(delimiter) != 1 or len(quote) > 1 or delimiter == quote or {delimiter, quote} & {"\r", "\n", "\0"}:
        raise BadRequest(f"one delimiter and another quote character are expected, not {delimiter!r} and {quote!r}")
    if quote:
        return {"delimiter": delimiter, "quotechar": quote}
    return {"delimiter": delimiter, "quotechar": None, "quoting": 3, "escapechar": "\\"}  # csv.QUOTE_NONE


def _number(cell: str, kind: ValueType, place: str) -> int | float | None:
    if not cell or cell.isspace():
        return None
    try:
        if "_" in cell:  # Python's own numbers may have them, nobody else's
            raise ValueError
        if kind == "float":
            return float(cell)
        return int(cell.partition(".")[0] if WHOLE.fullmatch(cell) else cell)
    except ValueError:
        noun = "an int" if kind == "int" else "a number"
        shown = f"{cell[:40]!r}" + ("…" if len(cell) > 40 else "")
        raise BadRequest(f"{noun} is expected, not the text {shown}", path=place) from None


def _numbers(array: np.ndarray[Any, Any]) -> bytes:
    """Numbers as JSON writes them, the shortest text that is the same number, between commas."""
    return orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]


def _texts(values: Any) -> Iterable[Any]:
    if isinstance(values, np.ndarray):
        return ["" if text == "null" else text for text in _numbers(values).decode().split(",")] if len(values) else []
    return [str(value).lower() if isinstance(value, bool) else value for value in values]
