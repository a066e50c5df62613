"""The function that CodeDeploy asks before it sends traffic to a new version: does it give the trainer's scores?

Its code is the layers' and one file that the build wrote, `golden.json`: some of the golden requests, each with the
trainer's scores, and the bound that the bundle was proven to. It sends each to the new version as API Gateway would,
and tells CodeDeploy `Succeeded` or `Failed`; a failure ends the deployment before any traffic has moved. What differs
is said in the log. Several requests are sent at once, so that as many environments are warm when traffic comes.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from base64 import b64decode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from ranklet_features.errors import StoreUnavailable
from ranklet_features.stores.aws.connection import Broken, Reply
from ranklet_runtime.service import Service

GOLDEN = "golden.json"
FUNCTION, VERSION = "RANKLET_FUNCTION", "RANKLET_VERSION"
"""Variables: the function, and the version that is to be checked."""

AT_ONCE = 4
RESERVE_S = 15.0
"""Kept of the time for telling CodeDeploy."""

PAUSE_S = 1.0
AGAIN = (403, 409, 429, 500, 502, 503)
"""Lambda's statuses for a version that is not ready yet, for one that has no room now, and for a right that was given
a moment ago and is not known everywhere."""

TARGET = "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Check the version, tell CodeDeploy, and log why. Raises what keeps CodeDeploy from being told."""
    until = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    try:
        reasons = check(Path(os.environ["LAMBDA_TASK_ROOT"]), os.environ, until - RESERVE_S)
    except Exception as error:  # whatever it is, CodeDeploy must not wait an hour for it
        reasons = [f"the check itself failed: {type(error).__name__}: {error}"]
    status = "Failed" if reasons else "Succeeded"
    print(json.dumps({"status": status, "version": os.environ.get(VERSION), "reasons": reasons[:20]}), flush=True)
    _tell(event, status, until)
    return {"status": status, "reasons": reasons}


def check(folder: Path, environ: Mapping[str, str], until: float) -> list[str]:
    """Why the version is not fit to serve; nothing for one that is. until: on the clock of `time.monotonic()`."""
    golden = orjson.loads((folder / GOLDEN).read_bytes())
    version = _Version(environ, golden["path"], until)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(version.answer, (row["request"] for row in golden["rows"]))
        found = [
            _difference(number, answer, row["scores"], golden["bound"], some=golden.get("some", False))
            for number, answer, row in zip(range(1, len(golden["rows"]) + 1), answers, golden["rows"], strict=True)
        ]
    return [reason for reason in found if reason]


class _Version:
    """The version that is to be checked. A connection for each thread."""

    def __init__(self, environ: Mapping[str, str], path: str, until: float) -> None:
        self._environ, self._url, self._until = environ, path, until
        self._target = f"/2015-03-31/functions/{quote(environ[FUNCTION], safe='')}/invocations"
        self._query = f"Qualifier={quote(environ[VERSION], safe='')}"
        self._own = threading.local()

    def answer(self, request: Any) -> Mapping[str, Any] | str:
        """The body of the answer, or why there is none. One with rows that were not read in time is asked again."""
        event = orjson.dumps(_event(self._url, request))
        while True:
            found, again = self._once(event)
            if not again or time.monotonic() + PAUSE_S >= self._until:
                return found
            time.sleep(PAUSE_S)

    def _once(self, event: bytes) -> tuple[Mapping[str, Any] | str, bool]:
        try:
            reply = self._service().call(
                "POST", self._target, query=self._query, body=event, deadline=max(self._until, time.monotonic() + 1)
            )
        except (Broken, StoreUnavailable) as error:
            return f"Lambda does not answer: {error}", True
        if reply.status != 200:
            return f"Lambda answers {reply.status}: {_text(reply)}", reply.status in AGAIN
        if "x-amz-function-error" in reply.headers:
            return f"the version fails: {_text(reply)}", False
        answer = orjson.loads(reply.body)
        body = b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"]
        if answer["statusCode"] != 200:
            return f"it answers {answer['statusCode']}: {str(body)[:300]}", answer["statusCode"] == 503
        document = orjson.loads(body)
        return document, any(reason.startswith("unavailable") for reason in document.get("degraded", ()))

    def _service(self) -> Service:
        if not hasattr(self._own, "service"):
            self._own.service = Service(self._environ, "lambda")
        found: Service = self._own.service
        return found


def _event(path: str, request: Any) -> dict[str, Any]:
    """A POST in API Gateway's payload format 2.0, as far as it is read."""
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": path}, "stage": "$default"},
        "body": orjson.dumps(request).decode(),
        "isBase64Encoded": False,
    }


def _difference(
    number: int, answer: Mapping[str, Any] | str, wanted: Sequence[float | None], bound: float, *, some: bool = False
) -> str:
    """What is wrong with an answer; nothing where its scores are within the bound of the trainer's.

    some: the answer is of an index that does not look at every item, so that a score may be lower, and none higher.
    """
    if isinstance(answer, str):
        return f"golden request {number}: {answer}"
    if late := [reason for reason in answer.get("degraded", ()) if reason.startswith("unavailable")]:
        return f"golden request {number}: {', '.join(late)} were not read in time"
    scores = answer["scores"]
    if len(scores) != len(wanted):
        return f"golden request {number}: {len(scores)} scores for {len(wanted)} candidates"
    for place, (ours, theirs) in enumerate(zip(scores, wanted, strict=True)):
        if not _within(ours, theirs, bound) and not (some and ours is not None and ours <= (theirs or 0.0)):
            return (
                f"golden request {number}: candidate {place} scores {ours}, the trainer says {theirs}; "
                f"{bound:g} apart they may be"
            )
    return ""


def _within(ours: float | None, theirs: float | None, bound: float) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return math.fabs(ours - theirs) <= bound


def _tell(event: Mapping[str, Any], status: str, until: float) -> None:
    """PutLifecycleEventHookExecutionStatus. Raises RuntimeError where CodeDeploy does not take it."""
    body = {
        "deploymentId": event["DeploymentId"],
        "lifecycleEventHookExecutionId": event["LifecycleEventHookExecutionId"],
        "status": status,
    }
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": TARGET}
    reply = Service(os.environ, "codedeploy").call(
        "POST", "/", body=orjson.dumps(body), headers=headers, deadline=until - 1
    )
    if reply.status != 200:
        raise RuntimeError(f"CodeDeploy answers {reply.status}: {_text(reply)}")


def _text(reply: Reply) -> str:
    return reply.body[:300].decode("utf-8", "replace")
