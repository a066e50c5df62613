"""The bench of handlers: real bundles of the PMML files, absent scorers told, equal answers before times."""

from __future__ import annotations

import runpy
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from ranklet.bench import asked
from ranklet.bench.base import ABSENT, Setting
from ranklet.bench.engines import handlers, peers, pmml_files
from ranklet.errors import BenchError

N, TREES = 20, 3
MOJO = Path(__file__).parents[1] / "importers" / "h2o" / "h2o.zip"


def logistic(n: int) -> NDArray[np.float64]:
    """The regression's answers, by its file's own coefficients."""
    import xml.etree.ElementTree as tree

    table = next(one for one in tree.fromstring(pmml_files.regression()).iter() if one.get("targetCategory") == "yes")
    columns = pmml_files.columns(max(handlers.NUMBERS))
    total = np.full(n, float(table.attrib["intercept"]))
    for one in table:
        values, weight = columns[one.attrib["name"]][:n], float(one.attrib["coefficient"])
        word = one.get("value")
        total += weight * np.array(values if word is None else [value == word for value in values], np.float64)
    return 1 / (1 + np.exp(-total))


class Scorer:
    """A JPMML that needs no Java. off: added to what it answers."""

    name, ways = "jpmml-evaluator 0", ("predict", "transpiled")

    def __init__(self, file: Path, off: float) -> None:
        self.file, self._off, self.warmed = file, off, list[tuple[str, int]]()

    def warm(self, way: str, kind: str, n: int, calls: int) -> None:
        self.warmed.append((way, calls))

    def answer(self, way: str, kind: str, n: int) -> NDArray[np.float64]:
        return logistic(n) + self._off

    def sample(self, way: str, kind: str, n: int) -> object:
        return lambda turn: 1.0


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, float]:
    """The regression's scorer alone is there; `off` makes it wrong."""
    wrong = {"off": 0.0}
    file = tmp_path / "regression.pmml"
    file.write_text(pmml_files.regression())

    @contextmanager
    def running(model: str, rows: Path, setting: Setting) -> Iterator[Scorer | None]:
        yield Scorer(file, wrong["off"]) if model == "pmml-regression" else None

    monkeypatch.setattr(handlers, "running", running)
    monkeypatch.setattr(handlers, "QUICK", (N,))
    return wrong


def test_figures_name_the_scorer_and_absent_ones_are_told(scorer: dict[str, float], tmp_path: Path) -> None:
    found = handlers.measure(Setting(tmp_path, quick=True), lambda _: None)
    rows = {row.figure: row for row in found.rows}
    assert {name for name, row in rows.items() if row.unit == "ratio" and row.value is not None} == {
        "pmml-regression-vs-jpmml-evaluator",
        "pmml-regression-vs-jpmml-evaluator-transpiled",
        "pmml-regression-control",
    }
    one = rows["pmml-regression-vs-jpmml-evaluator"]
    assert one.peer == "jpmml-evaluator 0" and one.n == N
    assert rows["pmml-regression-us"].unit == rows["jpmml-evaluator-pmml-regression-us"].unit == "µs"
    for name in ("pmml-gbdt-vs-jpmml-evaluator", "h2o-gbm-vs-h2o-genmodel"):
        assert rows[name].value is None and rows[name].peer == ABSENT
    assert len(found.controls) == 1


def test_wrong_answers_are_not_timed(scorer: dict[str, float], tmp_path: Path) -> None:
    scorer["off"] = 1e-4
    with pytest.raises(BenchError, match=r"pmml-regression: answers differ by .* from predict; nothing was timed"):
        handlers.measure(Setting(tmp_path, quick=True), lambda _: None)


def test_the_boosted_file_is_served_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pmml_files, "TREES", TREES)
    (tmp_path / "gbdt.pmml").write_text(pmml_files.gbdt())
    ours = handlers.Ours("pmml-gbdt", "pmml", tmp_path / "gbdt.pmml", tmp_path)
    told = ours.told(ours.event(pmml_files.columns(N)), handlers.MODELS["pmml-gbdt"].output)
    assert told.shape == (N,) and np.ptp(told) > 0 and np.all((told > 0) & (told < 1))


def test_a_record_of_which_a_request_would_send_a_part_once_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(MOJO) as archive:
        (tmp_path / "films.zip").write_bytes(archive.read("films/model.zip"))
    with pytest.raises(BenchError, match="would be sent once, and is a record's"):  # whose age, it does not say
        handlers.Ours("films", "h2o", tmp_path / "films.zip", tmp_path)


def test_every_model_has_a_scorer_that_reads_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jpype", ModuleType("jpype"))  # which is not imported to be used
    found = runpy.run_path(str(handlers.SCRIPT), run_name="java_models")
    assert set(found["MODELS"]) == set(handlers.MODELS)
    assert found["WORDS"] == {name: len(words) for name, words in pmml_files.WORDS.items()}
    path = tmp_path / "records.json"
    path.write_text('{"x0": [1.5, 2.5], "shop": ["a", "b"]}')
    assert found["records"](str(path))(1) == {"x0": [1.5], "shop": ["a"]}


def test_files_and_records_are_the_same_every_time() -> None:
    assert pmml_files.gbdt() == pmml_files.gbdt() and pmml_files.regression() == pmml_files.regression()
    assert pmml_files.columns(9) == pmml_files.columns(9)


def test_a_scorer_is_absent_without_java_and_without_its_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers.shutil, "which", lambda _: None)
    with handlers.running("pmml-gbdt", tmp_path / "records.json", Setting(tmp_path)) as peer:
        assert peer is None
    monkeypatch.setattr(handlers.shutil, "which", lambda _: "java")
    monkeypatch.setattr(asked, "has", lambda python, modules: False)
    with handlers.running("pmml-gbdt", tmp_path / "records.json", Setting(tmp_path)) as peer:
        assert peer is None


def test_environments_are_made_on_request_alone(tmp_path: Path) -> None:
    peers.install(Setting(tmp_path), lambda _: None, "java")
    assert peers.pythons(Setting(tmp_path)) == [Path(sys.executable)]
    (tmp_path / "java").mkdir()
    (tmp_path / "java" / "whole").touch()
    assert peers.pythons(Setting(tmp_path))[1:] == [tmp_path / "java" / "bin" / "python"]
