"""scikit-learn in a test has one thread: small models wait for threads longer than they compute."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import threadpoolctl


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Of OpenMP and of BLAS."""
    with threadpoolctl.threadpool_limits(1):
        yield
