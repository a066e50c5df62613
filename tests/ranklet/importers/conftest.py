"""Fixtures of the importers' tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx_kit import Load

from ranklet import importers
from ranklet.importers.base import Exported
from ranklet.model import StepSource


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """load(model, **source): the import of a model that is written to export/model.onnx."""

    def loaded(model: onnx.ModelProto | bytes, **source: Any) -> Exported:
        content = model if isinstance(model, bytes) else model.SerializeToString()
        (tmp_path / "export").mkdir(exist_ok=True)
        (tmp_path / "export" / "model.onnx").write_bytes(content)
        return importers.load(StepSource(format="onnx", source="export/model.onnx", **source), tmp_path)

    return loaded
