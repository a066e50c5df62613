"""Holds the converted graph to TensorFlow: raw values through feature assembly and onnxruntime, and the signature.

Of 1, 2 and 64 rows, drawn as the proposal says. What differs is refused, with the row.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.proposal import Columns, Proposal, RecordOracle
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.errors import FeatureError
from ranklet_features.spec import Feature, Input
from ranklet_runtime.engines.ort import faults, open_session

ROWS = (1, 2, 64)
RELATIVE = 1e-5
"""Of the score, or of 1 where that is smaller: sums of 32-bit floats in another order."""


def hold(proposal: Proposal, graph: bytes, oracle: RecordOracle) -> None:
    """Raises ImportRefused naming a row whose score is not the oracle's."""
    session = open_session(graph, threads=1)
    names = [one.name for one in session.get_inputs()]
    random = np.random.default_rng(1)
    failed: tuple[type[Exception], ...] = (FeatureError, *faults())
    with tempfile.TemporaryDirectory() as scratch:
        try:
            plan = _plan(proposal, Path(scratch))
            for rows in ROWS:
                columns = {name: one.draw(random, rows) for name, one in proposal.inputs.items()}
                tensors = plan.assemble_columns(columns).tensors
                (found,) = session.run([proposal.score], {name: tensors[name] for name in names})
                _compare(columns, found.reshape(-1), oracle.scores(columns), oracle.name)
        except failed as error:
            raise ImportRefused(f"what was drawn to try the model does not run: {error}") from error


def _plan(proposal: Proposal, folder: Path) -> FeaturePlan:
    for name, content in proposal.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    inputs = {name: Input(side="item", **one.fields) for name, one in proposal.inputs.items()}
    features = {}
    for name, fields in proposal.features.items():
        of = fields["of"]
        options = {key: value for key, value in fields.items() if key not in ("kind", "of")}
        features[name] = Feature(fields["kind"], (of,) if isinstance(of, str) else tuple(of), options)
    return FeaturePlan.compile(FeatureSpec(inputs, features), folder, {})


def _compare(columns: Columns, found: NDArray[Any], wanted: NDArray[Any], library: str) -> None:
    if found.shape != wanted.shape:
        raise ImportRefused(f"{library} gives {len(wanted)} scores for {len(found)} rows; a score is one number a row")
    same = (np.abs(found - wanted) <= RELATIVE * np.maximum(1, np.abs(wanted))) | (found == wanted)
    same |= np.isnan(found) & np.isnan(wanted)
    if same.all():
        return
    row = int(np.argmin(same))
    shown = str({name: values[row] for name, values in columns.items()})[:400]
    raise ImportRefused(
        f"the converted model scores {found[row]} and {library} {wanted[row]} for {shown}: the conversion is not "
        "right, and nothing was written"
    )
