"""Fixtures of the drafts' tests."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from draft_kit import Save


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """save(model, name): a file outside of any project, as a trainer leaves it."""

    def saved(model: onnx.ModelProto | bytes, name: str = "ranker.onnx") -> Path:
        (tmp_path / "trained").mkdir(exist_ok=True)
        path = tmp_path / "trained" / name
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        return path

    return saved
