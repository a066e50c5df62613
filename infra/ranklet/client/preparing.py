"""A user computed once for several calls, without I/O: one request for a token, which `rank` takes afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet.client import bodies
from ranklet.client.calls import Call, exchange
from ranklet.client.errors import BadCall
from ranklet.client.messages import Prepared, Request, Steps


def prepare(call: Call, user: Any, context: Any) -> Steps[Prepared]:
    """The token of a user."""
    for name, side in (("user", user), ("context", context)):
        if side is not None and not isinstance(side, Mapping):
            raise BadCall(f"must map names to values, not be {type(side).__name__}", f"$.{name}")
    setup = call.setup
    document = {"user": user or {}, "context": context or {}}
    body, headers = bodies.written(document, setup.format, setup.compress)
    reply = yield from exchange(call, Request("POST", setup.verb_url("prepare"), headers, body))
    return bodies.prepared(reply)
