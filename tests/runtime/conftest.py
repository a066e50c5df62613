"""Fixtures of the runtime's tests: the kit's model, opened once, and one per test where a test changes it."""

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runtime_kit import MODEL, document, write_bundle

from ranklet_runtime.function import Function


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Function:
    """The kit's model behind a handler."""
    return Function.open(write_bundle(tmp_path_factory.mktemp("films") / "bundle"), {})


@pytest.fixture
def open_films(tmp_path: Path) -> Callable[..., Function]:
    """Opens the kit's model with fields of its manifest changed; `weights` adds artefacts, by name of file."""

    numbers = itertools.count()

    def opened(*, weights: Mapping[str, Mapping[str, Any]] | None = None, **changes: Any) -> Function:
        bundle = write_bundle(tmp_path / f"bundle-{next(numbers)}", document(**changes))
        for name, arrays in (weights or {}).items():
            np.savez(bundle / name, **{key: np.array(values, np.float32) for key, values in arrays.items()})
        return Function.open(bundle, {})

    return opened


@pytest.fixture
def telling(open_films: Callable[..., Function]) -> Function:
    """The model with a number and a word beside its score."""
    step = {**document()["steps"][0], "outputs": {"score": "score", "logit": "logit"}}
    return open_films(
        steps=[step],
        told={"margin": {"tensor": "logit"}, "where": {"tensor": "country", "labels": ["de", "fr"]}},
    )


@pytest.fixture(autouse=True)
def fresh_logger() -> Iterator[None]:
    """Loggers live as long as the process and keep the stderr of the test that made them."""
    yield
    logging.Logger.manager.loggerDict.pop(MODEL, None)
