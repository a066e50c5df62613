"""Engines opened on files that a test writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines_kit import OpenArrays

from ranklet_runtime.engines import open_engine
from ranklet_runtime.engines.base import Array, Engine
from ranklet_runtime.manifest import Step


@pytest.fixture
def open_arrays(tmp_path: Path) -> OpenArrays:
    """open_arrays(engine, arrays, inputs, **options): an engine whose tensors are named like its inputs."""

    def opened(engine: str, arrays: Mapping[str, Array], inputs: list[str], **options: Any) -> Engine:
        artefact = None
        if arrays:
            artefact = "weights.npz"
            np.savez(tmp_path / artefact, **arrays)
        wired = {name: name for name in inputs}
        outputs = {"logit": "logit", "score": "score"}
        return open_engine(Step(engine, "item", wired, outputs, artefact, options=options), tmp_path, threads=1)

    return opened
