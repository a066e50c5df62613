"""PMML and H2O's MOJO without a JVM, against JPMML's evaluator and H2O's scorer in one: records in, answers out.

Ours is the whole handler on the bundle that a build makes, from API Gateway's event with JSON columns to the answer's
JSON, all outputs of the model told. The peers get their records decoded already, and write no JSON.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet import draft, pipeline
from ranklet.bench import base
from ranklet.bench.base import Found, Progress, Row, Sample, Setting, Way
from ranklet.bench.engines import peers, pmml_files
from ranklet.bench.engines.peers import Peer
from ranklet.bench.engines.trees import Fewer
from ranklet.errors import BenchError, RankletError
from ranklet.local.event_v2 import event_v2
from ranklet_runtime.function import Function

NUMBERS, QUICK = (100, 500, 2000), (500,)
TOLERANCE = 1e-6
WARM = 100_000
"""Records before anything is timed: JPMML and H2O are at their speed after half of them."""

OURS, CONTROL, RECORDS = "ours", "control", "records"
SCRIPT = Path(__file__).with_name("java_models.py")


@dataclass(frozen=True)
class Other:
    """Whom a model is compared with. output: of ours, what its first way answers; modules: what must be there."""

    format: str
    name: str
    output: str
    modules: tuple[str, ...]


MODELS: Mapping[str, Other] = {
    "pmml-gbdt": Other("pmml", "jpmml-evaluator", "probability(yes)", ("jpmml_evaluator", "jpype")),
    "pmml-regression": Other("pmml", "jpmml-evaluator", "probability(yes)", ("jpmml_evaluator", "jpype")),
    "h2o-gbm": Other("h2o", "h2o-genmodel", "yes", ("h2o", "jpype", "pandas")),
}


class Ours:
    """A file that was imported, built, proven, and opened as Lambda opens it."""

    def __init__(self, name: str, format: str, file: Path, scratch: Path) -> None:
        folder = scratch / "functions" / name
        draft.draft(file, folder, format=format)
        self._path = f"/{name}/v1/models/{name}:rank"
        self._function = Function.open(pipeline.build(folder, out=scratch / "build").folder, {})
        self._inputs = self._function.manifest.spec.inputs
        if users := [one for one, declared in self._inputs.items() if declared.side != "item"]:
            raise BenchError(f"{name}: {', '.join(users)} would be sent once, and is a record's; nothing was timed")

    def event(self, columns: Mapping[str, list[Any]]) -> dict[str, Any]:
        """The request for a score of each record, of what the model reads."""
        items = {name: values for name, values in columns.items() if name in self._inputs}
        body = json.dumps({"items": items}).encode()
        return event_v2("POST", self._path, headers={"content-type": "application/json"}, body=body)

    def run(self, event: dict[str, Any]) -> Any:
        """The handler's answer."""
        return self._function(event, None)

    def told(self, event: dict[str, Any], output: str) -> NDArray[np.float64]:
        """One of the answer's columns."""
        answer = self.run(event)
        if answer["statusCode"] != 200:
            raise BenchError(f"the handler answers {answer['statusCode']}: {answer['body'][:200]}; nothing was timed")
        return np.array(json.loads(answer["body"])["outputs"][output], np.float64)


def measure(setting: Setting, progress: Progress) -> Found:
    """Figures `<model>-vs-<scorer>`. Raises BenchError where an answer is not the scorer's."""
    peers.install(setting, progress, "java")
    numbers = QUICK if setting.quick else NUMBERS
    found = Found([], [])
    with TemporaryDirectory(prefix="ranklet-bench-") as scratch:
        columns = pmml_files.columns(max(NUMBERS))
        rows = Path(scratch) / "records.json"
        rows.write_text(json.dumps(columns), encoding="utf-8")
        for model, other in MODELS.items():
            with running(model, rows, setting) as peer:
                if peer is None:
                    progress(f"{other.name} is absent")
                    absent = [base.absent(f"{model}-vs-{other.name}", n=n) for n in numbers]
                    found = Found([*found.rows, *absent], found.controls)
                    continue
                more = _model(model, peer, columns, setting, progress)
            found = Found([*found.rows, *more.rows], [*found.controls, *more.controls])
    return found


@contextmanager
def running(model: str, rows: Path, setting: Setting) -> Iterator[Peer | None]:
    """The scorer's process; None without the library, or without Java. rows: columns in JSON."""
    if shutil.which("java") is None:
        yield None
        return
    folder = setting.folder / "models"
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in pmml_files.FILES.items():
        (folder / f"{name}.pmml").write_text(make(), encoding="utf-8")
    with peers.started(SCRIPT, model, {RECORDS: rows}, setting, modules=MODELS[model].modules) as peer:
        yield peer


def _model(model: str, peer: Peer, columns: Mapping[str, list[Any]], setting: Setting, progress: Progress) -> Found:
    other, rows, controls = MODELS[model], list[Row](), list[NDArray[np.float64]]()
    with TemporaryDirectory(prefix="ranklet-bench-") as scratch:
        progress(f"{model}: import, build and prove it")
        try:
            ours = Ours(model, other.format, peer.file, Path(scratch))
        except RankletError as error:
            raise BenchError(f"{model}: {error}") from error
        for n in QUICK if setting.quick else NUMBERS:
            event = ours.event({name: values[:n] for name, values in columns.items()})
            progress(f"{model}: warm {peer.name} up and time it, N = {n}")
            _same(model, peer, ours.told(event, other.output))
            ways: dict[str, Sample] = {way: peer.sample(way, RECORDS, n) for way in peer.ways}
            ways |= {OURS: _way(ours, event), CONTROL: _way(ours, event)}
            taken = base.interleaved(ways, Fewer(**vars(setting)))
            controls.append(taken[CONTROL] / taken[OURS])
            rows += _rows(model, peer, taken, n)
    return Found(rows, controls)


def _same(model: str, peer: Peer, told: NDArray[np.float64]) -> None:
    for way in peer.ways:
        peer.warm(way, RECORDS, len(told), WARM // len(told))
        theirs = peer.answer(way, RECORDS, len(told))
        gap = float((np.abs(told - theirs) / np.maximum(np.abs(theirs), TOLERANCE)).max())
        if not gap <= TOLERANCE:
            raise BenchError(f"{model}: answers differ by {gap:.2g} from {way}; nothing was timed")


def _way(ours: Ours, event: dict[str, Any]) -> Sample:
    return Way(ours.run, lambda _: event, calls=1, warm=1).sample


def _rows(model: str, peer: Peer, taken: Mapping[str, NDArray[np.float64]], n: int) -> Iterator[Row]:
    name = f"{model}-vs-{MODELS[model].name}"
    for way in peer.ways:
        tail = "" if way == "predict" else f"-{way}"
        yield base.ratio(f"{name}{tail}", taken[OURS], taken[way], n=n, peer=peer.name)
        yield base.microseconds(f"{MODELS[model].name}-{model}{tail}-us", taken[way], n=n, peer=peer.name)
    yield base.microseconds(f"{model}-us", taken[OURS], n=n)
    yield base.ratio(f"{model}-control", taken[CONTROL], taken[OURS], n=n, peer="handler")
