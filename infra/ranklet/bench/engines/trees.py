"""Imported models against the library that trained them: 1 000 trees over 200 features, 100 to 2 000 candidates.

Ours is the engine that a build ships, opened on the artefact that it makes, with the tensor that features assemble. The
library is called as a Python server would call it: with a new NumPy matrix each time, on one thread, as a function of
one vCPU has. Rows are independent draws, the worst there is; `one-user`: half of the columns are the same in all rows,
as a request's are, which has one user.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet import importers
from ranklet.bench import base
from ranklet.bench.base import Found, Progress, Row, Sample, Setting, Way
from ranklet.bench.engines import peers
from ranklet.bench.engines.peers import Peer
from ranklet.errors import BenchError, RankletError
from ranklet.importers.proposal import NO_WISHES
from ranklet.model import StepSource
from ranklet_runtime.engines import open_engine
from ranklet_runtime.engines.base import Engine
from ranklet_runtime.manifest import Step

WIDTH, MOST = 200, 2000
NUMBERS, QUICK = (100, 500, 2000), (500,)
TOLERANCE = 1e-5
TURNS = 3

FORMATS: Mapping[str, str] = {
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "lightgbm-flat": "lightgbm",
    "catboost": "catboost",
    "hist-gradient-boosting": "sklearn",
    "random-forest": "sklearn",
    "logistic-regression": "sklearn",
}
"""Model → the format in which its library saved it."""

INDEPENDENT, USER, CONTROL = "rows", "one-user", "control"


@dataclass(frozen=True)
class Fewer(Setting):
    """As many rounds of fewer turns: a call takes tens of milliseconds."""

    @property
    def turns(self) -> int:
        return 1 if self.quick else TURNS


@dataclass(frozen=True)
class Opened:
    """An engine on the artefact that a build makes. seconds: of CPU for the import, its checks included."""

    name: str
    engine: Engine
    seconds: float

    def run(self, rows: NDArray[np.float32]) -> NDArray[Any]:
        """The scores of rows [n, width]."""
        return self.engine.run({"x": rows})["s"].reshape(-1)


def measure(setting: Setting, progress: Progress) -> Found:
    """Figures `<engine>-vs-<model>`. Raises BenchError where a score is not the library's."""
    peers.install(setting, progress)
    numbers = QUICK if setting.quick else NUMBERS
    rows: list[Row] = []
    controls: list[NDArray[np.float64]] = []
    with TemporaryDirectory(prefix="ranklet-bench-") as scratch:
        kinds = _kinds(Path(scratch))
        for model in FORMATS:
            with peers.running(model, kinds, setting) as peer:
                if peer is None or not _read(FORMATS[model]):
                    progress(f"{model} is absent")
                    rows += [base.absent(f"engine-vs-{model}", n=n) for n in numbers]
                    continue
                found = _model(model, peer, kinds, setting, progress)
            rows += found.rows
            controls += found.controls
    return Found(rows, controls)


def _read(format: str) -> bool:
    """Whether the format can be imported here: scikit-learn's needs the library itself."""
    return format != "sklearn" or all(find_spec(name) for name in ("sklearn", "skops", "skl2onnx"))


def _kinds(folder: Path) -> dict[str, Path]:
    random = np.random.default_rng(3)
    rows = random.standard_normal((MOST, WIDTH)).astype(np.float32)
    shared = rows.copy()
    shared[:, ::2] = rows[0, ::2]
    found = {INDEPENDENT: folder / "rows.npy", USER: folder / "user.npy"}
    np.save(found[INDEPENDENT], rows)
    np.save(found[USER], shared)
    return found


