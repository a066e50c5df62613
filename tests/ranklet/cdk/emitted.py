"""What the runtime really writes: a small model is served, and its documents and lines are read."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest import mock

from cdk_project import ROOT

from ranklet_features.stores.counts import Counts
from ranklet_runtime.errors import BadRequest, InternalFault, NonFiniteScores, NotFound, PayloadTooLarge, Unavailable
from ranklet_runtime.function import Function

REFERENCE = {"edges": [1.0, 2.0], "counts": [100, 100, 100]}
WATCH = {"sample_every": 1, "inputs": ["price"], "health_every": 1, "references": {"price": REFERENCE}}


class Emitted(NamedTuple):
    """metrics: names with the names of their dimensions. lines: of the log. documents: fields of metrics' documents."""

    metrics: set[tuple[str, tuple[str, ...]]]
    lines: list[dict[str, Any]]
    documents: list[dict[str, Any]]


def runtime_kit() -> ModuleType:
    """The runtime tests' own model."""
    spec = importlib.util.spec_from_file_location("runtime_kit", ROOT / "tests" / "runtime" / "runtime_kit.py")
    assert spec is not None and spec.loader is not None
    kit = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kit)
    return kit


def emitted(folder: Path) -> Emitted:
    """Serve requests of every outcome, and read what was written."""
    kit = runtime_kit()
    function = Function.open(kit.write_bundle(folder, kit.document(watch=WATCH)), {})
    out = StringIO()
    with mock.patch("signal.signal"), mock.patch("atexit.register"), redirect_stdout(out):
        function.telemetry.start()
        for request in _requests(kit):
            function(kit.rank(request), None)
        # What takes a broken table or model to come about is told by what counts it.
        for fault in (NotFound("x"), PayloadTooLarge("x"), NonFiniteScores("x"), InternalFault("x"), Unavailable("x")):
            function.telemetry.refused(fault)
        function.telemetry.scored(1, {"unavailable_rows:films": 1}, {"RefusedRecords": 1})
        function.telemetry.refused(BadRequest("x"))
        counts = function.scorer.tables["films"]
        for name in Counts.__slots__:
            setattr(counts, name, [1.0] if name == "read_ms" else 1)
        function.telemetry.done(0.001)
        function.telemetry.flush()
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    documents = [one for one in found if "_aws" in one]
    metrics = {
        (metric["Name"], tuple(sorted(dimensions)))
        for one in documents
        for directive in one["_aws"]["CloudWatchMetrics"]
        for dimensions in directive["Dimensions"]
        for metric in directive["Metrics"]
    }
    return Emitted(metrics, [one for one in found if "_aws" not in one], documents)


def _requests(kit: ModuleType) -> Iterator[dict[str, Any]]:
    many = {"id": [10] * 500, "price": [0.5] * 500, "rating": [3.0] * 499 + [None]}
    for _ in range(20):
        yield {**kit.REQUEST, "items": many}
    yield {**kit.REQUEST, "user": {"age": 31, "country": "xx"}, "items": {"id": [999], "price": [1], "rating": [2]}}
    yield {**kit.REQUEST, "user": {"age": "x"}}
