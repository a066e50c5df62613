"""What a token saves: a request with one beside the same request with the user's features, through the whole handler.

    <model>-token-vs-features   CPU time with a token over that with the features, in msgpack
    <model>-prepare-us          CPU time of the request that gives the token
    <model>-token-bytes         of its text

The example models, in the variants whose user is computed alone. Both answers must be the same bytes before anything is
timed. Body and token are base64 in an event, as API Gateway hands them on.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgpack
import orjson

from ranklet import golden, pipeline, project, proof, token_proof
from ranklet.bench import base, machine
from ranklet.bench.base import Progress, Report, Row, Setting, Way
from ranklet.errors import BenchError
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet_runtime.function import Function

MODELS: Mapping[str, str] = {"movie-two-tower": "", "movie-deepfm": "A"}
"""Model → the variant of its split."""
NUMBERS, QUICK, GOLDEN = (1, 50, 450), (50,), 6
PACKAGES = ("numpy", "onnxruntime", "orjson", "msgpack")
HEADERS = {"content-type": "application/msgpack"}
PLAIN, TOKEN, PREPARE, CONTROL = "features", "token", "prepare", "control"


def run(setting: Setting, progress: Progress) -> Report:
    """Raises BenchError where a token's answer is another."""
    described = machine.describe(PACKAGES)
    rows: list[Row] = []
    controls = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="ranklet-bench-")))
        for name, variant in MODELS.items():
            progress(f"build {name}")
            function, row = _built(name, variant, scratch, stack)
            for n in QUICK if setting.quick else NUMBERS:
                progress(f"{name}, {n} candidates")
                ways, size = _ways(name, function, row, n)
                taken = base.interleaved({key: way.sample for key, way in ways.items()}, setting)
                controls.append(taken[CONTROL])
                rows.append(base.ratio(f"{name}-token-vs-features", taken[TOKEN], taken[PLAIN], n=n))
            rows.append(base.microseconds(f"{name}-prepare-us", taken[PREPARE], n=None))
            rows.append(Row(f"{name}-token-bytes", None, float(size), "bytes", None))
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(rows, base.noisy(controls), described, date)


def _built(name: str, variant: str, scratch: Path, stack: ExitStack) -> tuple[Function, Golden]:
    """The model with tokens, and its longest golden request."""
    folder = scratch / name
    shutil.copytree(project.find().functions / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / "model.toml").read_text(encoding="utf-8")
    text = re.sub(r'variant = "[AB]\+?"', f'variant = "{variant}"', text) if variant else text
    (folder / "model.toml").write_text(f"{text}\n[token]\n", encoding="utf-8")
    rows = sorted(golden.read(folder / "golden.jsonl"), key=lambda row: len(row.scores))
    (folder / "golden.jsonl").write_bytes(b"".join(map(golden.line, rows[-GOLDEN:])))
    built = pipeline.build(folder, out=scratch / ".build")
    tables = built.manifest.spec.tables.values()
    staged = [scratch / ".build" / "tables" / one.physical for one in tables if one.placement == "dynamodb"]
    environ = proof.environment(staged, stack) | token_proof.signing(built.manifest)
    function = Function.open(built.folder, environ)
    stack.callback(function.scorer.close)
    return function, rows[-1]


def _ways(name: str, function: Function, row: Golden, n: int) -> tuple[dict[str, Way], int]:
    once = {"user": row.user, "context": row.context}
    items = {"items": {key: column[:n] for key, column in row.items.items()}}
    token = orjson.loads(_json(function, name, once))["token"]
    events = {
        PLAIN: _event(name, "rank", {**once, **items}),
        TOKEN: _event(name, "rank", {"token": token, **items}),
        PREPARE: _event(name, "prepare", once),
    }
    if function(events[PLAIN], None) != function(events[TOKEN], None):
        raise BenchError(f"{name}: {n} candidates are answered otherwise with a token; nothing was timed")
    ways = {key: Way(_asking(function, event), int, calls=4, warm=2) for key, event in events.items()}
    return {**ways, CONTROL: ways[PLAIN]}, len(token)


def _asking(function: Function, event: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda _: function(event, None)


def _event(name: str, verb: str, body: Any) -> dict[str, Any]:
    return event_v2("POST", f"/v1/models/{name}:{verb}", headers=HEADERS, body=msgpack.packb(body))


def _json(function: Function, name: str, body: Any) -> bytes:
    headers = {"content-type": "application/json"}
    answer = function(event_v2("POST", f"/v1/models/{name}:prepare", headers=headers, body=orjson.dumps(body)), None)
    if answer["statusCode"] != 200:
        raise BenchError(f"{name}: no token: {answer['body'][:200]}")
    found: bytes = answer["body"].encode()
    return found
