"""warm.json: the golden requests with which an environment warms itself up (`ranklet_runtime.rehearsal`).

The largest golden row with its candidates repeated, as engines keep memory for the most that they have seen, and as it
is, both in the model's first form; then the smallest row in every form of its dialects. What does not fit into
MOST_BYTES is left out: the file travels in the package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import orjson

from ranklet.dialects import forms
from ranklet.dialects.base import Form
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.rehearsal import FILE

MOST_BYTES = 48 * 1024
READ = ("version", "rawPath", "headers", "body", "isBase64Encoded")
MANY = 500
"""Candidates of the largest request, as far as the model takes so many."""


def write(manifest: Manifest, rows: Sequence[Golden], bundle: Path) -> None:
    """Write the events into a bundle; nothing where none of the model's forms can say a golden row."""
    chosen: list[Mapping[str, Any]] = []
    left = MOST_BYTES
    for event in _events(manifest, rows):
        if (size := len(orjson.dumps(event))) <= left:
            chosen.append(event)
            left -= size
    if chosen:
        (bundle / FILE).write_bytes(orjson.dumps(chosen))


def _events(manifest: Manifest, rows: Sequence[Golden]) -> Iterator[Mapping[str, Any]]:
    """Those that matter most come first."""
    sized = sorted((row for row in rows if row.scores), key=lambda row: len(row.scores))
    said = [form for form in forms(manifest.dialects).values() if not form.tensors and form.takes(sized, manifest)]
    if not sized or not said:
        return
    if sized[-1].asked is None:
        yield _event(said[0], manifest, _repeated(sized[-1], min(MANY, manifest.limits.items)))
    yield _event(said[0], manifest, sized[-1])
    for form in said:
        yield _event(form, manifest, sized[0])


def _event(form: Form, manifest: Manifest, row: Golden) -> Mapping[str, Any]:
    """API Gateway's event, as far as it is read."""
    sent = form.request(row, manifest)
    event = event_v2("POST", form.url(manifest, row), headers=sent.headers, body=sent.body)
    http, stage = event["requestContext"]["http"], event["requestContext"]["stage"]
    return {
        **{name: event[name] for name in READ if name in event},
        "requestContext": {"http": {name: http[name] for name in ("method", "path")}, "stage": stage},
    }


def _repeated(row: Golden, count: int) -> Golden:
    """The row with so many candidates, its own in turn."""
    items = {name: list(islice(cycle(column), count)) for name, column in row.items.items() if column}
    return replace(row, items=items, scores=tuple(islice(cycle(row.scores), count)), outputs={}, order=())
