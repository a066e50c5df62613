"""One Lambda function: an event in, an answer out, whatever happens between.

    events.decode → Router.resolve → dialect.decode → Scorer.score → dialect.encode → events.encode

Plain requests, nearly all, take a shorter way to the same answer (`ranklet_runtime.fast`).
Every exception ends here as an answer. What a caller did wrong is said to the caller, with its place in the request;
what we did wrong is said to the log, and the caller learns the request's id only. A copy of a request that another
version answered (`ranklet_runtime.shadow`) is scored and measured, and answered to nobody.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import InputError, ShapeError, StoreUnavailable
from ranklet_runtime import events
from ranklet_runtime.dialects.base import Call, Dialect
from ranklet_runtime.errors import BadRequest, InternalFault, RequestFault, Unavailable, Unprocessable
from ranklet_runtime.fast import FastPath
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankRequest, RankResult
from ranklet_runtime.phases import DECODE, ENCODE
from ranklet_runtime.routing import Router
from ranklet_runtime.scorer import Scorer
from ranklet_runtime.served import Served
from ranklet_runtime.telemetry import Telemetry
from ranklet_runtime.watching import Watcher

if TYPE_CHECKING:
    from ranklet_runtime.drift import Drift
    from ranklet_runtime.elsewhere import Elsewhere
    from ranklet_runtime.shadow import Candidate, Shadow

RESERVE_MS = 50
"""Kept of Lambda's time for what follows the reading of tables: computing, encoding, the way back."""

NO_REQUEST = HttpRequest("", "", {}, b"")
NO_ENVIRON: Mapping[str, str] = MappingProxyType({})
FUNCTION_NAME = "AWS_LAMBDA_FUNCTION_NAME"
FUNCTION_VERSION = "AWS_LAMBDA_FUNCTION_VERSION"
METRICS_NAME = "RANKLET_METRICS"
"""What metrics call the model, where it is deployed more than once in an account."""
OBSERVE, SHADOW = "RANKLET_OBSERVE", "RANKLET_SHADOW"
"""As `ranklet_runtime.drift` and `ranklet_runtime.shadow` have them, which are imported by who needs them."""
PINNED = "RANKLET_BUNDLE"
VERSIONS, ALONE = "RANKLET_VERSIONS", "none"
"""How the stack says that the function has no right to ask another version."""

WAITED_FOR = "on-demand"