def _model(model: str, peer: Peer, kinds: Mapping[str, Path], setting: Setting, progress: Progress) -> Found:
    given = {kind: np.load(path) for kind, path in kinds.items()}
    with TemporaryDirectory(prefix="ranklet-bench-") as scratch:
        progress(f"{model}: import what {peer.name} saved")
        try:
            ours = opened(FORMATS[model], peer.file, Path(scratch))
        except RankletError as error:
            raise BenchError(f"{model}: {error}") from error
        _same(model, ours, peer, given)
        other = _other(ours, FORMATS[model], peer.file, Path(scratch))
        rows = [Row(f"{model}-import-seconds", None, ours.seconds, "s", None, None)]
        controls = []
        for n in QUICK if setting.quick else NUMBERS:
            progress(f"{model}: time {ours.name} and {peer.name}, N = {n}")
            taken = base.interleaved(_ways(ours, other, peer, given, n), Fewer(**vars(setting)))
            controls.append(taken[CONTROL] / taken[INDEPENDENT])
            rows += _rows(model, ours, peer, taken, n)
    return Found(rows, controls)


def opened(format: str, file: Path, scratch: Path, engine: str | None = None) -> Opened:
    """Import a file as `ranklet build` does, or as `ranklet import` where that converts it, and open what it makes."""
    start = time.process_time()
    if format in ("xgboost", "lightgbm"):
        exported = importers.load(StepSource(format=format, source=file.name, engine=engine), file.parent)
    else:
        proposal = importers.propose(format, file, NO_WISHES)
        (step,) = proposal.steps
        for name, content in proposal.files.items():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name).write_bytes(content)
        exported = importers.load(step, scratch)
    seconds = time.process_time() - start
    assert exported.artefact is not None and exported.content is not None
    (scratch / exported.artefact).write_bytes(exported.content)
    (end,) = exported.inputs
    score = next((spec.name for spec in exported.outputs if spec.name == "score"), exported.outputs[0].name)
    step_ = Step(exported.engine, "item", {end.name: "x"}, {score: "s"}, exported.artefact, options=exported.options)
    return Opened(exported.engine, open_engine(step_, scratch, threads=1), seconds)


def _other(ours: Opened, format: str, file: Path, scratch: Path) -> Opened | None:
    """The same in onnxruntime, where NumPy ships."""
    return opened(format, file, scratch, "onnx") if ours.name == "trees" and format in ("xgboost", "lightgbm") else None


def _same(model: str, ours: Opened, peer: Peer, given: Mapping[str, NDArray[np.float32]]) -> None:
    for kind, rows in given.items():
        for way in peer.ways:
            gap = float(np.abs(ours.run(rows) - peer.answer(way, kind, len(rows))).max())
            if not gap <= TOLERANCE:
                raise BenchError(f"{model}, {kind}: scores differ by {gap:.2g} from {way}; nothing was timed")


def _ways(
    ours: Opened, other: Opened | None, peer: Peer, given: Mapping[str, NDArray[np.float32]], n: int
) -> dict[str, Sample]:
    ways: dict[str, Sample] = {}
    for kind, rows in given.items():
        ways[kind] = _way(ours, rows[:n])
        if other is not None:
            ways[f"onnx {kind}"] = _way(other, rows[:n])
        for way in peer.ways:
            ways[f"{way} {kind}"] = peer.sample(way, kind, n)
    return ways | {CONTROL: _way(ours, given[INDEPENDENT][:n])}


def _way(one: Opened, rows: NDArray[np.float32]) -> Sample:
    return Way(one.run, lambda _: rows.copy(), calls=1, warm=1).sample


def _rows(model: str, ours: Opened, peer: Peer, taken: Mapping[str, NDArray[np.float64]], n: int) -> Iterator[Row]:
    for kind in (INDEPENDENT, USER):
        name = ours.name if kind == INDEPENDENT else f"{ours.name}-{USER}"
        for way in peer.ways:
            tail = "" if way == "predict" else f"-{way}"
            yield base.ratio(f"{name}-vs-{model}{tail}", taken[kind], taken[f"{way} {kind}"], n=n, peer=peer.name)
        if (theirs := taken.get(f"onnx {kind}")) is not None:
            yield base.ratio(f"{name}-vs-onnxruntime-{model}", taken[kind], theirs, n=n, peer="onnxruntime")
    yield base.microseconds(f"{ours.name}-{model}-us", taken[INDEPENDENT], n=n)
    yield replace(base.ratio(f"{model}-control", taken[CONTROL], taken[INDEPENDENT], n=n), peer=ours.name)
