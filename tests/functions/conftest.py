"""Every model has a train.py: each is imported under its plain name, as when it is run, and forgotten again."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from ranklet.demo import movielens

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def films() -> movielens.MovieLens:
    return movielens.load()


@pytest.fixture(scope="session")
def module() -> Callable[[str, str], ModuleType]:
    """(model, name of a module in its folder) → the module."""
    return _import


def _import(model: str, name: str) -> ModuleType:
    folder = ROOT / "functions" / model
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        for path in folder.glob("*.py"):
            sys.modules.pop(path.stem, None)
