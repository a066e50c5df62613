"""ONNX files as PyTorch writes them, imported as ONNX, against PyTorch's own scores."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers.base import Exported, TensorSpec
from ranklet.model import StepSource
from ranklet_runtime.engines import open_engine
from ranklet_runtime.manifest import Step

pytest.importorskip("onnxscript")
torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

NAMES = ("movie", "history", "profile")


class Ranker(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A film, the mean of a history and a profile through two layers with dropout between."""

    def __init__(self) -> None:
        super().__init__()
        self.movies = torch.nn.Embedding(50, 8)
        self.hidden = torch.nn.Linear(20, 16)
        self.dropout = torch.nn.Dropout(0.5)
        self.out = torch.nn.Linear(16, 1)

    def forward(self, movie: Any, history: Any, profile: Any) -> Any:
        x = torch.cat([self.movies(movie), self.movies(history).mean(1), profile], 1)
        return torch.sigmoid(self.out(self.dropout(torch.relu(self.hidden(x))))).squeeze(1)


def tensors(rows: int) -> dict[str, Any]:
    random = np.random.default_rng(rows)
    return {
        "movie": random.integers(0, 50, rows),
        "history": random.integers(0, 50, (rows, 5)),
        "profile": random.normal(size=(rows, 4)).astype(np.float32),
    }


def exported(model: Any, folder: Path, *, dynamic: bool = True, **options: Any) -> Exported:
    shapes = {name: {0: torch.export.Dim.DYNAMIC} for name in NAMES} if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, about itself
        torch.onnx.export(
            model,
            tuple(torch.from_numpy(value) for value in tensors(3).values()),
            str(folder / "model.onnx"),
            input_names=[*NAMES],
            output_names=["score"],
            dynamo=True,
            dynamic_shapes=shapes,
            verbose=False,
            **options,
        )
    return importers.load(StepSource(format="onnx", source="model.onnx"), folder)


@pytest.mark.parametrize("external", [True, False])
def test_scores_are_those_of_torch(external: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Ranker().eval()
    found = exported(model, tmp_path, external_data=external)
    assert (tmp_path / "model.onnx.data").exists() == external
    assert found.inputs == (
        TensorSpec("movie", "int64", (None,), 50),
        TensorSpec("history", "int64", (None, 5), 50),
        TensorSpec("profile", "float32", (None, 4)),
    )
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    assert found.content is not None
    (bundle / "model.onnx").write_bytes(found.content)
    step = Step("onnx", "item", {name: name for name in NAMES}, {"score": "score"}, "model.onnx")
    engine = open_engine(step, bundle, threads=1)
    for rows in (1, 2, 40):
        given = tensors(rows)
        with torch.no_grad():
            expected = model(*map(torch.from_numpy, given.values())).numpy()
        np.testing.assert_allclose(engine.run(given)["score"], expected, atol=1e-6)


def test_a_model_left_in_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"\(Dropout\) is in training mode; call model\.eval\(\)"):
        exported(Ranker().train(), tmp_path, external_data=False)


def test_a_batch_left_fixed_is_refused_with_the_line_that_frees_it(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"'movie' takes 3 rows only.*dynamic_shapes=\{'movie': \{0: torch\.export"):
        exported(Ranker().eval(), tmp_path, dynamic=False, external_data=False)
