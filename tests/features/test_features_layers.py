"""Every kind of feature gives the same bits with NumPy as it is packed as with NumPy as it is installed."""

from __future__ import annotations

import hashlib
import pickle  # noqa: TID251  (plain values of our own, from one process of this test to another)
from pathlib import Path
from typing import Any

from features_random import INPUTS, KIND, PARTS_OF_CROSSES, STORES, columns, plan_with
from features_support import __file__ as support
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layers_kit import alone

SCRIPT = """
import hashlib, pickle, sys
from pathlib import Path
import numpy as np
assert not Path(np.__path__[0], "random").exists()
from features_support import plan_of
inputs, parts, stores, cases = pickle.loads(Path(sys.argv[1]).read_bytes())
for number, (features, frame) in enumerate(cases):
    found = plan_of(inputs, {**parts, **features}, *stores).assemble_columns(frame)
    for name, tensor in sorted(found.tensors.items()):
        print(number, name, tensor.dtype.str, tensor.shape, hashlib.sha256(tensor.tobytes()).hexdigest())
assert not {"numpy.ma.core", "numpy.random", "numpy.linalg._linalg"} & set(sys.modules)
"""

A_FEW = settings(
    max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def test_every_kind_gives_the_same_bits_with_the_packed_numpy(tmp_path: Path) -> None:
    cases: list[Any] = []

    @A_FEW
    @given(st.data())
    def collect(kind: str, data: st.DataObject) -> None:
        drawn = data.draw(st.lists(KIND[kind], min_size=1, max_size=2))
        cases.append(({f"x{i}": one for i, one in enumerate(drawn)}, data.draw(columns(narrow=False, min_rows=1))))

    for kind in KIND:
        collect(kind)
    lines = []
    for number, (features, frame) in enumerate(cases):
        found = plan_with(features).assemble_columns(frame)
        for name, tensor in sorted(found.tensors.items()):
            digest = hashlib.sha256(tensor.tobytes()).hexdigest()
            lines.append(f"{number} {name} {tensor.dtype.str} {tensor.shape} {digest}")
    (tmp_path / "cases").write_bytes(pickle.dumps((INPUTS, PARTS_OF_CROSSES, STORES, cases)))
    said = alone(["features"], SCRIPT, str(tmp_path / "cases"), beside=[Path(support).parent])
    assert said.splitlines() == lines
    assert len(lines) > 5 * len(KIND)
