"""Two versions of the model that reveals its rows, built once, and what its function needs to run."""

from __future__ import annotations

from pathlib import Path

import pytest
import switch_kit as kit

from ranklet.local.function import Layer
from ranklet.pipeline import Built


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Built]:
    """Versions 1 and 2."""
    root = tmp_path_factory.mktemp("switch")
    return {version: kit.build(version, root / f"v{version}") for version in (1, 2)}


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Layer:
    """The layer of this environment."""
    return kit.layer(tmp_path_factory.mktemp("layer") / "everything")


@pytest.fixture(scope="session")
def tables(versions: dict[int, Built]) -> dict[int, Path]:
    """The folder of each version's staged tables."""
    return {version: built.folder.parents[1] / "tables" for version, built in versions.items()}
