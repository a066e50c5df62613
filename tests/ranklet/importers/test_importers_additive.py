"""Which graphs become NumPy weights: those whose features meet in sums alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx_kit import Load

from ranklet.importers import additive, checking
from ranklet.importers.onnx import proposing
from ranklet.importers.proposal import Proposal

RANDOM = np.random.default_rng(5)
TABLES = {
    "city_w": RANDOM.normal(size=(7, 1)).astype(np.float32),
    "tags_w": RANDOM.normal(size=(9, 1)).astype(np.float32),
    "x_w": RANDOM.normal(size=(3, 1)).astype(np.float32),
    "bias": np.array([[0.25]], np.float32),
    "one": np.array([1], np.int64),
    "zero": np.array(0, np.int64),
    "half": np.array(0.5, np.float32),
    "all": np.array([-1], np.int64),
    "few": np.array([-1, 1], np.int64),
}
TERMS = """
    cities = Gather (city_w, city)
    numbers = MatMul (x, x_w)
    rows = Gather (tags_w, tags)
    tagged = ReduceSum <keepdims = 0> (rows, one)
    both = Add (cities, numbers)
"""
LINEAR = f"{TERMS} more = Add (both, tagged) logit = Add (more, bias)"


@pytest.fixture
def proposed(load: Load) -> object:
    """proposed(body): what is proposed of a graph of that body, whose `logit` a sigmoid follows."""

    def made(body: str) -> Proposal:
        text = f"""<ir_version: 8, opset_import: ["" : 18]>
            ranker (int64[batch] city, float[batch, 3] x, int64[batch, 4] tags) => (float[batch, 1] score) {{
                {body}
                score = Sigmoid (logit)
            }}"""
        model = onnx.parser.parse_model(text)
        model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in TABLES.items())
        return proposing.of_graph(load(model))

    return made


def test_a_sum_of_terms_becomes_weights_of_each_feature(proposed: object, tmp_path: Path) -> None:
    graph = proposed(LINEAR)  # type: ignore[operator]
    made = additive.weights(graph)
    (step,) = made.steps
    assert (step.format, step.engine, step.options) == ("numpy", "linear", {"link": "sigmoid"})
    assert made.notes[-1] == additive.NOTE
    (tmp_path / "model.npz").write_bytes(made.files["export/model.npz"])
    with np.load(tmp_path / "model.npz") as arrays:
        cities, tags = arrays["w.city"], arrays["w.tags"]
        np.testing.assert_allclose(cities, (TABLES["city_w"] - TABLES["city_w"][0])[:, 0], atol=1e-12)
        np.testing.assert_allclose(tags, (TABLES["tags_w"] - TABLES["tags_w"][0])[:, 0], atol=1e-12)
        np.testing.assert_allclose(arrays["w.x"], TABLES["x_w"][:, 0], atol=1e-12)
        wanted = 0.25 + TABLES["city_w"][0, 0] + 4 * float(TABLES["tags_w"][0, 0])
        np.testing.assert_allclose(arrays["bias"], [wanted], atol=1e-6)
    columns = {"city": [3, 6], "x": [[1.0, 2.0, 3.0], [0.0, 0.0, -9.5]], "tags": [[1, 8, 8], []]}
    assert graph.oracle is not None
    np.testing.assert_allclose(checking.scores(made, columns), graph.oracle.scores(columns), atol=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        f"{TERMS} more = Mul (both, tagged) logit = Add (more, bias)",
        f"{TERMS} more = Add (both, tagged) logit = Relu (more)",
        "rows = Gather (tags_w, tags) mean = ReduceMean <keepdims = 0> (rows, one) sums = Relu (mean) "
        "logit = Add (sums, bias)",
        "numbers = MatMul (x, x_w) cities = Gather (city_w, city) bent = Relu (numbers) logit = Add (bent, cities)",
        f"{TERMS} cut = Cast <to = 7> (both) more = Cast <to = 1> (cut) logit = Add (more, bias)",
        f"{TERMS} more = Div (both, cities) logit = Add (more, bias)",
        "rows = Gather (tags_w, tags) most = ReduceMax <keepdims = 0> (rows, one) logit = Add (most, bias)",
    ],
)
def test_what_is_no_sum_stays_a_graph(body: str, proposed: object) -> None:
    graph = proposed(body)  # type: ignore[operator]
    assert additive.weights(graph) is graph


def test_a_bent_term_of_one_id_is_a_sum_all_the_same(proposed: object) -> None:
    body = "cities = Gather (city_w, city) bent = Relu (cities) rows = Gather (tags_w, tags)"
    body += " tagged = ReduceSum <keepdims = 0> (rows, one) more = Add (bent, tagged) logit = Mul (more, half)"
    made = additive.weights(proposed(body))  # type: ignore[operator]
    assert made.steps[0].engine == "linear"
