"""The zoo of torch models, each exported, built, and asked through the handler: split bundles score as the whole graph,
few candidates and many.

Minutes of training frameworks' exporters: run by hand, where torch is.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
import pytest
from splitting_kit import CLOSE, Request, scores

from ranklet import pipeline
from ranklet_runtime.function import Function

pytestmark = pytest.mark.slow
ITEMS = 120
NAMES = ("two-tower", "neural-cf", "wide-deep", "deepfm", "deepfm-norm", "xdeepfm", "dcn", "dcn-v2", "dlrm", "dlrm-bag",
         "din", "bst", "autoint", "fibinet", "user-sequence")  # fmt: skip


@pytest.fixture(scope="module")
def zoo() -> ModuleType:
    pytest.importorskip("torch.nn")  # a folder of tests is called torch
    path = Path(__file__).parents[1] / "graph" / "graph_zoo.py"
    spec = importlib.util.spec_from_file_location("graph_zoo_of_splitting", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def draw(kind: str, shape: tuple[int, ...], limit: int, random: np.random.Generator) -> Any:
    if kind == "id":
        return random.integers(0, limit, shape).tolist() if shape else int(random.integers(0, limit))
    return random.standard_normal(shape).astype(np.float32).tolist()


def declared(inputs: tuple[Any, ...]) -> str:
    """model.toml's inputs and features: one of each per input of the graph."""
    ins, features = ['key = { side = "item", type = "int" }'], []
    for name, side, kind, shape, limit in inputs:
        if kind == "id" and not shape:
            ins.append(f'"in_{name}" = {{ side = "{side}", type = "int" }}')
            features.append(f'{name} = {{ kind = "category", of = "in_{name}", size = {limit}, oov_index = 0 }}')
        elif kind == "id":
            ins.append(f'"in_{name}" = {{ side = "{side}", type = "int", list = true }}')
            options = f"size = {limit}, oov_index = 0, length = {shape[0]}, pad = 0"
            features.append(f'{name} = {{ kind = "bag", of = "in_{name}", {options} }}')
        else:
            ins.append(f'"in_{name}" = {{ side = "{side}", length = {shape[0]} }}')
            features.append(f'{name} = {{ kind = "dense", of = "in_{name}" }}')
    return "[inputs]\n" + "\n".join(ins) + "\n[features]\n" + "\n".join(features) + "\n"


@pytest.mark.parametrize("exporter", ["dynamo", "legacy"])
@pytest.mark.parametrize("variant", ["A", "B+"])
@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_the_zoo(tmp_path: Path, zoo: ModuleType, name: str, variant: str, exporter: str) -> None:
    content, _ = zoo.export(name, exporter)
    inputs = zoo.ZOO[name].inputs
    random = np.random.default_rng(1)
    items = [{f"in_{n}": draw(k, s, v, random) for n, side, k, s, v in inputs if side == "item"} for _ in range(ITEMS)]
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    output = session.get_outputs()[0].name

    def request(size: int) -> tuple[Request, list[float]]:
        once = {f"in_{n}": (side, draw(k, s, v, random)) for n, side, k, s, v in inputs if side != "item"}
        chosen = random.integers(0, ITEMS, size).tolist()
        columns: dict[str, list[Any]] = {
            f"in_{n}": [items[at][f"in_{n}"] for at in chosen] for n, s, *_ in inputs if s == "item"
        }
        feeds = {}
        for n, side, kind, *_ in inputs:
            dtype = np.int64 if kind == "id" else np.float32
            value = columns[f"in_{n}"] if side == "item" else [once[f"in_{n}"][1]] * size
            feeds[n] = np.array(value, dtype)
        asked = {
            "user": {n: value for n, (side, value) in once.items() if side == "user"},
            "context": {n: value for n, (side, value) in once.items() if side == "context"},
            "items": {"key": chosen, **columns},
        }
        return asked, session.run([output], feeds)[0].ravel().tolist()

    folder = tmp_path / "functions" / "m"
    (folder / "export").mkdir(parents=True)
    (folder / "export" / "model.onnx").write_bytes(content)
    rows = [{"key": at, **item} for at, item in enumerate(items)]
    (folder / "export" / "items.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "model.toml").write_text(
        f'name = "m"\n{declared(inputs)}[[steps]]\nformat = "onnx"\nsource = "export/model.onnx"\n'
        f'outputs = {{ "{output}" = "score" }}\n[output]\nitem_key = "key"\n[split]\nmode = "force"\n'
        f'variant = "{variant}"\nuncut_below = 4\ncatalogue = "export/items.jsonl"\n'
        "row_bytes = 65536\ncut_rows = 1500\n"
    )
    golden = [request(size) for size in (1, 2, 9)]
    (folder / "golden.jsonl").write_text("\n".join(json.dumps({"request": r, "scores": s}) for r, s in golden))
    built = pipeline.build(folder, out=tmp_path / ".build")
    function = Function.open(built.folder, {})
    for size in (1, 5, 33):
        asked, wanted = request(size)
        np.testing.assert_allclose(scores(function, asked), wanted, rtol=CLOSE, atol=CLOSE)
