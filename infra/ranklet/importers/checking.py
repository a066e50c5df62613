"""What a proposal of NumPy engines scores, against its own oracle: an import is never believed.

Feature assembly and engines run on the drawn rows as they will in a function; the oracle has the raw values.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers import numpy as weights
from ranklet.importers.proposal import Columns, Proposal
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.errors import FeatureError
from ranklet_features.spec import Feature, Input
from ranklet_runtime.engines import open_engine
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Step

ROWS = 64
RELATIVE, ABSOLUTE = 1e-5, 1e-6


def check(proposal: Proposal, *, narrow: bool = False) -> None:
    """Raises ImportRefused for a row that the package would score otherwise than the oracle.

    narrow: the oracle sums in 32 bits, so that its own rounding is as its largest score, not as each.
    """
    assert proposal.oracle is not None
    random = np.random.default_rng(1)
    columns = {name: one.draw(random, ROWS) for name, one in proposal.inputs.items()}
    wanted = proposal.oracle.scores(columns)
    found = scores(proposal, columns)
    least = RELATIVE * float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0)) if narrow else ABSOLUTE
    wrong = ~np.isclose(found, wanted, rtol=RELATIVE, atol=least) & np.isfinite(wanted)
    if wrong.any():
        row = int(np.argmax(wrong))
        raw = {name: values[row] for name, values in columns.items()}
        raise ImportRefused(
            f"{str(raw)[:300]} scores {found[row]:g} as imported and {wanted[row]:g} by {proposal.oracle.name}; this "
            "model is not served"
        )


def scores(proposal: Proposal, columns: Columns) -> NDArray[Any]:
    """What the first step makes of raw rows: float32 [n]. Raises ImportRefused for what the build would refuse."""
    step = proposal.steps[0]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, content in proposal.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        exported = weights.load(step, folder)
        names = [spec.name for spec in exported.inputs]
        opened = Step(
            engine=exported.engine,
            rows="item",
            inputs={name: step.inputs.get(name, name) for name in names},
            outputs={proposal.score: proposal.score},
            artefact=step.source,
            options=exported.options,
        )
        try:
            tensors = _plan(proposal, folder).assemble_columns(columns).tensors
            return open_engine(opened, folder, threads=1).run(tensors)[proposal.score]
        except (FeatureError, ManifestError) as error:
            raise ImportRefused(f"{error}; this model is not served") from error


def _plan(proposal: Proposal, folder: Path) -> FeaturePlan:
    inputs = {name: Input(side=one.side or "item", **one.fields) for name, one in proposal.inputs.items()}
    features = {}
    for name, fields in proposal.features.items():
        of = fields["of"]
        options = {key: value for key, value in fields.items() if key not in ("kind", "of")}
        features[name] = Feature(fields["kind"], (of,) if isinstance(of, str) else tuple(of), options)
    return FeaturePlan.compile(FeatureSpec(inputs, features), folder, {})
