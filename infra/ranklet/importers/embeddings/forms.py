"""The forms that embeddings come in, told by what stands in the file; and the rows of each, as the file has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ranklet.errors import ImportRefused
from ranklet.importers.embeddings import columns
from ranklet.importers.embeddings.rows import MAX_LINE, Open, Opened, Row, is_vector, lines

NPY, PARQUET = b"\x93NUMPY", b"PAR1"


def form_of(path: Path, head: bytes) -> str | None:
    """npy, parquet, jsonl, word2vec, glove, colon or csv; None for a file that is none of them."""
    if head.startswith((NPY, PARQUET)):
        return "npy" if head.startswith(NPY) else "parquet"
    with path.open("rb") as file:
        line, second = (file.readline(MAX_LINE).strip() for _ in range(2))
    if line.startswith(b"{"):
        return "jsonl" if _is_row(line) else None
    first = line.split()
    if len(first) == 2 and all(word.isdigit() for word in first):
        return "word2vec" if _numbers(second.split()[1:]) else "colon" if _has_colon(second) else None
    if _has_colon(line):
        return "colon"
    if len(first) > 2 and _numbers(first[1:]):
        return "glove"
    cells = second.split(b",")
    return "csv" if len(cells) > 1 and line.count(b",") == len(cells) - 1 and _numbers(cells[-1].split()) else None


def opened(path: Path, form: str, options: Mapping[str, str]) -> Opened:
    """Its rows. Raises ImportRefused, now or at a row, with the place."""
    return OPENERS[form](path, options)


def _is_row(line: bytes) -> bool:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and any(is_vector(value) for value in found.values())


def _numbers(words: Sequence[bytes]) -> bool:
    try:
        list(map(float, words))
    except ValueError:
        return False
    return bool(words)


def _has_colon(line: bytes) -> bool:
    key, colon, numbers = line.rpartition(b":")
    words = numbers.replace(b",", b" ").split()
    return bool(key.strip()) and bool(colon) and len(words) > 1 and _numbers(words)


def _text(form: str) -> Open:
    def open_it(path: Path, options: Mapping[str, str]) -> Opened:
        return Opened({"format": form}, _text_rows(path, form))

    return open_it


def _text_rows(path: Path, form: str) -> Iterator[Row]:
    wanted, found = None, 0
    for number, (place, line) in enumerate(lines(path)):
        if number == 0 and form != "glove" and len(words := line.split()) == 2 and all(map(str.isdigit, words)):
            wanted = int(words[0])
            continue
        key, numbers = _split(line, form)
        found += 1
        yield Row(place, key, numbers)
    if wanted is not None and found != wanted:
        raise ImportRefused(f"{path.name} says {wanted} rows on line 1 and has {found}; it was cut off")


def _split(line: str, form: str) -> tuple[str, list[str]]:
    if form == "colon":
        key, _, numbers = line.rpartition(":")
        return key.strip(), numbers.replace(",", " ").split()
    key, *found = line.split() or [""]
    return key, found


def npy(path: Path, keys: Path) -> Opened:
    """Vectors in one file, their keys in another: .npy of integers, or a text of one key a line."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
        names: Sequence[Any]
        if keys.suffix == ".npy":
            names = np.load(keys, mmap_mode="r", allow_pickle=False).tolist()
        else:
            names = [line for _, line in lines(keys)]
    except (OSError, ValueError, EOFError) as error:
        raise ImportRefused(f"{path.name} and {keys.name} cannot be read; write arrays with numpy.save") from error
    if values.ndim != 2 or values.dtype.kind != "f" or not isinstance(names, list) or len(names) != len(values):
        raise ImportRefused(
            f"{path.name} holds {values.dtype} {list(values.shape)}, where floats [rows, dim] and as many keys stand"
        )
    rows = (Row(f"row {at} of {path.name}", name, values[at].tolist()) for at, name in enumerate(names))
    return Opened({}, rows)


OPENERS: Mapping[str, Open] = {
    "word2vec": _text("word2vec"),
    "glove": _text("glove"),
    "colon": _text("colon"),
    "jsonl": columns.jsonl,
    "csv": columns.csv,
    "parquet": columns.parquet,
}
