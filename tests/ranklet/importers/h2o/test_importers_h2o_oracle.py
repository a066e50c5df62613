"""Stored and freshly trained MOJOs against the installed H2O: `python tests/oracles.py h2o` (needs Java)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h2o_kit as kit
import h2o_zoo as zoo
import pytest

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]
FRESH = (
    "glm_binomial",
    "gbm_multinomial",
    "drf_deep",
    "xgboost_sparse",
    "net_maxout",
    "kmeans_standardized",
    "isolation",
)
ROWS = 500


@pytest.fixture(scope="module")
def library() -> Iterator[Any]:
    """make_models.py, with a server of H2O's behind it."""
    h2o = pytest.importorskip("h2o")
    if shutil.which("java") is None:
        pytest.skip("no Java")
    import make_models

    h2o.init(ip="127.0.0.1", strict_version_check=False, max_mem_size="1500m", nthreads=2)
    h2o.no_progress()
    yield make_models
    h2o.cluster().shutdown()


@pytest.mark.parametrize("name", FRESH)
def test_a_model_trained_now_is_told_as_its_scorer_tells_it(name: str, library: Any, tmp_path: Path) -> None:
    (case,) = (case for case in zoo.cases() if case.name == name)
    learned = zoo.rows(900, seed=11, strange=False)
    trained = library._frame({**learned, **zoo.targets(learned, seed=12)}, zoo.FACTORS)
    mojo = Path(library._train(case, trained, trained).save_mojo(str(tmp_path)))
    asked = zoo.rows(ROWS, seed=13, strange=True)
    answers = library.predicted(mojo, asked, tmp_path)
    found = kit.told(kit.propose(mojo), asked)
    assert set(found) == set(answers)
    for column, wanted in answers.items():
        assert kit.worst(found[column], [kit.BEYOND.get(one, one) for one in wanted]) <= kit.RELATIVE, column
