"""The entry point where a REST API's callers are pages in a browser: `ranklet_runtime.origins.handler`.

A REST API hands the function's answer on as it is, so the header that lets a page read it is the function's to add; an
HTTP API and a function URL add it themselves, and their functions do not import this.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

ORIGINS = "RANKLET_ORIGINS"
"""The variable with the origins that may read answers, joined by spaces; `*` is every one."""


def shown(answer: dict[str, Any], event: Any, origins: Collection[str]) -> dict[str, Any]:
    """The answer with the headers by which a browser shows it to a page of one of the origins."""
    headers = {**answer.get("headers", {}), "vary": "origin"}
    origin = _origin(event)
    if "*" in origins:
        headers["access-control-allow-origin"] = "*"
    elif origin in origins:
        headers["access-control-allow-origin"] = origin
    return {**answer, "headers": headers}


def _origin(event: Any) -> str:
    headers = event.get("headers") if isinstance(event, dict) else None
    named = headers.items() if isinstance(headers, dict) else ()
    return next((str(value) for name, value in named if name.lower() == "origin"), "")


if ORIGINS in os.environ:
    from ranklet_runtime.handler import handler as answered

    allowed = frozenset(os.environ[ORIGINS].split())

    def handler(event: Any, context: Any) -> dict[str, Any]:
        """Answer one event of a REST API."""
        return shown(answered(event, context), event, allowed)