class Function:
    """A model behind API Gateway; `__call__` is the Lambda handler and never raises for a request."""

    def __init__(
        self,
        manifest: Manifest,
        scorer: Scorer,
        telemetry: Telemetry,
        *,
        folder: Path | None = None,
        environ: Mapping[str, str] = NO_ENVIRON,
    ) -> None:
        self.manifest, self.scorer, self.telemetry = manifest, scorer, telemetry
        self.served = Served(manifest, scorer.given, folder)
        self._router, self._environ = Router(manifest), environ
        self._fast = FastPath(manifest, scorer, self.served, self._deadline)
        self._phases, self._watcher = scorer.phases, Watcher(manifest, scorer, telemetry)
        self._observer = self._watcher.observer
        self._elsewhere: Elsewhere | None = None
        self._shadow: Shadow | None = _shadow(environ, telemetry)
        self._candidate: Candidate | None = None
        self._noticing = tuple(one.scored for one in (telemetry.drift, self._shadow) if one is not None)

    @classmethod
    def open(cls, folder: Path, environ: Mapping[str, str]) -> Function:
        """Open the bundle in `folder`.

        environ: what stores need of region, endpoint and credentials.
        Raises ManifestError, SpecError or StoreError.
        """
        if pinned := environ.get(PINNED):
            # Imported here: the build opens bundles that it has not sealed yet.
            from ranklet_runtime import integrity

            waited = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", WAITED_FOR) == WAITED_FOR
            integrity.verify(folder, pinned, whole=not waited)
        manifest = Manifest.read(folder / "manifest.json")
        scorer = _kind(manifest).open(manifest, folder, environ)
        drift = _drift(manifest, environ)
        name = environ.get(METRICS_NAME) or manifest.model
        telemetry = Telemetry(name, manifest.version, tables=scorer.tables, drift=drift)
        return cls(manifest, scorer, telemetry, folder=folder, environ=environ)

    def prepare(self) -> None:
        """Do now what the first request of some kind would do: where nobody waits for INIT."""
        self._router.open()
        if self.scorer.tokens is not None:
            self.scorer.tokens.ready()
        if self.served.folder is not None:
            # Imported here: where INIT is waited for, nothing is rehearsed.
            from ranklet_runtime import rehearsal

            rehearsal.rehearse(self, self.served.folder)

    def rehearse(self, event: Any) -> dict[str, Any]:
        """Answer an event that nobody sent: nothing is counted. Raises what a request would be refused for."""
        request = events.decode(event, self.manifest.limits.body_bytes)
        dialect, call = self._router.resolve(request.method, request.path)
        asked = dialect.decode(request, call, self.served)
        result = self._score(dialect, asked, self._deadline(time.monotonic(), None))
        return events.encode(dialect.encode(result, asked=asked, request=request, call=call, served=self.served))

    def renew(self) -> None:
        """Let go of connections and credentials; the next use makes new ones."""
        self.scorer.renew()
        self._elsewhere = None
        if self._shadow is not None:
            self._shadow.renew()

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer one API Gateway event; `context` is Lambda's, or None."""
        started = time.monotonic()
        self._phases.begin()
        request: HttpRequest | None = None
        try:
            observer = self._observer
            unseen = observer is None or observer.count + 1 < observer.due  # nobody looks at this request
            answer = self._short(event, started, context) if unseen else None
            if answer is None:
                request = events.decode(event, self.manifest.limits.body_bytes)
                dialect, call = self._router.resolve(request.method, request.path)
                if events.COPY in event:
                    return self._compare(event[events.COPY], dialect, call, request, context)
                answer = self._long(event, dialect, call, request, self._deadline(started, context), context)
        except RequestFault as fault:
            answer = self._refuse(fault, request or _addressed(event), _request_id(event, context))
        except Exception as error:  # the one place where everything ends: no request takes the environment down
            answer = self._refuse(_internal(error), request or _addressed(event), _request_id(event, context))
        seconds = time.monotonic() - started
        if self._observer is not None and self._observer.seen is not None and request is not None:
            self._watcher.look(request.path, _request_id(event, context), seconds)
        self.telemetry.done(seconds)
        if self._shadow is not None:
            self._shadow.send(event, seconds, _alias(context))
        return answer

    def _short(self, event: Any, started: float, context: Any) -> dict[str, Any] | None:
        """The answer of a plain request (see `ranklet_runtime.fast`)."""
        try:
            found = self._fast.answer(event, started, context)
        except StoreUnavailable as error:
            raise _unavailable() from error
        if found is None:
            return None
        if self._observer is not None:
            self._observer.count += 1
        answer, scores, degraded, counts = found
        self.telemetry.scored(len(scores), degraded, counts)
        for noticed in self._noticing:
            noticed(scores)
        return answer

    def _long(
        self, event: Any, dialect: Dialect, call: Call, request: HttpRequest, deadline: float, context: Any
    ) -> dict[str, Any]:
        if call.version is not None or call.label not in (None, _alias(context)):
            return self._pass_on(event, call, context)
        answer = events.encode(self._answer(dialect, call, request, deadline))
        if call.route.scores:
            if self._phases.on:
                self._phases.lap(ENCODE)
                self._phases.done()
            if call.label is None:
                self._fast.learn(event, dialect, call)
        return answer

    def _answer(self, dialect: Dialect, call: Call, request: HttpRequest, deadline: float) -> HttpResponse:
        if call.route.scores:
            return self._rank(dialect, call, request, deadline)
        return dialect.describe(request, call, self.served)

    def _pass_on(self, event: Any, call: Call, context: Any) -> dict[str, Any]:
        """The answer of another version of this function. Raises NotFound where it is not there."""
        if context is None or FUNCTION_NAME not in self._environ or self._environ.get(VERSIONS) == ALONE:
            raise self._router.absent(call)
        if self._elsewhere is None:
            # Imported here: few callers name a version.
            from ranklet_runtime.elsewhere import Elsewhere

            self._elsewhere = Elsewhere(self.manifest.model, self._environ)
        left = context.get_remaining_time_in_millis() - RESERVE_MS
        answer = self._elsewhere.answer(event, call, time.monotonic() + left / 1000)
        if answer is None:
            raise self._router.absent(call)
        return answer

    def _rank(self, dialect: Dialect, call: Call, request: HttpRequest, deadline: float) -> HttpResponse:
        asked = dialect.decode(request, call, self.served)
        if self._phases.on:
            self._phases.lap(DECODE)
        result = self._score(dialect, asked, deadline)
        if self._observer is not None:
            self._observer.scored(asked, result)
        if result.issued is None:
            self._count(result.scores, result.degraded, result.counts)
        else:  # a token has no scores
            self.telemetry.scored(0, result.degraded, result.counts)
        if asked.more is not None and self._shadow is not None and asked.more.token is not None:
            self._shadow.forget()  # no other version takes this one's token
        return dialect.encode(result, asked=asked, request=request, call=call, served=self.served)

    def _count(self, scores: NDArray[np.float32], degraded: Mapping[str, int], counts: Mapping[str, int]) -> None:
        self.telemetry.scored(len(scores), degraded, counts)
        for noticed in self._noticing:
            noticed(scores)

    def _score(self, dialect: Dialect, asked: RankRequest, deadline: float) -> RankResult:
        try:
            return self.scorer.score(asked, deadline=deadline)
        except InputError as error:
            raise _refusal(error, dialect, asked) from error
        except StoreUnavailable as error:
            raise _unavailable() from error

    def _compare(self, copy: Any, dialect: Dialect, call: Call, request: HttpRequest, context: Any) -> dict[str, Any]:
        """Score a request that another version answered, for the metrics alone."""
        if self._candidate is None:
            from ranklet_runtime.shadow import Candidate

            self._candidate = Candidate(self.telemetry, _release(self._environ))
        deadline = self._deadline(time.monotonic(), context)
        self._candidate.compare(
            copy, lambda: self._score(dialect, dialect.decode(request, call, self.served), deadline).scores
        )
        return {}

    def _deadline(self, started: float, context: Any) -> float:
        """On the clock of `time.monotonic()`: the manifest's, or Lambda's own when that is sooner."""
        milliseconds = self.manifest.limits.deadline_ms
        if context is not None:
            milliseconds = min(milliseconds, context.get_remaining_time_in_millis() - RESERVE_MS)
        return started + milliseconds / 1000

    def _refuse(self, fault: RequestFault, request: HttpRequest, request_id: str) -> dict[str, Any]:
        """The answer to a fault, counted; what is ours is logged and hidden."""
        self.telemetry.refused(fault)
        self._watcher.refused(fault, request.path, request_id)
        if fault.status >= 500:
            self.telemetry.log(str(fault), fault.__cause__ or fault, request_id=request_id, route=request.path)
        if isinstance(fault, InternalFault):
            fault = InternalFault(f"internal error, request {request_id}")
        response = self._router.nearest(request.path).fault(fault, request)
        headers = {**response.headers, **fault.headers}
        return events.encode(HttpResponse(response.status, response.body, response.content_type, headers))


