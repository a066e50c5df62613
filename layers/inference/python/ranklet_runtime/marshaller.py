"""A faster reader of events for awslambdaric, the runtime client that Lambda starts us with.

It parses the event with simplejson: 267 µs for 15 KB where orjson takes 27, more than most models need for their
scores. `BaseLambdaRuntimeClient.marshaller` is its documented place for another reader.

Why this is safe: whatever orjson refuses (bare NaN, lone surrogates, great depth) is given to the original reader, and
answers are still written by it. The one difference left is an integer beyond 64 bits, which orjson makes a float:
events are read here for texts and one flag, never for numbers; a request's own numbers stand inside the body's text.
A runtime client that looks different from the one we know is left alone.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson

CLIENT, MARSHALLER = "awslambdaric.lambda_runtime_client", "awslambdaric.lambda_runtime_marshaller"


def install() -> bool:
    """Let the running awslambdaric, if there is one, read events with orjson; says whether it does."""
    client = getattr(sys.modules.get(CLIENT), "BaseLambdaRuntimeClient", None)
    known = getattr(sys.modules.get(MARSHALLER), "LambdaMarshaller", None)
    original: Any = getattr(client, "marshaller", None)
    read = getattr(original, "unmarshal_request", None)
    if known is None or type(original) is not known or read is None:
        return False
    if "unmarshal_request" in vars(original):
        return True

    def unmarshal_request(request: Any, content_type: str = "application/json") -> Any:
        if content_type == "application/json":
            try:
                return orjson.loads(request)
            except orjson.JSONDecodeError:
                pass
        return read(request, content_type)

    # On the instance: whatever else the original does stays as it is.
    original.unmarshal_request = unmarshal_request
    return True
