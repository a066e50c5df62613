"""Pipelines that Spark fits now, exported by both roads: `python tests/oracles.py spark` (needs Java 17)."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mllib_kit as kit
import mllib_zoo as zoo
import pytest

from ranklet import draft, pipeline
from ranklet.importers.proposal import Wishes

PAGE = Path(__file__).parents[4] / "functions" / "README.md"
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]
FRESH = ("linear", "forest", "multinomial_error")


@pytest.fixture(scope="module")
def making() -> Iterator[tuple[Any, Any]]:
    """make_models.py and a session of Spark's."""
    pytest.importorskip("pyspark")
    pytest.importorskip("pyspark2pmml")
    if shutil.which("java") is None:
        pytest.skip("no Java")
    import make_models

    session = make_models.session()
    yield make_models, session
    session.stop()


@pytest.mark.parametrize("name", FRESH)
def test_what_spark_exports_now_answers_as_it_does(name: str, making: tuple[Any, Any], tmp_path: Path) -> None:
    make_models, session = making
    (case,) = (case for case in zoo.cases() if case.name == name)
    made = make_models.export(session, case)
    for road in kit.ROADS:
        kit.hold(made, road, tmp_path)


def test_the_walk_through_of_the_readme_is_built(making: tuple[Any, Any], tmp_path: Path) -> None:
    section = PAGE.read_text(encoding="utf-8").split("## Spark MLlib\n")[1].split("\n## ")[0]
    (shown,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    with (tmp_path / "ratings.csv").open("w", newline="") as file:
        csv.writer(file).writerows(_ratings())
    exec(re.sub(r'"(ratings\.csv|ranker\.pmml)"', lambda one: repr(str(tmp_path / one[1])), shown), {})
    folder = tmp_path / "functions" / "my-spark"
    draft.draft(tmp_path / "ranker.pmml", folder, wishes=Wishes())
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows == 50
    assert max(built.certificate.paths.values()) <= kit.RELATIVE


def _ratings() -> Iterator[tuple[Any, ...]]:
    yield "gender", "occupation", "genre", "age", "liked"
    for at in range(300):
        words = "MF"[at % 2], ("student", "doctor", "writer")[at % 3], ("Drama", "War", "Comedy", "Noir")[at // 3 % 4]
        yield *words, 20 + at * 7 % 40, int(at * 7 % 11 > at % 3 * 2)