def _kind(manifest: Manifest) -> type[Scorer]:
    if manifest.retrieve is None:
        return Scorer
    # Imported here: few models find items.
    from ranklet_runtime.retriever import Retriever

    return Retriever


def _shadow(environ: Mapping[str, str], telemetry: Telemetry) -> Shadow | None:
    if not (setting := environ.get(SHADOW)) or FUNCTION_NAME not in environ:
        return None
    # Imported here: few functions have a shadow.
    from ranklet_runtime.shadow import Shadow

    return Shadow(setting, environ, telemetry)


def _drift(manifest: Manifest, environ: Mapping[str, str]) -> Drift | None:
    if not (every := environ.get(OBSERVE)) or FUNCTION_VERSION not in environ:
        return None
    # Imported here: few functions are released gradually.
    from ranklet_runtime.drift import Drift

    return Drift(manifest.histogram, _release(environ), every=int(every))


def _release(environ: Mapping[str, str]) -> str:
    """The Lambda version; with the function's name, as another environment's function has versions 1, 2 … too."""
    return f"{environ.get(FUNCTION_NAME, '')}:{environ.get(FUNCTION_VERSION, '')}"


def _refusal(error: InputError, dialect: Dialect, asked: RankRequest) -> RequestFault:
    kind = Unprocessable if isinstance(error, ShapeError) else BadRequest
    return kind(error.message, path=dialect.place(error, asked))


def _unavailable() -> Unavailable:
    headers = {"retry-after": str(Unavailable.retry_after_s)}
    return Unavailable("an embedding table does not answer; try again", headers=headers)


def _internal(error: Exception) -> InternalFault:
    fault = InternalFault(f"{type(error).__name__}: {error}")
    fault.__cause__ = error
    return fault


def _addressed(event: Any) -> HttpRequest:
    """Whom a request was for whose body cannot be read: its path decides in which dialect it is refused."""
    try:
        return events.decode({**event, "body": None}, 0)
    except (RequestFault, TypeError):
        return NO_REQUEST


def _alias(context: Any) -> str | None:
    """The alias by which this function was invoked: `arn:aws:lambda:<region>:<account>:function:<name>:<alias>`."""
    parts = getattr(context, "invoked_function_arn", "").split(":")
    return parts[7] if len(parts) == 8 else None


def _request_id(event: Any, context: Any) -> str:
    """Lambda's id, as it stands in the log; API Gateway's without a context."""
    if context is not None:
        return str(context.aws_request_id)
    try:
        return str(event["requestContext"]["requestId"])
    except (KeyError, TypeError, IndexError):
        return "unknown"
