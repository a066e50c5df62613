"""What skl2onnx writes is imported as ONNX: one class ranks, text is refused with what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import sklearn_kit as kit
import sklearn_rows as rows
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn import compose, linear_model, pipeline, preprocessing

from ranklet import draft, importers
from ranklet import pipeline as building
from ranklet.errors import ImportRefused
from ranklet.importers.proposal import NO_WISHES, Wishes
from ranklet_runtime.engines.ort import open_session


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Any, Path]:
    """A classifier of three classes, and its file."""
    model = rows.Sample(linear_model.LogisticRegression, target="three").train()
    made = to_onnx(model, initial_types=[("x", FloatTensorType([None, 5]))], options={"zipmap": False})
    (tmp_path / "model.onnx").write_bytes(made.SerializeToString())
    return model, tmp_path / "model.onnx"


def test_a_column_of_the_probabilities_ranks(exported: tuple[Any, Path], tmp_path: Path) -> None:
    model, path = exported
    proposal = importers.propose("onnx", path, Wishes(options={"column": "2"}))
    session = open_session(proposal.files["export/model.onnx"], threads=1)
    values = rows.numbers().astype(np.float32)
    (found,) = session.run([proposal.score], {"x": values})
    wanted = kit.own(model, values, {"class": "2"})
    np.testing.assert_allclose(found.reshape(-1), wanted, rtol=1e-5)
    folder = tmp_path / "functions" / "ranker"
    draft.draft(path, folder, wishes=Wishes(options={"column": "2"}))
    assert building.build(folder, out=tmp_path / "build", progress=lambda text: None).certificate.rows > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "'probabilities' is several numbers a candidate; -o column=1 takes the second one"),
        ({"column": "3"}, "-o column=3 is asked of 'probabilities', and there is none"),
        ({"column": "second"}, "is no number of a column"),
        ({"column": "0", "output": "label"}, "is asked of 'label', and there is none"),
    ],
)
def test_a_column_that_is_none_is_refused(options: dict[str, str], message: str, exported: tuple[Any, Path]) -> None:
    with pytest.raises(ImportRefused, match=message):
        importers.propose("onnx", exported[1], Wishes(options=options))


def test_text_in_a_graph_is_refused(tmp_path: Path) -> None:
    table = rows.whole()[["gender", "price"]]
    columns = compose.ColumnTransformer(
        [("text", preprocessing.OneHotEncoder(), ["gender"]), ("number", "passthrough", ["price"])]
    )
    model = pipeline.make_pipeline(columns, linear_model.Ridge()).fit(table, table["price"])
    types = [("gender", StringTensorType([None, 1])), ("price", FloatTensorType([None, 1]))]
    onnx.save(to_onnx(model, initial_types=types), tmp_path / "model.onnx")
    with pytest.raises(ImportRefused, match=r"input 'gender' is of string, .* strings belong in feature assembly"):
        importers.propose("onnx", tmp_path / "model.onnx", NO_WISHES)
