"""The stored models are of the size that NumPy serves; what their graphs answer is held to more digits."""

from __future__ import annotations

import pytest

from ranklet.importers.trees import packing


@pytest.fixture(autouse=True)
def graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless a test says otherwise, models are served by onnxruntime."""
    monkeypatch.setattr(packing, "faster", lambda ensemble: False)
