"""A version of the model, built once, and what its functions need to run."""

from __future__ import annotations

import pytest
import release_kit as kit

from ranklet.local.function import Layer
from ranklet.pipeline import Built


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The version that is live."""
    return kit.build(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Layer:
    """The layer of this environment."""
    return kit.layer(tmp_path_factory.mktemp("layer") / "everything")
