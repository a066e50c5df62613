"""scikit-learn in a test: with one thread, and without a torch that is none.

Where torch is not installed, `import torch` finds the folder of that name beside this one, and scikit-learn, which asks
whether its arrays are torch's, believes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import threadpoolctl


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small models wait for threads longer than they compute."""
    if "torch" in sys.modules and sys.modules["torch"].__spec__.origin is None:  # type: ignore[union-attr]
        monkeypatch.delitem(sys.modules, "torch")
    with threadpoolctl.threadpool_limits(1):
        yield
