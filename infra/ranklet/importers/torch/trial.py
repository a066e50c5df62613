"""Holds the graph to the program before it is believed: raw values through feature assembly and onnxruntime.

Of 1, 2 and 64 rows, each drawn as the proposal says, and with the ends: the first and the last id of every table, an
empty list where lists may be empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.proposal import Columns, Proposal, RecordOracle
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.errors import FeatureError
from ranklet_features.spec import Feature, Input
from ranklet_runtime.engines.onnx import OnnxEngine
from ranklet_runtime.engines.ort import faults, open_session
from ranklet_runtime.manifest import Step

ROWS = (1, 2, 64)
TOLERANCE = 1e-5
"""Of the score, or of 1 where it is smaller: 32-bit sums in another order."""


def run(proposal: Proposal, oracle: RecordOracle, content: bytes) -> None:
    """Raises ImportRefused naming the rows where the graph's score is not the program's."""
    plan, engine = _plan(proposal), _engine(proposal, content)
    random = np.random.default_rng(0)
    for rows in ROWS:
        for end in (None, 0, -1):
            columns = {name: one.draw(random, rows) for name, one in proposal.inputs.items()}
            if end is not None:
                columns = {name: _ends(proposal, name, values, end) for name, values in columns.items()}
            _compare(oracle, columns, _scores(plan, engine, proposal.score, columns))


def _plan(proposal: Proposal) -> FeaturePlan:
    inputs = {name: Input(side="item", **one.fields) for name, one in proposal.inputs.items()}
    features = {name: _feature(fields) for name, fields in proposal.features.items()}
    return FeaturePlan.compile(FeatureSpec(inputs, features), Path(), {})


def _feature(fields: Mapping[str, Any]) -> Feature:
    of = fields["of"]
    options = {name: value for name, value in fields.items() if name not in ("kind", "of")}
    return Feature(fields["kind"], (of,) if isinstance(of, str) else tuple(of), options)


def _engine(proposal: Proposal, content: bytes) -> OnnxEngine:
    """The step's own engine, as it serves."""
    session = open_session(content, threads=1)
    wired = {one.name: proposal.steps[0].inputs.get(one.name, one.name) for one in session.get_inputs()}
    return OnnxEngine(Step("onnx", "item", wired, {proposal.score: proposal.score}), session)


def _scores(plan: FeaturePlan, engine: OnnxEngine, score: str, columns: Columns) -> Any:
    try:
        return engine.run(plan.assemble_columns(columns).tensors)[score].reshape(-1)
    except FeatureError as error:
        raise ImportRefused(f"feature assembly does not take what was drawn: {error}") from error
    except faults() as error:
        raise ImportRefused(f"onnxruntime does not run what it was converted to: {error}") from error


def _ends(proposal: Proposal, name: str, values: list[Any], end: int) -> list[Any]:
    """The same rows with the first (0) or the last (-1) id in them; the first of a list's rows is empty at 0."""
    feature = proposal.features[name]
    if feature["kind"] == "dense":
        return values
    id = 0 if end == 0 else feature["size"] - 1
    if "list" not in proposal.inputs[name].fields:
        return [id, *values[1:]]
    return [[] if end == 0 else [id] * (feature.get("length") or 3), *values[1:]]


def _compare(oracle: RecordOracle, columns: Columns, found: Any) -> None:
    wanted = np.asarray(oracle.scores(columns)).reshape(-1)
    bound = TOLERANCE * np.maximum(1, np.abs(wanted))
    same = (np.abs(found - wanted) <= bound) | (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    if not same.all():
        row = int(np.argmin(same))
        shown = {name: values[row] for name, values in columns.items()}
        raise ImportRefused(
            f"the graph gives {found[row]} and PyTorch {wanted[row]} for {str(shown)[:400]}: the conversion to ONNX is "
            "not right, and nothing was written; a newer onnxscript may help, or other operators in forward"
        )
