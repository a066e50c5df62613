"""Holds a converted graph to the library that it came from: raw values through feature assembly and the engine.

Rows are drawn as the proposal says. A converter is never believed: what differs is refused, with the row.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.proposal import Columns, Proposal
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.errors import FeatureError
from ranklet_features.spec import Feature, Input
from ranklet_runtime.engines.onnx import OnnxEngine
from ranklet_runtime.engines.ort import faults, open_session
from ranklet_runtime.manifest import Step

ROWS = (1, 2, 64)


def hold(proposal: Proposal, *, relative: float, smallest: float = 1.0, rows: Sequence[int] = ROWS) -> None:
    """relative: the bound, of the score or of `smallest` where that is smaller. rows: of each trial.

    Raises ImportRefused naming the row whose score is not the oracle's.
    """
    assert proposal.oracle is not None
    (step,) = proposal.steps
    assert step.source is not None
    session = open_session(proposal.files[step.source], threads=1)
    wired = {one.name: step.inputs.get(one.name, one.name) for one in session.get_inputs()}
    engine = OnnxEngine(Step("onnx", "item", wired, {proposal.score: proposal.score}), session)
    random = np.random.default_rng(1)
    failed: tuple[type[Exception], ...] = (FeatureError, *faults())
    with tempfile.TemporaryDirectory() as scratch:
        try:
            plan = plan_of(proposal, Path(scratch))
        except FeatureError as error:
            raise ImportRefused(f"its columns make no features: {error}") from error
        for count in rows:
            columns = {name: one.draw(random, count) for name, one in proposal.inputs.items()}
            try:
                found = engine.run(plan.assemble_columns(columns).tensors)[proposal.score].reshape(-1)
            except failed as error:
                raise ImportRefused(f"what was drawn to try the model does not run: {error}") from error
            wanted = np.asarray(proposal.oracle.scores(columns)).reshape(-1)
            _compare(columns, found, wanted, proposal.oracle.name, relative * np.maximum(smallest, np.abs(wanted)))


def plan_of(proposal: Proposal, folder: Path) -> FeaturePlan:
    """Its feature assembly; vocabularies go below `folder`."""
    for name, content in proposal.files.items():
        if not name.startswith("export/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    inputs = {name: Input(side=one.side or "item", **one.fields) for name, one in proposal.inputs.items()}
    return FeaturePlan.compile(FeatureSpec(inputs, _features(proposal.features)), folder, {})


def _features(lines: Mapping[str, Mapping[str, Any]]) -> dict[str, Feature]:
    found = {}
    for name, fields in lines.items():
        of = fields["of"]
        options = {key: value for key, value in fields.items() if key not in ("kind", "of")}
        found[name] = Feature(fields["kind"], (of,) if isinstance(of, str) else tuple(of), options)
    return found


def _compare(columns: Columns, found: Any, wanted: Any, library: str, bound: Any) -> None:
    if found.shape != wanted.shape:
        raise ImportRefused(f"{library} gives {len(wanted)} scores for {len(found)} rows; a score is one number a row")
    with np.errstate(invalid="ignore"):  # infinity less infinity
        same = (np.abs(found - wanted) <= bound) | (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    if same.all():
        return
    row = int(np.argmin(same))
    shown = str({name: values[row] for name, values in columns.items()})
    raise ImportRefused(
        f"the converted model scores {found[row]} and {library} {wanted[row]} for {shown[:400]}: the conversion is not "
        "right, and nothing was written"
    )
