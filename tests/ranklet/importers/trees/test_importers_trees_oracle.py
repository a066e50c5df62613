"""The libraries themselves: `python tests/oracles.py trees`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest
from trees_kit import HERE, Case, check, read
from trees_lightgbm import lightgbm_cases
from trees_xgboost import xgboost_cases

from ranklet import draft, pipeline
from ranklet.importers.proposal import Wishes
from ranklet.importers.xgboost.model import OBJECTIVES

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore::UserWarning")]

CASES = {"xgboost": xgboost_cases, "lightgbm": lightgbm_cases}
BOTH = pytest.mark.parametrize("library", CASES)


@BOTH
def test_the_installed_librarys_predictions(library: str, tmp_path: Path) -> None:
    pytest.importorskip(library)
    make: Callable[[], Iterator[Case]] = CASES[library]
    for case in make():
        check(library, case, tmp_path)


@BOTH
def test_golden_scores_of_a_draft_are_the_librarys_and_its_build_gives_them(library: str, tmp_path: Path) -> None:
    """Of each stored model: named and unnamed features, categories, classes, rounds."""
    version = pytest.importorskip(library).__version__
    for number, case in enumerate(read(HERE / f"{library}.zip")):
        ending, content = next(iter(case.files.items()))
        (tmp_path / f"{number}").mkdir()
        path, folder = tmp_path / f"{number}" / f"m.{ending}", tmp_path / "functions" / f"m{number}"
        path.write_bytes(content)
        several = case.answers.ndim > 1 and case.answers.shape[1] > 1
        options = {name: str(value) for name, value in case.options.items() if name != "categories"}
        wishes = Wishes(options=options | ({"column": "1"} if several else {}))
        made = draft.draft(path, folder, wishes=wishes)
        assert f"the golden scores are those of {library} {version}" in made.notes, case.name
        built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
        scores = [score for line in (folder / "golden.jsonl").read_bytes().splitlines() for score in _scores(line)]
        bound = 1e-6 * max(1, float(np.abs(scores).max()))
        assert max(built.certificate.paths.values()) <= bound, case.name


def _scores(line: bytes) -> list[float]:
    found: list[float] = orjson.loads(line)["scores"]
    return found


def test_xgboost_knows_no_other_objectives() -> None:
    """Its message about an unknown one lists them."""
    xgboost = pytest.importorskip("xgboost")
    matrix = xgboost.DMatrix(np.ones((2, 1)), np.ones(2))
    with pytest.raises(xgboost.core.XGBoostError) as refused:
        xgboost.train({"objective": "no:such"}, matrix, 1)
    known = {line.split(": ")[1].strip() for line in str(refused.value).splitlines() if "candidate" in line}
    assert known
    assert sorted(known - set(OBJECTIVES)) == []


def test_lightgbm_reads_the_objectives_that_are_served() -> None:
    """Each is a name that its reader takes: a file with another is refused by the library itself."""
    lightgbm = importlib.import_module("lightgbm")
    from ranklet.importers.lightgbm.model import OBJECTIVES as SERVED

    text = next(case for case in read(HERE / "lightgbm.zip") if case.name == "regression").files["txt"].decode()
    for name in SERVED:
        more = {"multi": " num_class:1 sigmoid:1", "binar": " sigmoid:1"}.get(name[:5], "")
        lightgbm.Booster(model_str=text.replace("objective=regression\n", f"objective={name}{more}\n"))
    with pytest.raises(lightgbm.basic.LightGBMError):
        lightgbm.Booster(model_str=text.replace("objective=regression\n", "objective=no_such\n"))
