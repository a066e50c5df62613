"""What each dialect costs: the whole handler, from API Gateway's event to the answer, over bare `session.run`.

    <form>         a ratio: the handler's CPU time for a request in that form over the session's on the same tensors
    <form>-own-us  the same handler's own CPU time, with a session that answers at once
    <form>-bytes   of the request's body, as the client sends it

The event holds the body as API Gateway hands it on: text, or base64 where it takes it for bytes. Every answer's scores
are the session's own, to the bit, before anything is timed. ranker.py is the model.

A turn is a few calls of one way after some that are not timed; its figure is the least of them, which is the form's own
cost and not what other forms and processes leave of the processor's cache. A few forms at a time are interleaved
with the session, which has the same turns.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ranklet import pipeline
from ranklet.answers import sendable
from ranklet.bench import base, machine
from ranklet.bench.base import Found, Progress, Report, Row, Sample, Setting
from ranklet.bench.dialects import ranker
from ranklet.dialects import FORMS
from ranklet.dialects.assembled import assembled
from ranklet.dialects.base import Form, Message
from ranklet.errors import BenchError
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet_features.plan import FeaturePlan
from ranklet_runtime.engines.onnx import OnnxEngine
from ranklet_runtime.engines.ort import open_session
from ranklet_runtime.function import Function
from ranklet_runtime.scorer import Scorer
from ranklet_runtime.telemetry import Telemetry

NUMBERS, QUICK = (1, 100, 500, 2000), (100, 500)
PACKAGES = ("numpy", "onnxruntime", "orjson", "msgpack")
SESSION, CONTROL = "session.run", "control"
WARM, CALLS = 2, 4
"""Calls of a turn that are not timed, and that are."""

TOGETHER = 3
"""Forms that are interleaved with the session at a time."""

NAMES = {"native-json": "rank-json-columns", "native-msgpack": "rank-msgpack"}
"""Form → figure, where they are not called alike."""


def run(setting: Setting, progress: Progress) -> Report:
    """Build the ranker, then time every form. Raises BenchError where an answer is not the session's."""
    described = machine.describe(PACKAGES)
    with TemporaryDirectory(prefix="ranklet-bench-") as scratch:
        progress("build the ranker")
        handler, folder = built(Path(scratch))
        answered = Answered(open_session(ranker.graph(), threads=1))
        alone = without_model(handler, answered, folder)
        found = []
        for n in QUICK if setting.quick else NUMBERS:
            progress(f"{n} candidates, {len(FORMS)} forms")
            found.append(measure(handler, alone, answered, n, setting))
    return Report(
        rows=[row for part in found for row in part.rows],
        noisy=base.noisy([control for part in found for control in part.controls]),
        machine=described,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def measure(handler: Function, alone: Function, answered: Answered, n: int, setting: Setting) -> Found:
    """All forms at one number of candidates, with `alone` for what is the handler's own.

    controls: the session over itself, in the turns of the same forms.
    """
    golden = ranker.request(n)
    feeds, session = ranker.feeds(golden), answered.session
    answered.known = session.run(None, feeds)
    right = answered.known[0].reshape(-1)
    ways: dict[str, Sample] = {}
    own: dict[str, Sample] = {}
    rows, controls = [], []
    for name, form in FORMS.items():
        if not form.takes([golden], handler.manifest) or not sendable(form, handler, handler.manifest, [golden]):
            continue
        event, size = event_of(form, handler, golden)
        base.equal(f"{name} of {n} candidates", scores_of(form, handler(event, None)), right)
        figure = NAMES.get(name, name)
        ways[figure] = least(partial(handler, event, None))
        own[figure] = least(partial(alone, event, None))
        rows.append(Row(f"{figure}-bytes", n, float(size), "bytes", None))
    bare = {name: least(partial(session.run, None, feeds)) for name in (SESSION, CONTROL)}
    for first in range(0, len(ways), TOGETHER):
        names = list(ways)[first : first + TOGETHER]
        some = {name: ways[name] for name in names} | {f"{name}-own-us": own[name] for name in names}
        taken = base.interleaved({**bare, **some}, setting)
        rows += [base.ratio(name, taken[name], taken[SESSION], n=n, peer=SESSION) for name in names]
        rows += [base.microseconds(f"{name}-own-us", taken[f"{name}-own-us"], n=n) for name in names]
        controls.append(taken[CONTROL] / taken[SESSION])
    rows.append(base.microseconds("session-run-us", taken[SESSION], n=n, peer=SESSION))
    return Found(rows, controls)


def least(call: Callable[[], Any]) -> Sample:
    """CPU seconds of the quickest call of a turn."""

    def sample(_: int) -> float:
        for _ in range(WARM):
            call()
        found = []
        for _ in range(CALLS):
            start = time.process_time_ns()
            call()
            found.append(time.process_time_ns() - start)
        return min(found) / 1e9

    return sample


class Answered:
    """A session that knows its answer: what is left of a request's time is the handler's own."""

    def __init__(self, session: Any) -> None:
        self.session, self.known = session, list[Any]()
        self.get_inputs, self.get_outputs = session.get_inputs, session.get_outputs

    def run(self, names: Sequence[str], feeds: Mapping[str, Any], options: Any = None) -> list[Any]:
        """Without a look at what is asked."""
        return self.known


def built(scratch: Path) -> tuple[Function, Path]:
    """The handler, and the bundle that it opened."""
    golden = ranker.request(20)
    scores = open_session(ranker.graph(), threads=1).run(None, ranker.feeds(golden))[0].reshape(-1)
    told = Golden(golden.user, golden.context, golden.items, tuple(scores.tolist()))
    folder = ranker.write(scratch / "functions" / ranker.NAME, told)
    bundle = pipeline.build(folder, out=scratch / "build").folder
    return Function.open(bundle, {}), bundle


def without_model(handler: Function, answered: Answered, bundle: Path) -> Function:
    """The handler without its model."""
    manifest = handler.manifest
    (step,) = manifest.steps
    plan = FeaturePlan.compile(manifest.spec, bundle, {})
    scorer = Scorer(manifest, plan, (OnnxEngine(step, answered),), {})
    return Function(manifest, scorer, Telemetry(manifest.model, manifest.version), folder=bundle)


def event_of(form: Form, handler: Function, golden: Golden) -> tuple[dict[str, Any], int]:
    """The event, and how many bytes the client sends."""
    sent = form.request(assembled(golden, handler) if form.tensors else golden, handler.manifest)
    return event_v2("POST", form.url(handler.manifest), headers=sent.headers, body=sent.body), len(sent.body)


def scores_of(form: Form, answer: dict[str, Any]) -> Any:
    """The answer's scores, as a client reads them. Raises BenchError for a refusal."""
    raw = answer["body"]
    body = base64.b64decode(raw) if answer["isBase64Encoded"] else raw.encode()
    if answer["statusCode"] != 200:
        raise BenchError(f"the handler answers {answer['statusCode']}: {body[:200]!r}; nothing was timed")
    return np.array(form.decode(Message(body, answer["headers"])), np.float32)
