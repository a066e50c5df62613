"""What stands around the scores in an answer of the Open Inference Protocol, as the dialect itself writes it."""

from __future__ import annotations

import numpy as np

from ranklet_runtime.bodies import write_json
from ranklet_runtime.dialects.base import Call
from ranklet_runtime.dialects.v2 import V2, Wanted
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankRequest, RankResult
from ranklet_runtime.served import Served

DIALECT = V2()
NO_REQUEST, NO_CALL = HttpRequest("", "", {}, b""), Call(V2.routes[0], "")


def of_zeros(n: int, wanted: Wanted, served: Served) -> HttpResponse:
    """The answer to n candidates whose scores are 0."""
    asked = RankRequest({}, {}, {}, form=wanted)
    result = RankResult(np.zeros(n, np.float32), {})
    return DIALECT.encode(result, asked=asked, request=NO_REQUEST, call=NO_CALL, served=served)


def answered(n: int, wanted: Wanted, served: Served) -> tuple[bytes, bytes] | None:
    """The JSON before and after the list of n scores; None where scores are not all that is told."""
    if wanted.outputs != {served.score: False}:
        return None
    before, found, after = of_zeros(n, wanted, served).body.partition(write_json(np.zeros(n, np.float32)))
    return (before, after) if found and b"[" not in after else None
