"""The short way of plain requests, which nearly all are: from the event to the answer in a few calls.

Between two runs of a model the processor forgets Python's code and objects, so a request costs what it touches more
than what it computes. The long way (`Function`, dialects, features' readers) knows every form, names every fault, and
is a hundred functions long. Here are those requests that need none of it: payload 2.0, a form of FORMS, every value of
its input's type, every column of one length. What is unusual or wrong is not judged: `FastPath.answer` is None, and
the long way begins anew. What it does answer is what the long way would, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime import events
from ranklet_runtime.dialects.base import Call, Dialect
from ranklet_runtime.events import COPY, from_base64
from ranklet_runtime.fast.base import Asked, Form, Inputs
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.messages import HttpRequest, RankRequest, RankResult
from ranklet_runtime.phases import DECODE, ENCODE
from ranklet_runtime.scorer import NONE_TOLD, NOTHING, Scorer
from ranklet_runtime.served import Served

FORMS: Mapping[str, tuple[str, ...]] = {
    "/v1/models/{model}:rank": (
        "ranklet_runtime.fast.native_json:NativeJson",
        "ranklet_runtime.fast.native_msgpack:NativeMsgpack",
    ),
    "/v2/models/{model}/infer": (
        "ranklet_runtime.fast.v2_binary:V2Binary",
        "ranklet_runtime.fast.v2_json:V2Json",
    ),
}
"""Route → what reads its plain requests, imported when the second one comes."""

MOST_PATHS = 64
"""That are remembered: percent signs can write one path in many ways."""

NOT_SCORED = (None, NOTHING, NOTHING, NONE_TOLD)

Deadline = Callable[[float, Any], float]
Answered = tuple[dict[str, Any], NDArray[np.float32], Mapping[str, int], Mapping[str, int]]
Known = tuple[Dialect, Call, tuple[Form, ...]]


class FastPath:
    """One function's short way."""

    def __init__(self, manifest: Manifest, scorer: Scorer, served: Served, deadline: Deadline) -> None:
        self._scorer, self._served, self._deadline = scorer, served, deadline
        self._phases = scorer.phases
        self._inputs, self._limit = Inputs.of(manifest), manifest.limits.body_bytes
        self._paths: dict[str, Known] = {}
        self._new: dict[str, tuple[Dialect, Call]] = {}
        self._forms: dict[str, tuple[Form, ...]] = {}

    def learn(self, event: Mapping[str, Any], dialect: Dialect, call: Call) -> None:
        """The long way answered this: the next request to its path may take the short one."""
        path = event.get("rawPath")
        if call.route.path not in FORMS or path in self._paths or self._scorer.after is not None:
            return  # what comes after the scores looks at the whole request
        if len(self._paths) + len(self._new) < MOST_PATHS:
            self._new[str(path)] = (dialect, call)

    def answer(self, event: Any, started: float, context: Any) -> Answered | None:
        """The answer of a plain request, and what is counted of it: scores, what was defaulted, counts. Else None.

        started, context: what `deadline` is asked with, should there be something to wait for.
        Raises StoreUnavailable and faults of the model, as the scorer does.
        """
        try:
            path = event["rawPath"]
            known = self._paths.get(path) or self._open(path)
            if known is None or event["version"] != "2.0" or event["requestContext"]["http"]["method"] != "POST":
                return None
            headers, text = event["headers"], event["body"]
            if "content-encoding" in headers or len(text) > self._limit or COPY in event:
                return None
            body = from_base64()(text) if event["isBase64Encoded"] else text.encode()
            if len(body) > self._limit:
                return None
        except (LookupError, TypeError, AttributeError, ValueError):
            return None
        dialect, call, forms = known
        for form in forms:
            if (asked := form.decode(body, headers)) is not None:
                break
        else:
            return None
        scorer, phases = self._scorer, self._phases
        if phases.on:
            phases.lap(DECODE)
        scores: NDArray[np.float32] | None
        degraded, counts, outputs = NOTHING, NOTHING, NONE_TOLD
        if asked.tensors is not None:
            scores = scorer.score_given(asked.tensors, asked.n)
        elif not scorer.waits:
            scores = scorer.score_alone(asked.once, asked.items, asked.n)
        else:
            deadline = self._deadline(started, context)
            found = scorer.score_plain(asked.once, asked.items, asked.n, deadline=deadline)
            scores, degraded, counts, outputs = found or NOT_SCORED
        if scores is None:
            return None
        answer = None if degraded or outputs else form.encode(scores, asked)
        if answer is None:
            request, result = HttpRequest("POST", path, headers, body), RankResult(scores, degraded, counts, outputs)
            answer = self._written(result, asked, request, dialect, call)
        if phases.on:
            phases.lap(ENCODE)
            phases.done()
        return answer, scores, degraded, counts

    def _written(
        self, result: RankResult, asked: Asked, request: HttpRequest, dialect: Dialect, call: Call
    ) -> dict[str, Any]:
        """The answer as the dialect writes it."""
        plain = RankRequest({}, {}, asked.items, top_k=asked.top_k, form=asked.note)
        return events.encode(dialect.encode(result, asked=plain, request=request, call=call, served=self._served))

    def _open(self, path: str) -> Known | None:
        if path not in self._new:
            return None
        dialect, call = self._new.pop(path)
        route = call.route.path
        if route not in self._forms:
            forms = [_form(dotted, self._served, self._inputs) for dotted in FORMS[route]]
            self._forms[route] = tuple(form for form in forms if form is not None)
        known = self._paths[path] = (dialect, call, self._forms[route])
        return known


def _form(dotted: str, served: Served, inputs: Inputs) -> Form | None:
    """None where a layer lacks the form's parser: that costs time, and no request."""
    module, _, name = dotted.partition(":")
    try:
        found = import_module(module)
    except ImportError:
        return None
    form: Form = getattr(found, name)(served, inputs)
    return form
