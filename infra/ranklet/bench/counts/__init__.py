"""What can be counted, and is the same on every machine: modules, bytes, read units, allocations.

    modules-<kind>         imported after INIT and a request of each common form; kind: onnx, numpy
    bundle-…, own-…, layer-…-bytes      of bundles, of our own code in the layers, of the layers as Lambda unpacks them
    read-units-500…        of a request's rows
    blocks-…, peak-bytes-…, kept-blocks-…, gc-runs-…   of a request of 500 candidates

No time is looked at. Each figure has a budget in budget.toml; what exceeds it is in the report, with its culprit, and
the command ends with exit code 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ranklet import pipeline
from ranklet.bench import base, dialects, machine
from ranklet.bench.base import Progress, Report, Row, Setting
from ranklet.bench.counts import allocations, budget, linear, modules, reads, sizes
from ranklet.bench.counts.allocations import Watched
from ranklet.bench.dialects import ranker
from ranklet.dialects import FORMS
from ranklet.golden import Golden
from ranklet_runtime.engines.ort import open_session
from ranklet_runtime.function import Function

COMMON = {"native-json": "json", "native-msgpack": "msgpack", "v2-binary": "v2-binary", "v2-json": "v2-json"}
"""Form of a request → the end of its figures' names."""

PACKAGES = ("numpy", "onnxruntime", "orjson", "msgpack")


def run(setting: Setting, progress: Progress) -> Report:
    """Count everything. Raises BenchError where an answer was wrong."""
    rows: list[Row] = []
    culprits: dict[str, str] = {}
    with TemporaryDirectory(prefix="ranklet-bench-") as scratch:
        progress("build two models")
        handler, onnx = dialects.built(Path(scratch))
        folder = linear.write(Path(scratch) / "functions" / linear.NAME)
        numpy = pipeline.build(folder, out=Path(scratch) / "build").folder
        progress("count modules")
        sent = linear.request()
        plain = Golden(sent["user"], sent["context"], sent["items"], (0.0,) * linear.COUNT)
        for kind, bundle, golden, brought in (
            ("onnx", onnx, ranker.request(20), ("onnxruntime",)),
            ("numpy", numpy, plain, ()),
        ):
            events = _events(handler if kind == "onnx" else Function.open(numpy, {}), golden)
            found = modules.imported(bundle, events, brought=brought)
            rows.append(Row(f"modules-{kind}", None, float(len(found)), "modules", None))
            culprits[f"modules-{kind}"] = modules.unknown(found)
        progress("count allocations")
        counted, places = _allocations(handler, onnx)
        progress("count bytes")
        for figure, size in sizes.measure(
            {"ranker": onnx, "linear": numpy}, setting.folder.parent / "layers", progress
        ):
            rows.append(_bytes(figure, size))
            culprits[figure] = size.largest
    progress("count read units")
    rows += [*counted, *reads.measure()]
    return Report(
        rows,
        False,
        machine.describe(PACKAGES),
        datetime.now(UTC).isoformat(timespec="seconds"),
        over=tuple(budget.over(rows, budget.read(), {**culprits, **places})),
    )


def _events(handler: Function, golden: Golden) -> list[dict[str, Any]]:
    """The same request in each common form."""
    return [dialects.event_of(FORMS[form], handler, golden)[0] for form in COMMON]


def _allocations(handler: Function, bundle: Path) -> tuple[list[Row], Mapping[str, str]]:
    watched = Watched(open_session(ranker.graph(), threads=1))
    alone = dialects.without_model(handler, watched, bundle)
    rows: list[Row] = []
    culprits: dict[str, str] = {}
    for form, name in COMMON.items():
        held = allocations.held(form, alone, watched)
        counts = {"blocks": held.blocks, "kept-blocks": held.kept, "gc-runs": held.runs}
        more = [Row(f"{what}-{name}", allocations.N, float(count), "count", None) for what, count in counts.items()]
        more.append(Row(f"peak-bytes-{name}", allocations.N, float(held.peak), "bytes", None))
        rows += more
        culprits |= {row.figure: held.places for row in more}
    return rows, culprits


def _bytes(figure: str, size: sizes.Size) -> Row:
    if size.bytes is None:
        return base.absent(figure, n=None, unit="bytes")
    return Row(figure, None, float(size.bytes), "bytes", None)
