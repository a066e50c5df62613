"""What each dialect costs: the whole handler, from API Gateway's event to the answer, over bare `session.run`.

    <form>         a ratio: the handler's CPU time for a request in that form over the session's on the same tensors
    <form>-bytes   of the request's body, as the client sends it

The event holds the body as API Gateway hands it on: text, or base64 where it takes it for bytes. Every answer's scores
are the session's own, to the bit, before anything is timed. ranker.py is the model.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ranklet import pipeline
from ranklet.answers import sendable
from ranklet.bench import base, machine
from ranklet.bench.base import Found, Progress, Report, Row, Setting, Way
from ranklet.bench.dialects import ranker
from ranklet.dialects import FORMS
from ranklet.dialects.assembled import assembled
from ranklet.dialects.base import Form, Message
from ranklet.errors import BenchError
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet_runtime.engines.ort import open_session
from ranklet_runtime.function import Function

NUMBERS, QUICK = (1, 100, 500, 2000), (100, 500)
PACKAGES = ("numpy", "onnxruntime", "orjson", "msgpack")
SESSION, CONTROL = "session.run", "control"
NAMES = {"native-json": "rank-json-columns", "native-msgpack": "rank-msgpack"}
"""Form → figure, where they are not called alike."""


def run(setting: Setting, progress: Progress) -> Report:
    """Build the ranker, then time every form. Raises BenchError where an answer is not the session's."""
    described = machine.describe(PACKAGES)
    with TemporaryDirectory(prefix="ranklet-bench-") as scratch:
        progress("build the ranker")
        handler = _built(Path(scratch))
        session = open_session(ranker.graph(), threads=1)
        found = []
        for n in QUICK if setting.quick else NUMBERS:
            progress(f"{n} candidates, {len(FORMS)} forms")
            found.append(measure(handler, session, n, setting))
    return Report(
        rows=[row for part in found for row in part.rows],
        noisy=base.noisy([control for part in found for control in part.controls]),
        machine=described,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def measure(handler: Function, session: Any, n: int, setting: Setting) -> Found:
    """All forms at one number of candidates, interleaved. controls: the session over itself."""
    golden = ranker.request(n)
    feeds = ranker.feeds(golden)
    right = session.run(None, feeds)[0].reshape(-1)
    calls = max(1, 200 // n)
    ways = {
        SESSION: Way(lambda _: session.run(None, feeds), int, calls).sample,
        CONTROL: Way(lambda _: session.run(None, feeds), int, calls).sample,
    }
    sizes = {}
    for name, form in FORMS.items():
        if not form.takes([golden], handler.manifest) or not sendable(form, handler, handler.manifest, [golden]):
            continue
        event, sizes[name] = _event(form, handler, golden)
        base.equal(f"{name} of {n} candidates", _scores(form, handler(event, None)), right)
        ways[name] = Way(partial(_ask, handler, event), int, calls).sample
    taken = base.interleaved(ways, setting)
    rows = [base.ratio(NAMES.get(name, name), taken[name], taken[SESSION], n=n, peer=SESSION) for name in sizes]
    rows += [Row(f"{NAMES.get(name, name)}-bytes", n, float(size), "bytes", None) for name, size in sizes.items()]
    rows.append(base.microseconds("session-run-us", taken[SESSION], n=n, peer=SESSION))
    return Found(rows, [taken[CONTROL] / taken[SESSION]])


def _built(scratch: Path) -> Function:
    golden = ranker.request(20)
    scores = open_session(ranker.graph(), threads=1).run(None, ranker.feeds(golden))[0].reshape(-1)
    told = Golden(golden.user, golden.context, golden.items, tuple(scores.tolist()))
    folder = ranker.write(scratch / "functions" / ranker.NAME, told)
    return Function.open(pipeline.build(folder, out=scratch / "build").folder, {})


def _event(form: Form, handler: Function, golden: Golden) -> tuple[dict[str, Any], int]:
    """The event, and how many bytes the client sends."""
    sent = form.request(assembled(golden, handler) if form.tensors else golden, handler.manifest)
    return event_v2("POST", form.url(handler.manifest), headers=sent.headers, body=sent.body), len(sent.body)


def _ask(handler: Function, event: dict[str, Any], _: int) -> dict[str, Any]:
    return handler(event, None)


def _scores(form: Form, answer: dict[str, Any]) -> Any:
    raw = answer["body"]
    body = base64.b64decode(raw) if answer["isBase64Encoded"] else raw.encode()
    if answer["statusCode"] != 200:
        raise BenchError(f"the handler answers {answer['statusCode']}: {body[:200]!r}; nothing was timed")
    return np.array(form.decode(Message(body, answer["headers"])), np.float32)
