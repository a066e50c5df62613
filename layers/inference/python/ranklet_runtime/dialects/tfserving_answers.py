"""What TensorFlow Serving answers: predictions by row or by column, classes and regressions.

Numbers are written as the shortest text that reads back, as there; what is not a number, or infinite, is the bare token
that its JSON has for it (`util/json_tensor.cc` WriteDecimal). Words of an output whose name ends in `_bytes` are
`{"b64": …}`; a word that the model does not have is null.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.bodies import write_json
from ranklet_runtime.dialects.flat import Column, told
from ranklet_runtime.messages import RankResult
from ranklet_runtime.served import Served

PREDICTIONS, OUTPUTS = "predictions", "outputs"
BYTES = "_bytes"
NO_LABEL = ""
"""How TensorFlow Serving labels a score that has no class."""


def predictions(result: RankResult, served: Served, key: str) -> bytes:
    """`{"predictions": [row, …]}` or `{"outputs": columns}`; a single output has no name there."""
    if not result.outputs:
        # Scores are finite but for models that may have none.
        if not served.manifest.nulls:
            return write_json({key: result.scores})
        return b'{"%b":%b}' % (key.encode(), _whole(_numbers(result.scores)))
    columns = told(result, served)
    if key == PREDICTIONS:
        return b'{"%b":%b}' % (key.encode(), _whole(_rows(columns, b"{", b":", b"}")))
    parts = [b"%b:%b" % (write_json(name), _whole(_tokens(name, column))) for name, column in columns.items()]
    return b'{"%b":{%b}}' % (key.encode(), b",".join(parts))


def classes(result: RankResult, served: Served) -> bytes:
    """`{"results": [[[label, score], …], …]}`: each number that the model tells, labelled with its name."""
    columns: Mapping[str, Column] = {NO_LABEL: result.scores}
    if numbers := {name: column for name, column in result.outputs.items() if isinstance(column, np.ndarray)}:
        columns = {served.score: result.scores, **numbers}
    rows = _rows(columns, b"[[", b",", b"]]", between=b"],[")
    return b'{"results":%b}' % _whole(rows)


def regressions(result: RankResult) -> bytes:
    """`{"results": [score, …]}`."""
    return b'{"results":%b}' % _whole(_numbers(result.scores))


def _rows(
    columns: Mapping[str, Column], opening: bytes, after_name: bytes, closing: bytes, *, between: bytes = b","
) -> list[bytes]:
    """Each row's names and values, put together."""
    names = [write_json(name).replace(b"%", b"%%") for name in columns]
    template = opening + between.join(name + after_name + b"%b" for name in names) + closing
    return [template % values for values in zip(*(_tokens(*one) for one in columns.items()), strict=True)]


def _whole(tokens: list[bytes]) -> bytes:
    return b"[%b]" % b",".join(tokens)


def _tokens(name: str, column: Column) -> list[bytes]:
    """Each value as JSON."""
    if isinstance(column, np.ndarray):
        return _numbers(column)
    # What repeats, as labels do, is written once; True equals 1, but is written otherwise.
    boxed = name.endswith(BYTES)
    written = {(type(word), word): _word(word, boxed=boxed) for word in column}
    return [written[type(word), word] for word in column]


def _word(word: Any, *, boxed: bool) -> bytes:
    if boxed and isinstance(word, str):
        return b'{"b64":"%b"}' % b2a_base64(word.encode("utf-8", "replace"), newline=False)
    return write_json(word)


def _numbers(column: NDArray[Any]) -> list[bytes]:
    if not column.size:
        return []
    tokens = write_json(column)[1:-1].split(b",")
    if column.dtype.kind == "f":
        for at in np.flatnonzero(~np.isfinite(column)).tolist():
            tokens[at] = b"NaN" if np.isnan(column[at]) else b"Infinity" if column[at] > 0 else b"-Infinity"
    return tokens
