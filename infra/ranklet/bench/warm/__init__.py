"""What a warm request costs: the whole handler over bare `session.run`, its share of the telemetry included.

    handler-over-run-<form>   a ratio: the handler's CPU time for a request, event and base64 included, and its share
                              of the metrics' documents, over the session's on the same tensors
    least-over-run-<form>     the same of the least that each took in the whole run: a floor, where neighbours disturb
    handler-us-<form>         the handler's CPU time, without that share
    client-us-<form>          what awslambdaric adds to it: the event read by our marshaller, the answer written
    telemetry-us              a request's share of the documents that are written once for a hundred
    telemetry-vs-powertools   that, over Powertools' Logger and Metrics used in every request
    dollars-per-million-…     modelled from the time of a JSON request; cost.py has the rule

Model, events, checks and turns are those of the bench `dialects`; here telemetry writes, and Lambda's context says how
much time is left, as in a function. telemetry.py says how a share is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from ranklet.bench import base, dialects, machine
from ranklet.bench.base import Found, Progress, Report, Row, Sample, Setting
from ranklet.bench.dialects import ranker
from ranklet.bench.warm import cost, telemetry
from ranklet.dialects import FORMS
from ranklet_runtime import marshaller
from ranklet_runtime.engines.ort import open_session
from ranklet_runtime.function import Function

NUMBERS = (1, 100, 500, 2000)
NAMES = {"native-json": "json", "native-msgpack": "msgpack", "v2-binary": "v2-binary"}
"""Form of a request → the end of its figures' names."""

PACKAGES = ("numpy", "onnxruntime", "orjson", "msgpack", "pybase64", "aws-lambda-powertools", "awslambdaric")
SESSION, CONTROL = "session.run", "control"
SHARE = "telemetry"


class Context:
    """Lambda's, as far as the handler asks it."""

    aws_request_id = "8f5a1c3e-0000-4000-8000-000000000000"
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:ranklet-ranker:live"

    def get_remaining_time_in_millis(self) -> int:
        """As at the beginning of a request."""
        return 9_000


def run(setting: Setting, progress: Progress) -> Report:
    """Build the ranker, then time it. Raises BenchError where an answer is not the session's."""
    described = machine.describe(PACKAGES)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="ranklet-bench-")))
        progress("build the ranker")
        handler, _ = dialects.built(scratch)
        stack.enter_context(telemetry.written(handler))
        session = open_session(ranker.graph(), threads=1)
        found = [telemetry.measure(handler, setting)]
        for n in NUMBERS:
            progress(f"{n} candidates")
            found.append(measure(handler, session, n, setting))
    return Report(
        rows=[row for part in found for row in part.rows],
        noisy=base.noisy([control for part in found for control in part.controls]),
        machine=described,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def measure(handler: Function, session: Any, n: int, setting: Setting) -> Found:
    """All forms at one number of candidates; telemetry is written meanwhile."""
    golden, context = ranker.request(n), Context()
    feeds = ranker.feeds(golden)
    right = session.run(None, feeds)[0].reshape(-1)
    ways: dict[str, Sample] = {name: dialects.least(partial(session.run, None, feeds)) for name in (SESSION, CONTROL)}
    ways[SHARE] = telemetry.share(handler, n)
    for name, figure in NAMES.items():
        event, _ = dialects.event_of(FORMS[name], handler, golden)
        answer = handler(event, context)
        base.equal(f"{name} of {n} candidates", dialects.scores_of(FORMS[name], answer), right)
        ways[figure] = dialects.least(partial(handler, event, context))
        ways[f"client-{figure}"] = dialects.least(client(event, answer))
    least: dict[str, float] = {}
    taken = base.interleaved({name: _noting(name, way, least) for name, way in ways.items()}, setting)
    rows = [row for figure in NAMES.values() for row in _rows(figure, taken, least, n)]
    rows.append(base.microseconds("session-run-us", taken[SESSION], n=n, peer=SESSION))
    rows += cost.rows(taken["json"] + taken["client-json"] + taken[SHARE], n)
    return Found(rows, [taken[CONTROL] / taken[SESSION]])


def client(event: Mapping[str, Any], answer: Mapping[str, Any]) -> Any:
    """What awslambdaric does of a request beside its HTTP: a call that reads the event and writes the answer."""
    from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient

    marshaller.install()
    text, through = orjson.dumps(event), BaseLambdaRuntimeClient.marshaller

    def call() -> None:
        through.unmarshal_request(text)
        through.marshal_response(answer)

    return call


def _noting(name: str, way: Sample, least: dict[str, float]) -> Sample:
    """The way, which leaves the least that it ever took."""

    def sample(turn: int) -> float:
        found = way(turn)
        least[name] = min(found, least.get(name, found))
        return found

    return sample


def _rows(figure: str, taken: Mapping[str, Any], least: Mapping[str, float], n: int) -> list[Row]:
    floor = (least[figure] + least[SHARE]) / least[SESSION]
    return [
        base.ratio(f"handler-over-run-{figure}", taken[figure] + taken[SHARE], taken[SESSION], n=n, peer=SESSION),
        Row(f"least-over-run-{figure}", n, floor, "ratio", None, SESSION),
        base.microseconds(f"handler-us-{figure}", taken[figure], n=n),
        base.microseconds(f"client-us-{figure}", taken[f"client-{figure}"], n=n),
    ]
