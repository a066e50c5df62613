"""Lambda handlers called directly, each in its own process: what a function itself takes of a request.

Under the stock runtime client, a request of ours and of a peer's alike costs what the client takes to get an event and
to post an answer, which may be more than either handler. Here that is left out.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from ranklet.bench import asked, base
from ranklet.bench.asked import Asked as Process
from ranklet.bench.base import Found, Row, Sample, Setting
from ranklet.bench.peers import bodies
from ranklet.bench.peers.bodies import JSON, Asked
from ranklet.bench.peers.pairs import HANDLER, OURS, TUNED, Pair, Reference
from ranklet.errors import BenchError
from ranklet.local.environment import Launch
from ranklet.local.event_v2 import event_v2
from ranklet.local.variables import python_path

SCRIPT = Path(__file__).with_name("scripts") / "handler_calls.py"
CALLS, WARM = 5, 50
"""Of a turn, whose figure is the quickest; and before anything is timed."""


class Called:
    """A handler's process. requests: by the name of an event."""

    def __init__(self, name: str, process: Process, requests: Mapping[str, Asked]) -> None:
        self._name, self._process, self._requests = name, process, requests

    def check(self, event: str) -> None:
        """Raise BenchError where its answer is not right."""
        answer = self._process.ask({"event": event, "calls": WARM})["answer"]
        if answer["statusCode"] != 200:
            raise BenchError(f"{self._name} answers {answer['statusCode']}: {str(answer['body'])[:300]}")
        body = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"].encode()
        self._requests[event].check(self._name, body)

    def sample(self, event: str) -> Sample:
        """CPU seconds of a call."""
        return lambda _: float(self._process.ask({"event": event, "calls": CALLS})["cpu"])


@contextmanager
def called(launch: Launch, requests: Mapping[str, Asked], *, path: str, folder: Path) -> Iterator[Called]:
    """The handler of a function as it would be run. path: of requests that say none. folder: for its events."""
    function, events = launch.function, {}
    for name, request in requests.items():
        events[name] = folder / f"{function.name}-{name}.json"
        events[name].write_bytes(orjson.dumps(event_v2("POST", request.path or path, headers=JSON, body=request.body)))
    given: dict[str, Any] = {
        "path": python_path(function, launch.runtime).split(os.pathsep),
        "handler": function.handler,
        "events": {name: str(file) for name, file in events.items()},
    }
    environ = {**function.environment, "LAMBDA_TASK_ROOT": str(function.code)}
    with asked.started(Path(launch.python), SCRIPT, given, environ=environ, folder=function.code) as process:
        yield Called(function.name, process, requests)


def measure(pair: Pair, ours: Launch, theirs: Launch, references: Mapping[int, Reference], *, folder: Path) -> Found:
    """One peer's handlers beside ours. folder: for events. Raises BenchError for a wrong answer."""
    name, peer, label, setting = pair.name, pair.peer, pair.label, pair.setting
    asked = {str(n): bodies.request("v2", *reference) for n, reference in references.items()}
    tuned = {f"{n}-{TUNED}": replace(one, path=peer.tuned) for n, one in asked.items() if peer.tuned}
    with (
        called(ours, asked, path=bodies.OURS, folder=folder) as one,
        called(theirs, asked | tuned, path=peer.path, folder=folder) as other,
    ):
        rows = []
        for n in asked:
            figures = {f"{HANDLER}-vs-{name}": n} | {
                f"{HANDLER}-vs-{name}-{TUNED}": at for at in tuned if at.startswith(f"{n}-")
            }
            rows += _rows(one, other, setting, n=n, figures=figures, label=label)
    return Found(rows)


def _rows(
    ours: Called, theirs: Called, setting: Setting, *, n: str, figures: Mapping[str, str], label: str
) -> list[Row]:
    """figures: name → the event that the peer is called with."""
    ours.check(n)
    ways = {OURS: ours.sample(n)}
    for figure, event in figures.items():
        theirs.check(event)
        ways[figure] = theirs.sample(event)
    taken = base.interleaved(ways, setting)
    rows = [base.ratio(figure, taken[OURS], taken[figure], n=int(n), peer=label) for figure in figures]
    return [*rows, base.microseconds(f"{HANDLER}-us", taken[OURS], n=int(n))]
