"""What steps after the scores cost: a list by each of them beside the plain order by score, of the same candidates.

    <step>-us           CPU time of one list of 20 places, or of one vector of scores
    <step>-over-order   the same over `ranking.best`, which is what a request without steps pays

Lists are looked at by the slow formulas (`ranklet.after.audit`) before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.after.audit import Subject, audit
from ranklet.bench import base, machine
from ranklet.bench.base import Progress, Report, Row, Setting, Way
from ranklet.errors import BenchError
from ranklet_features.spec import FeatureSpec
from ranklet_runtime.after import open_after
from ranklet_runtime.after.steps import After
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.messages import More, RankRequest
from ranklet_runtime.ranking import best

NUMBERS, QUICK, PLACES, DIM, SEED = (100, 500, 2000), (500,), 20, 64, 7
POOL = 500
"""The default."""
ORDER, CONTROL = "order", "control"
CAP = {"input": "genre", "most": 5, "own": {}, "first": None}
LISTS: Mapping[str, Mapping[str, Any]] = {
    "cap": {"cap": CAP},
    "mmr": {"diversify": {"method": "mmr", "vectors": "v", "weight": 0.5, "size": None}},
    "dpp": {"diversify": {"method": "dpp", "vectors": "v", "weight": 0.5, "size": None}},
    "epsilon-greedy": {"explore": {"method": "epsilon-greedy", "amount": 0.1}},
    "softmax": {"explore": {"method": "softmax", "amount": 0.1}},
    "gaussian": {"explore": {"method": "gaussian", "amount": 0.1}},
    "cap-mmr-softmax": {
        "cap": CAP,
        "diversify": {"method": "mmr", "vectors": "v", "weight": 0.5, "size": None},
        "explore": {"method": "softmax", "amount": 0.1},
    },
}
KNOTS = np.linspace(0, 1, 200).tolist()
SCORES: Mapping[str, Mapping[str, Any]] = {
    "isotonic": {"calibrate": {"score": {"method": "isotonic", "x": KNOTS, "y": KNOTS}}},
    "platt": {"calibrate": {"score": {"method": "platt", "a": -2.0, "b": 0.5}}},
    "blend": {"blend": {"operations": [["head", "score"], ["head", "other"], ["do", "*"]]}},
}


def run(setting: Setting, progress: Progress) -> Report:
    """Raises BenchError for a list that breaks its rules."""
    described = machine.describe(("numpy",))
    rows: list[Row] = []
    controls = []
    for n in QUICK if setting.quick else NUMBERS:
        progress(f"{n} candidates")
        taken = base.interleaved({name: way.sample for name, way in _ways(n).items()}, setting)
        controls.append(taken[CONTROL])
        for name in (*LISTS, *SCORES):
            rows.append(base.microseconds(f"{name}-us", taken[name], n=n))
            rows.append(base.ratio(f"{name}-over-order", taken[name], taken[ORDER], n=n))
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(rows, base.noisy(controls), described, date)


def _ways(n: int) -> dict[str, Way]:
    random = np.random.default_rng(n)
    scores = random.random(n).astype(np.float32)
    vectors = random.normal(size=(n, DIM)).astype(np.float32)
    genres = [f"genre {one}" for one in random.integers(0, 5, n)]
    asked = RankRequest({}, {}, {"genre": genres}, top_k=PLACES, more=More(seed=SEED))
    ways = {name: Way(lambda _: best(scores, PLACES), int, calls=20) for name in (ORDER, CONTROL)}
    for name, options in LISTS.items():
        after = _opened(options)
        _look(name, after, scores, vectors, asked)
        ways[name] = Way(_call(after.ordered, scores, {"v": vectors}, asked), int, calls=1 if name == "gaussian" else 4)
    tensors = {"score": scores, "other": scores}
    for name, options in SCORES.items():
        ways[name] = Way(_call(_opened(options).score, tensors), int, calls=20)
    return ways


def _call(function: Callable[..., Any], *arguments: Any) -> Callable[[Any], Any]:
    bound = partial(function, *arguments)
    return lambda _: bound()


def _opened(options: Mapping[str, Any]) -> After:
    spec = FeatureSpec({}, {}, {})
    return open_after(Manifest("bench", "1", spec, (), "score", after={**options, "pool": POOL}), Path())


def _look(name: str, after: After, scores: Any, vectors: Any, asked: RankRequest) -> None:
    made = after.ordered(scores, {"v": vectors}, asked)
    if made is None:
        raise BenchError(f"{name}: no list was made; nothing was timed")
    told = None if made.explored is None else made.explored.propensities.tolist()
    categories = [[one] for one in asked.items["genre"]]
    numbers, doubles = [float(one) for one in scores], vectors.astype(np.float64)
    subject = Subject(numbers, {**LISTS[name], "pool": POOL}, doubles, categories)
    try:
        found = audit(subject, made.places.tolist()[:5], None if told is None else told[:5])
    except ValueError as error:
        raise BenchError(f"{name}: {error}; nothing was timed") from error
    if max(found.regret, found.gap) > 1e-6:
        raise BenchError(f"{name}: the list is off by {max(found.regret, found.gap):.1e}; nothing was timed")
