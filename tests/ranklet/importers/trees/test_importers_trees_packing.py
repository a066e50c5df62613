"""The engine of NumPy gives the libraries' own predictions as well, and is taken for the ensembles that it suits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trees_kit import HERE, Case, read

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers.base import Exported
from ranklet.importers.trees import packing, serving
from ranklet.importers.trees.records import Ensemble, Tree
from ranklet.importers.trees.walking import predict
from ranklet.model import StepSource
from ranklet_runtime.engines import open_engine
from ranklet_runtime.manifest import Step

CASES = [(library, case) for library in ("xgboost", "lightgbm") for case in read(HERE / f"{library}.zip")]
SERVED = 20
"""Of the stored models: those with one output, without sets and of at most 8 levels."""


def scores(exported: Exported, features: Any, folder: Path) -> Any:
    assert exported.artefact is not None and exported.content is not None
    (folder / exported.artefact).write_bytes(exported.content)
    step = Step(exported.engine, "item", {"features": "x"}, {"score": "s"}, exported.artefact, options=exported.options)
    return open_engine(step, folder, threads=1).run({"x": features})["s"]


def asked(library: str, case: Case, folder: Path, engine: str | None) -> Exported:
    ending, content = next(iter(case.files.items()))
    (folder / f"model.{ending}").write_bytes(content)
    source = StepSource(format=library, source=f"model.{ending}", engine=engine, options=case.options)
    return importers.load(source, folder)


@pytest.mark.parametrize(("library", "case"), CASES, ids=lambda value: value if isinstance(value, str) else value.name)
def test_the_librarys_own_predictions(library: str, case: Case, tmp_path: Path) -> None:
    try:
        exported = asked(library, case, tmp_path, "trees")
    except ImportRefused as error:
        assert "steps.engine is 'trees', but the model" in str(error)
        return
    assert exported.engine == "trees"
    found = scores(exported, case.features.astype(exported.inputs[0].dtype), tmp_path)
    np.testing.assert_allclose(found, case.answers, rtol=1e-6, atol=0)


def test_most_of_the_stored_models_are_among_them(tmp_path: Path) -> None:
    served = 0
    for library, case in CASES:
        try:
            served += asked(library, case, tmp_path, "trees").engine == "trees"
        except ImportRefused:
            continue
    assert served >= SERVED


def full(trees: int, *, depth: int = 6, width: int = 20, thresholds: int = 30) -> Ensemble:
    """Random full trees over few thresholds."""
    random = np.random.default_rng(1)
    marks = random.normal(size=thresholds)
    inner, nodes = (1 << depth) - 1, (2 << depth) - 1
    place = np.arange(nodes)
    made = tuple(
        Tree(
            left=np.where(place < inner, 2 * place + 1, -1),
            right=np.where(place < inner, 2 * place + 2, -1),
            feature=random.integers(0, width, nodes),
            threshold=random.choice(marks, nodes),
            value=random.normal(size=nodes),
            missing_left=random.random(nodes) < 0.5,
        )
        for _ in range(trees)
    )
    return Ensemble(made, "float64", False, width, (0.5,), "sigmoid", scale=0.1)


def test_many_flat_trees_are_numpys_and_few_are_onnxruntimes() -> None:
    source = StepSource(format="xgboost", source="m.json")
    assert serving.export(full(300), source).engine == "trees"
    assert serving.export(full(5), source).engine == "onnx"
    assert serving.export(full(30, depth=9), source).engine == "onnx"


def test_the_author_has_the_last_word() -> None:
    wanted = {"onnx": full(300), "trees": full(5)}
    for engine, ensemble in wanted.items():
        source = StepSource(format="xgboost", source="m.json", engine=engine)
        assert serving.export(ensemble, source).engine == engine
    for engine, what in (("trees", "has trees of more than 8 levels; drop it"), ("linear", "served by onnx and trees")):
        with pytest.raises(ImportRefused, match=what):
            serving.export(full(3, depth=9), StepSource(format="xgboost", source="m.json", engine=engine))


def test_the_same_trees_give_the_same_bytes_and_the_records_answers(tmp_path: Path) -> None:
    ensemble = full(40)
    source = StepSource(format="xgboost", source="m.json", engine="trees")
    exported = serving.export(ensemble, source)
    assert exported.content == serving.export(full(40), source).content
    rows = np.random.default_rng(2).normal(size=(70, 20))
    rows[::3, ::4] = np.nan
    np.testing.assert_allclose(scores(exported, rows, tmp_path), predict(ensemble, rows)[:, 0], rtol=1e-6)


def test_a_zero_to_lightgbm_is_below_its_thresholds_of_zero(tmp_path: Path) -> None:
    tiny = 1e-36
    for at in (-1e-35, 0.0, 1e-36, -2.0):
        end = np.array([-1, -1])
        tree = Tree(
            left=np.array([1, *end]),
            right=np.array([2, *end]),
            feature=np.zeros(3, np.int64),
            threshold=np.array([at, 0, 0]),
            value=np.array([0, 1.0, 2.0]),
            missing_left=np.zeros(3, np.bool_),
            views={0: "clean"},
        )
        ensemble = Ensemble((tree,), "float64", False, 1, (0.0,), "identity")
        exported = packing.export(ensemble, StepSource(format="lightgbm", source="m.txt"), ())
        rows = np.array([[-1.0], [-2e-35], [-tiny], [0.0], [tiny], [2e-35], [-3.0], [np.nan]])
        np.testing.assert_array_equal(scores(exported, rows, tmp_path), predict(ensemble, rows)[:, 0])


def test_what_the_engine_does_not_have() -> None:
    source = StepSource(format="xgboost", source="m.json", outputs={"y": "y"})
    with pytest.raises(ImportRefused, match=r"no output \['y'\]; its outputs are logit and score"):
        packing.export(full(2), source, ())
