"""Requests for another version of the model: passed on to the version of the function that serves it.

`/versions/<v>` names a version of the model, as its manifest has it; the description of a published Lambda version says
which one it holds. `/labels/<label>` names a Lambda alias. Either is invoked with the very event that came, and what it
answers is the answer; one step is all there is, as what was passed on is marked. API Gateway could not do this: its
routes are written before the versions exist.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html and API_ListVersionsByFunction.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from ranklet_features.errors import StoreUnavailable
from ranklet_features.stores.aws.connection import Broken, Reply
from ranklet_runtime.dialects.base import Call
from ranklet_runtime.errors import InternalFault, Unavailable
from ranklet_runtime.service import Service

FUNCTIONS = "/2015-03-31/functions"
MARK = "x-ranklet-passed-on"
LABEL = re.compile(r"(?![0-9]+$)[a-zA-Z0-9_-]{1,128}")
"""What a Lambda alias may be called; a number would be a version."""
HOLDS = re.compile(r"(\S+) version (\S+), layers")
"""What the stack writes into the description of a version."""
KEPT_S = 60.0
MOST_PAGES = 20
"""Of 50 versions each."""


class Elsewhere:
    """The other versions of this function. Raises StoreUnavailable without a region or credentials."""

    def __init__(self, model: str, environ: Mapping[str, str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._lambda, self._clock = Service(environ, "lambda"), clock
        self._model, self._path = model, f"{FUNCTIONS}/{quote(environ['AWS_LAMBDA_FUNCTION_NAME'], safe='')}"
        self._versions: dict[str, str] = {}
        self._read = -KEPT_S

    def answer(self, event: dict[str, Any], call: Call, deadline: float) -> dict[str, Any] | None:
        """What the version of the call answers; None where there is none.

        Raises Unavailable when it has no capacity or does not answer in time, InternalFault when it fails.
        """
        headers = event.get("headers") or {}
        if MARK in headers:
            return None
        qualifier = self._labelled(call.label) if call.label is not None else self._holding(str(call.version), deadline)
        if qualifier is None:
            return None
        body = orjson.dumps({**event, "headers": {**headers, MARK: "1"}})
        reply = self._send("POST", f"{self._path}/invocations", f"Qualifier={qualifier}", body, deadline)
        if reply is None:
            return None
        if "x-amz-function-error" in reply.headers:
            raise InternalFault(f"version {qualifier} failed: {reply.body[:500].decode('utf-8', 'replace')}")
        answer: dict[str, Any] = orjson.loads(reply.body)
        return answer

    def _labelled(self, label: str) -> str | None:
        return label if LABEL.fullmatch(label) else None

    def _holding(self, version: str, deadline: float) -> str | None:
        """The newest Lambda version that holds this version of the model."""
        if self._clock() - self._read >= KEPT_S:
            self._versions, self._read = self._listed(deadline), self._clock()
        return self._versions.get(version)

    def _listed(self, deadline: float) -> dict[str, str]:
        found: dict[str, str] = {}
        marker = ""
        for _ in range(MOST_PAGES):
            query = f"Marker={quote(marker, safe='')}&MaxItems=50" if marker else "MaxItems=50"
            reply = self._send("GET", f"{self._path}/versions", query, b"", deadline)
            page = {} if reply is None else orjson.loads(reply.body)
            for one in page.get("Versions", ()):
                holds = HOLDS.match(one.get("Description", ""))
                if holds and holds[1] == self._model and one["Version"].isdigit():
                    newest = max(int(one["Version"]), int(found.get(holds[2], 0)))
                    found[holds[2]] = str(newest)
            marker = page.get("NextMarker") or ""
            if not marker:
                break
        return found

    def _send(self, method: str, path: str, query: str, body: bytes, deadline: float) -> Reply | None:
        """The answer of Lambda; None for what is not there, or not this function's to see."""
        try:
            reply = self._lambda.call(method, path, query=query, body=body, deadline=deadline)
        except (Broken, StoreUnavailable) as error:
            raise _unavailable() from error
        if reply.status in (403, 404):
            return None
        if reply.status == 429 or reply.status >= 500:
            raise _unavailable()
        if reply.status != 200:
            raise InternalFault(f"Lambda answered {reply.status}: {reply.body[:500].decode('utf-8', 'replace')}")
        return reply


def _unavailable() -> Unavailable:
    return Unavailable(
        "that version does not answer; try again", headers={"retry-after": str(Unavailable.retry_after_s)}
    )
