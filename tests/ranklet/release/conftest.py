"""A version of the model, built once, and what its functions need to run."""

from __future__ import annotations

import os

import pytest
import release_kit as kit

from ranklet.local.function import Layer
from ranklet.pipeline import Built

# As in the tests of the templates: read by node, which starts with the first import of the CDK.
os.environ["CDK_VALIDATION"] = "false"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The version that is live."""
    return kit.build(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Layer:
    """The layer of this environment."""
    return kit.layer(tmp_path_factory.mktemp("layer") / "everything")
