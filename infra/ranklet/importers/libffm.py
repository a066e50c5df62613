"""libFFM's models: field-aware factorisation machines over indices, in its binary form (1.2 and newer) or its text.

Text (to 1.14): `n N`, `m M`, `k K`, `normalization 0|1`, then `wj,f v1 … vk` for each feature and field. Binary: three
int32 n, m, k, one byte of normalisation, and of each feature and field blocks of A weights beside A sums of the
optimiser, A = 4 where libFFM was built with SSE, else 1 (ffm.cpp: ffm_save_model, get_w_size). The file does not say
which, but such sums are never below 1.
"""

from __future__ import annotations

import re
import struct
from array import array
from pathlib import Path

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.lines import proposing, template
from ranklet.importers.lines.reading import LARGEST, Numbered, numbered, numbers
from ranklet.importers.lines.weights import Floats, Weights
from ranklet.importers.proposal import Proposal, Wishes

EXAMPLE = "0:{user_id+0} 1:{movie_id+943} 2:{genre_ids*+2625} 3:2644:{year}"
REMEDY = "give the model that ffm-train wrote"
HEADER = struct.Struct("<iii?")
ALIGNED = (4, 1)
MOST_FACTORS = 4096
_TEXT = ("n", "m", "k", "normalization")


def recognises(path: Path, head: bytes) -> bool:
    """As the protocol says."""
    if not path.is_file():
        return False
    return re.match(rb"n \d+\r?\nm \d+\r?\nk \d+", head) is not None or bool(_layouts(head, path.stat().st_size))


def propose(path: Path, wishes: Wishes) -> Proposal:
    """As the protocol says. options: line, names."""
    options = wishes.only(template.LINE, proposing.NAMES)
    return proposing.propose(read(path), options, trainer="libFFM", example=EXAMPLE)


def read(path: Path) -> Weights:
    """Raises ImportRefused naming the line, or the number, that is none of such a model."""
    with path.open("rb") as file:
        text = file.read(2) == b"n "
    return _text(numbered(path, REMEDY)) if text else _binary(path)


def _text(lines: Numbered) -> Weights:
    header: list[int] = []
    for wanted, (place, line) in zip(_TEXT, lines, strict=False):
        word, _, value = line.partition(" ")
        if word != wanted or not re.fullmatch(r"[0-9]{1,9}", value):
            raise ImportRefused(f"{place} is {line[:60]!r}, where `{wanted}` and a whole number stand; {REMEDY}")
        header.append(int(value))
    if len(header) < len(_TEXT) or not all(header[:3]) or header[3] > 1:
        raise ImportRefused(f"its header n, m, k, normalization is {header}; {REMEDY}")
    n, m, k, normalization = header
    found, number = array("f"), 0
    for number, (place, line) in enumerate(lines, start=1):
        name, *texts = line.split()
        feature, field = divmod(number - 1, m)
        if name != f"w{feature},{field}" or len(texts) != k or feature >= n:
            raise ImportRefused(f"{place} is {line[:60]!r}, where `w{feature},{field}` and {k} numbers stand; {REMEDY}")
        found.extend(numbers(texts, place))
    if number != n * m:
        raise ImportRefused(f"it ends after {number} of {n * m} lines of factors; {REMEDY}")
    return _weights(np.frombuffer(found, np.float32).reshape(n, m, k), normalization=bool(normalization))


def _layouts(head: bytes, size: int) -> list[int]:
    """The alignments with which a file of so many bytes holds what its header says."""
    if len(head) < HEADER.size or head[HEADER.size - 1] > 1:
        return []
    n, m, k, _ = HEADER.unpack_from(head)
    if min(n, m, k) < 1 or k > MOST_FACTORS:
        return []
    return [step for step in ALIGNED if HEADER.size + 8 * n * m * step * -(-k // step) == size]


def _binary(path: Path) -> Weights:
    content = path.read_bytes()
    found = []
    for step in _layouts(content, len(content)):
        n, m, k, normalization = HEADER.unpack_from(content)
        blocks = np.frombuffer(content, "<f4", offset=HEADER.size).reshape(n * m, -1, 2, step)
        if (blocks[:, :, 1] >= 1).all():
            found.append(blocks[:, :, 0].reshape(n, m, -1)[:, :, :k])
    if len(found) != 1:
        raise ImportRefused(f"{path.name} is no model of libFFM's, or was cut off; {REMEDY}")
    v = np.ascontiguousarray(found[0], np.float32)
    if (wrong := ~(np.abs(v) <= LARGEST)).any():
        feature, field, factor = (int(at) for at in np.argwhere(wrong)[0])
        raise ImportRefused(
            f"factor {factor} of feature {feature}, field {field} is {v[feature, field, factor]}; train again"
        )
    return _weights(v, normalization=normalization)


def _weights(v: Floats, *, normalization: bool) -> Weights:
    fields = tuple(map(str, range(v.shape[1])))
    return Weights(0.0, None, v, fields=fields, normalize="unit" if normalization else "none")
