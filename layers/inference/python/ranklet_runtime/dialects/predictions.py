"""Answers of SageMaker's containers and of MLflow's scoring server, in the form that Accept names.

application/json        {"predictions": [0.25, 0.75]}
                        with further outputs {"predictions": [{"score": 0.25, "label": "yes"}, …]}; so also
                        without them for clients of SageMaker's own algorithms, who call the score `score`
application/jsonlines   {"score": 0.25} on each line, with further outputs beside it
text/csv                0.25 on each line, with further outputs after it
application/x-npy       the scores alone, float32 [n]
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import orjson

from ranklet_runtime.bodies import JSON, media_type, write_json
from ranklet_runtime.dialects.flat import degraded, told
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankResult
from ranklet_runtime.served import SCORE, Served

JSONLINES, CSV, NPY = "application/jsonlines", "text/csv", "application/x-npy"
READ = {
    JSON: JSON,
    **dict.fromkeys((JSONLINES, "application/x-jsonlines", "application/jsonl", "application/x-ndjson"), JSONLINES),
    CSV: CSV,
    NPY: NPY,
    **dict.fromkeys(("", "application/octet-stream"), None),
}
"""Content-Type → the form; None is told by the first bytes."""


def encode(
    result: RankResult, request: HttpRequest, served: Served, *, otherwise: str = JSON, named: bool = False
) -> HttpResponse:
    """Write the scores, and what is told beside them, in the form that Accept names, or else `otherwise`.

    named: as SageMaker's own algorithms answer, whatever the model calls its score.
    """
    kind = _accepted(request.headers.get("accept")) or otherwise
    name = SCORE if named and SCORE not in result.outputs else served.score
    if kind is NPY:
        from ranklet_runtime.dialects import npy

        body = npy.write(result.scores)
    elif kind is CSV:
        from ranklet_runtime.dialects import csv_rows

        body = csv_rows.write(list(told(result, served).values()))
    elif kind is JSONLINES:
        body = _lines(result, name)
    elif named or result.outputs:
        body = write_json({"predictions": _rows(result, name)})
    else:
        body = write_json({"predictions": result.scores})
    return HttpResponse(200, body, kind, degraded(result))


@lru_cache(maxsize=64)
def _accepted(header: str | None) -> str | None:
    """The first form that Accept names, None where it names none: an answer is better than a refusal."""
    return next((kind for part in (header or "").split(",") if (kind := READ.get(media_type(part)))), None)


def _lines(result: RankResult, name: str) -> bytes:
    """An object a line."""
    if result.outputs:
        return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in _rows(result, name))
    if not len(result.scores):
        return b""
    # Scores alone are written at once: their texts hold no comma.
    before, after = b"{" + orjson.dumps(name) + b":", b"}\n"
    return before + write_json(result.scores)[1:-1].replace(b",", after + before) + after


def _rows(result: RankResult, name: str) -> list[dict[str, Any]]:
    """Each candidate's outputs by name, the score first; numbers as short as JSON writes them, NaN as null."""
    columns = {name: result.scores, **result.outputs}
    plain = [orjson.loads(write_json(one)) if isinstance(one, np.ndarray) else one for one in columns.values()]
    return [dict(zip(columns, values, strict=True)) for values in zip(*plain, strict=True)]
