"""A funnel behind API Gateway: an event in, an answer out, whatever happens between.

As `ranklet_runtime.function` is for one model, with routes of its own: what a caller did wrong is said to the caller,
what we did wrong to the log. A stage that fails is logged too; its request is answered by the others.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ranklet_features.lean import dataclass
from ranklet_runtime import events
from ranklet_runtime.bodies import printable, write_json
from ranklet_runtime.errors import InternalFault, MethodNotAllowed, NotFound, RequestFault
from ranklet_runtime.funnel import opening, wire
from ranklet_runtime.funnel.cascade import Cascade
from ranklet_runtime.funnel.counting import StageTimes
from ranklet_runtime.funnel.messages import Asked, Recommended
from ranklet_runtime.funnel.opening import Opened
from ranklet_runtime.funnel.plan import Plan, Stage
from ranklet_runtime.messages import HttpRequest, HttpResponse
from ranklet_runtime.telemetry import Telemetry

PINNED = "RANKLET_BUNDLE"
METRICS_NAME = "RANKLET_METRICS"
WAITED_FOR = "on-demand"
RESERVE_MS = 20
"""Kept of Lambda's time for the way back."""

OPENAPI = "openapi.json"
VERBS = ("recommend", "similar")


@dataclass(frozen=True)
class _Route:
    """method: that it takes. verb: of those that run stages, else what is told."""

    method: str
    verb: str


class FunnelFunction:
    """A funnel; `__call__` is the Lambda handler and never raises for a request."""

    def __init__(self, plan: Plan, opened: Opened, telemetry: Telemetry, *, folder: Path | None = None) -> None:
        self.plan, self.telemetry, self.scorer, self._folder = plan, telemetry, opened, folder
        self._cascade = Cascade(plan, opened.first, opened.others, failed=self._stage_failed)
        self._routes = _routes(plan.funnel)
        self._times = StageTimes(plan, telemetry)
        self._request_id = "unknown"

    @classmethod
    def open(cls, folder: Path, environ: Mapping[str, str]) -> FunnelFunction:
        """Open the bundle in `folder`, its stages as well where they are in it.

        Raises ManifestError, SpecError or StoreError.
        """
        if pinned := environ.get(PINNED):
            # Imported here: the build opens bundles that it has not sealed yet.
            from ranklet_runtime import integrity

            waited = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", WAITED_FOR) == WAITED_FOR
            integrity.verify(folder, pinned, whole=not waited)
        plan = Plan.read(folder / "manifest.json")
        opened = opening.open_stages(plan, folder, environ)
        telemetry = Telemetry(environ.get(METRICS_NAME) or plan.funnel, plan.version, tables=opened.tables)
        return cls(plan, opened, telemetry, folder=folder)

    def renew(self) -> None:
        """Let go of connections and credentials; the next use makes new ones."""
        self.scorer.renew()

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer one API Gateway event; `context` is Lambda's, or None."""
        started = time.monotonic()
        self._request_id = "unknown" if context is None else str(context.aws_request_id)
        request: HttpRequest | None = None
        try:
            request = events.decode(event, self.plan.limits.body_bytes)
            answer = events.encode(self._answer(request, self._ends(started, context)))
        except RequestFault as fault:
            answer = self._refuse(fault, request)
        except Exception as error:  # the one place where everything ends: no request takes the environment down
            internal = InternalFault(f"{type(error).__name__}: {error}")
            internal.__cause__ = error
            answer = self._refuse(internal, request)
        self.telemetry.done(time.monotonic() - started)
        return answer

    def recommend(self, asked: Asked, ends: float) -> Recommended:
        """The answer to a request, before it is written. ends: on the clock of `time.monotonic()`."""
        return self._cascade.run(asked, ends)

    def _answer(self, request: HttpRequest, ends: float) -> HttpResponse:
        route = self._route(request.method, request.path)
        if route.verb not in VERBS:
            return self._told(route.verb)
        asked = wire.decode(request, route.verb, self.plan)
        if route.verb == "similar":
            found = self._cascade.similar(asked, asked.k or wire.SIMILAR, ends)
        else:
            found = self._cascade.run(asked, ends)
        self.telemetry.scored(len(found.items), found.degraded)
        self._times.add(found.reports)
        return wire.encode(found, asked, request)

    def _told(self, what: str) -> HttpResponse:
        """Health, the stages, or the OpenAPI document."""
        if what == OPENAPI:
            return HttpResponse(200, self._document())
        stages = [
            {"name": one.name, "model": one.model, "version": one.version, "k": one.k} for one in self.plan.stages
        ]
        told = {"status": "ok", "model": self.plan.funnel, "version": self.plan.version, "stages": stages}
        return HttpResponse(200, write_json(told))

    def _document(self) -> bytes:
        try:
            if self._folder is not None:
                return (self._folder / OPENAPI).read_bytes()
        except FileNotFoundError:
            pass
        raise NotFound("this bundle has no OpenAPI document; build it again")

    def _route(self, method: str, path: str) -> _Route:
        found = self._routes.get(path)
        if found is None:
            shown = f"POST /v1/funnels/{self.plan.funnel}:recommend"
            raise NotFound(f"no such path; this function answers {shown}")
        if found.method != method:
            raise MethodNotAllowed(f"this path takes {found.method}", headers={"allow": found.method})
        return found

    def _ends(self, started: float, context: Any) -> float:
        milliseconds = self.plan.limits.deadline_ms
        if context is not None:
            milliseconds = min(milliseconds, context.get_remaining_time_in_millis() - RESERVE_MS)
        return started + milliseconds / 1000

    def _stage_failed(self, stage: Stage, error: Exception) -> None:
        self.telemetry.log(f"stage {stage.name}: {error}", error, request_id=self._request_id)

    def _refuse(self, fault: RequestFault, request: HttpRequest | None) -> dict[str, Any]:
        self.telemetry.refused(fault)
        route = "" if request is None else request.path
        if fault.status >= 500:
            self.telemetry.log(str(fault), fault.__cause__ or fault, request_id=self._request_id, route=route)
        if isinstance(fault, InternalFault):
            fault = InternalFault(f"internal error, request {self._request_id}")
        document = {"error": printable(str(fault))}
        if fault.path:
            document["path"] = printable(fault.path)
        response = HttpResponse(fault.status, write_json(document), headers=fault.headers)
        return events.encode(response)


def _routes(name: str) -> dict[str, _Route]:
    """Every path of a funnel, below its own prefix and without it."""
    plain = {f"/v1/funnels/{name}:{verb}": _Route("POST", verb) for verb in VERBS}
    plain |= {f"/v1/funnels/{name}": _Route("GET", "health")}
    own = {f"/{one}": _Route("GET", one) for one in ("ping", "health", OPENAPI)}
    below = {f"/{name}{path}": route for path, route in (plain | own).items()}
    return plain | below | {f"/{name}": _Route("GET", "health"), f"/{name}/": _Route("GET", "health")}


def paths(name: str) -> Sequence[str]:
    """The paths of a funnel that the shared API leads to it, beside all below its own prefix."""
    return [path for path in _routes(name) if path.startswith("/v1/funnels/")]
