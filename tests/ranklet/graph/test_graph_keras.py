"""Keras models by tf2onnx: the compiled graphs give the uncut graph's scores.

TensorFlow wants an environment of its own: `pip install tensorflow-cpu tf2onnx onnx onnx-ir onnxruntime pytest`, and
infra, layers/features/python and layers/inference/python on PYTHONPATH.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from graph_hand import load

from ranklet.graph.compiler import compile
from ranklet.graph.records import Options

NAMES = ("wide-deep", "deepfm", "dcn", "neural-cf", "gru-tower", "din", "sparse-lookup")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not find_spec("tensorflow") or not find_spec("tf2onnx"), reason="absent: TensorFlow, tf2onnx"),
    pytest.mark.filterwarnings("ignore"),  # the libraries warn of their own parts
]


@pytest.mark.parametrize("name", NAMES)
def test_compiled_model_gives_its_scores(name: str) -> None:
    from graph_keras import KERAS

    assert set(KERAS) == set(NAMES)
    content, sides = KERAS[name]()
    done = compile(load(content), sides, Options(mode="force", candidates=(3,), row_bytes=1 << 16, cut_rows=50))
    assert done.report.shipped != "uncut", done.report.reason
    assert done.report.trials >= 12
    assert done.report.worst <= 1e-5
    assert done.tables and not any("Unique" in why for why in done.report.kept.values())
