"""The proposal held to the library: raw rows through feature assembly and onnxruntime, against its own predictions."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.proposal import Proposal
from ranklet.importers.sklearn.oracle import FAULTS, Own
from ranklet_features.errors import FeatureError
from ranklet_features.plan import FeaturePlan
from ranklet_features.spec import Feature, FeatureSpec, Input

ROWS, ROUNDS = 192, 2
RELATIVE, SMALL = 1e-6, 1e-9


def run(proposal: Proposal, own: Own) -> None:
    """Raises ImportRefused where a score differs by more than 1e-6 of itself, with the row."""
    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        score = scorer(proposal, Path(folder))
        for _ in range(ROUNDS):
            columns = {name: one.draw(random, ROWS) for name, one in proposal.inputs.items()}
            _compare(columns, _theirs(own, columns), score(columns))


def scorer(proposal: Proposal, folder: Path) -> Any:
    """raw columns → scores, by the features and the graph that are proposed. folder: an empty one."""
    from ranklet_runtime.engines.ort import open_session  # onnxruntime takes its time to import

    for name, content in proposal.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    inputs = {name: Input(side="item", **one.fields) for name, one in proposal.inputs.items()}
    try:
        plan = FeaturePlan.compile(FeatureSpec(inputs, dict(_features(proposal))), folder, {})
        session = open_session((folder / (proposal.steps[0].source or "")).read_bytes(), threads=1)
    except (FeatureError, UnicodeError) as error:
        raise ImportRefused(f"its columns make no features: {error}") from error
    types = {one.name: np.float64 if one.type == "tensor(double)" else np.int64 for one in session.get_inputs()}

    def score(columns: Any) -> Any:
        tensors = plan.assemble_columns(columns).tensors
        return session.run(["score"], {name: tensors[name].astype(kind) for name, kind in types.items()})[0]

    return score


def _features(proposal: Proposal) -> Any:
    for name, fields in proposal.features.items():
        of = fields["of"]
        options = {key: value for key, value in fields.items() if key not in ("kind", "of")}
        yield name, Feature(fields["kind"], (of,) if isinstance(of, str) else tuple(of), options)


def _theirs(own: Own, columns: Any) -> Any:
    try:
        return np.asarray(own.scores(columns), np.float64)
    except FAULTS as error:
        raise ImportRefused(f"{own.name} does not score drawn rows: {type(error).__name__}: {error}"[:400]) from error


def _compare(columns: Any, theirs: Any, ours: Any) -> None:
    finite = theirs[np.isfinite(theirs)]
    scale = max(1.0, float(np.median(np.abs(finite)))) if len(finite) else 1.0
    with np.errstate(all="ignore"):
        same = np.isclose(ours, theirs, rtol=RELATIVE, atol=SMALL * scale, equal_nan=True)
    if not same.all():
        row = int(np.argmax(~same))
        values = {name: column[row] for name, column in columns.items()}
        raise ImportRefused(
            f"the library gives {theirs[row]!r} and its graph {ours[row]!r} ({int((~same).sum())} of {len(same)} rows) "
            f"for {str(values)[:300]}; this model is not served exactly"
        )
