"""A served model with few candidates a request, and both clients behind one call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from client_asks import Ask, ask_with_tasks, ask_with_threads
from client_fleet import Fleet, write_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("client") / "films")


@pytest.fixture
def fleet(bundle: Path) -> Iterator[Fleet]:
    with Fleet(bundle) as fleet:
        yield fleet


@pytest.fixture(params=[ask_with_threads, ask_with_tasks])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask by either client."""
    found: Ask = request.param
    return found
