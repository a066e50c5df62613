"""What every engine promises, whatever it computes. A further engine is one line in CASES."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from ranklet_runtime.engines import ENGINES, open_engine
from ranklet_runtime.engines.base import Array, Engine
from ranklet_runtime.manifest import Step

Random = np.random.Generator
Maker = Callable[[Random, int], Array]


def floats(width: int) -> Maker:
    return lambda random, rows: random.normal(size=(rows, width)).astype(np.float32)


def ids(size: int) -> Maker:
    return lambda random, rows: random.integers(-1, size, rows)


def bags(size: int, length: int) -> Maker:
    return lambda random, rows: random.integers(-1, size, (rows, length))


@dataclass(frozen=True)
class Case:
    """An engine with weights, and makers of its user's and its items' tensors."""

    user: Mapping[str, Maker]
    item: Mapping[str, Maker]
    arrays: Mapping[str, Array] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    graph: onnx.ModelProto | None = None

    def tensors(self, seed: int, *, users: int, items: int) -> dict[str, Array]:
        random = np.random.default_rng(seed)
        made = {name: make(random, users) for name, make in self.user.items()}
        return made | {name: make(random, items) for name, make in self.item.items()}


def weights(seed: int, **shapes: tuple[int, ...]) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    return {name.replace("__", "."): random.normal(scale=0.5, size=shape) for name, shape in shapes.items()}


def graph() -> onnx.ModelProto:
    """score = sigmoid(concat(user, item) @ w), logit the same before the sigmoid; it does not broadcast."""
    w = np.random.default_rng(5).normal(size=(5, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Concat", ["user", "item"], ["x"], axis=1),
        helper.make_node("MatMul", ["x", "w"], ["wide"]),
        helper.make_node("Squeeze", ["wide", "one"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["score"]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", d]) for name, d in (("user", 2), ("item", 3))
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("logit", "score")]
    constants = [onnx.numpy_helper.from_array(w, "w"), onnx.numpy_helper.from_array(np.array([1]), "one")]
    made = helper.make_graph(nodes, "g", inputs, outputs, constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


MIXED_USER = {"age": floats(2), "country": ids(4)}
MIXED_ITEM = {"price": floats(3), "movie": ids(9), "genres": bags(5, 4)}

CASES: Mapping[str, Case] = {
    "linear": Case(
        MIXED_USER,
        MIXED_ITEM,
        weights(1, bias=(1,), w__age=(2,), w__country=(4,), w__price=(3,), w__movie=(9,), w__genres=(5,)),
    ),
    "fm": Case(
        MIXED_USER,
        MIXED_ITEM,
        weights(2, bias=(1,), v__age=(2, 6), v__country=(4, 6), v__price=(3, 6), v__movie=(9, 6), v__genres=(5, 6))
        | weights(3, w__age=(2,), w__country=(4,), w__price=(3,), w__movie=(9,), w__genres=(5,)),
    ),
    "ffm": Case(
        {"country": ids(4), "age": floats(2)},
        {"movie": ids(9), "genres": bags(5, 4)},
        weights(4, bias=(1,), v__country=(4, 3, 2), v__age=(2, 3, 2), v__movie=(9, 3, 2), v__genres=(5, 3, 2)),
        {"fields": ["movie", "user", "genres"], "field_of": {"age": "user", "country": "user"}},
    ),
    "mlp": Case(
        MIXED_USER,
        MIXED_ITEM,
        weights(5, w0=(13, 8), b0=(8,), w1=(8, 4), b1=(4,), w2=(4, 1), b2=(1,))
        | weights(6, e__country=(4, 2), e__movie=(9, 3), e__genres=(5, 3)),
        {"inputs_order": ["movie", "age", "price", "country", "genres"]},
    ),
    "hashed": Case(
        {"age": floats(1), "country": ids(64)},
        {"price": floats(1), "movie": ids(64), "genres": bags(64, 3)},
        weights(8, bias=(1,), w=(64,)),
        {
            "bits": 6,
            "namespaces": {"age": "u", "country": "u", "price": "m", "movie": "m", "genres": "g"},
            "at": {"age": 5, "price": 40},
            "linear": ["u", "m", "g"],
            "interactions": [["u", "m"], ["u", "m", "g"], ["g", "g"]],
        },
    ),
    "trees": Case(
        {"age": floats(2)},
        {"price": floats(3)},
        {
            "child": np.array([1, 3, 0, 0, 0, 6, 0, 8, 0, 0], np.float32),
            "feature": np.array([0, 3, 0, 0, 0, 4, 0, 1, 0, 0], np.float32),
            "number": np.array([0.1, -0.2, 0.7, -0.4, 0.3, 0.2, 0.9, 0.0, -0.8, 0.5]),
            "missing": np.array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0], np.float32),
            "roots": np.array([0, 5], np.float32),
            "bias": np.array([0.25]),
        },
        {"widths": {"age": 2, "price": 3}},
    ),
    "dot": Case({"user": floats(6)}, {"item": floats(6)}, {}, {"metric": "cosine", "link": "sigmoid"}),
    "dot with a net": Case(
        {"user": floats(3)},
        {"item": floats(3)},
        weights(7, w0=(12, 5), b0=(5,), w1=(5, 1), b1=(1,)),
        {"interaction": ["user", "item", "product", "difference"], "activation": "tanh"},
    ),
    "onnx": Case({"user": floats(2)}, {"item": floats(3)}, graph=graph()),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def engine(case: Case, request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    name = request.node.callspec.params["case"].split(" ")[0]
    artefact = None
    if case.graph is not None:
        artefact = "model.onnx"
        (tmp_path / artefact).write_bytes(case.graph.SerializeToString())
    elif case.arrays:
        artefact = "weights.npz"
        np.savez(tmp_path / artefact, **case.arrays)
    inputs = {name: f"tensor {name}" for name in [*case.user, *case.item]}
    step = Step(name, "item", inputs, {"score": "s", "logit": "l"}, artefact, options=case.options)
    return open_engine(step, tmp_path, threads=1)


def run(engine: Engine, tensors: Mapping[str, Array]) -> dict[str, Array]:
    return engine.run({f"tensor {name}": value for name, value in tensors.items()})


def test_the_table_has_a_case_for_every_engine() -> None:
    assert {name.split(" ")[0] for name in CASES} == set(ENGINES)


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 17])
def test_one_float32_per_row(case: Case, engine: Engine, rows: int) -> None:
    outputs = run(engine, case.tensors(1, users=1, items=rows))
    assert {name: (value.shape, value.dtype) for name, value in outputs.items()} == {
        "s": ((rows,), np.float32),
        "l": ((rows,), np.float32),
    }


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_one_user_row_scores_as_if_it_were_copied(case: Case, engine: Engine, rows: int) -> None:
    once = case.tensors(2, users=1, items=rows)
    copied = once | {name: np.repeat(once[name], rows, axis=0) for name in case.user}
    for name, value in run(engine, copied).items():
        np.testing.assert_allclose(run(engine, once)[name], value, rtol=2e-6, atol=2e-6)


def test_many_users_score_as_one_by_one(case: Case, engine: Engine) -> None:
    tensors = case.tensors(3, users=5, items=5)
    whole = run(engine, tensors)
    for row in range(5):
        alone = run(engine, {name: value[row : row + 1] for name, value in tensors.items()})
        for name, value in whole.items():
            np.testing.assert_allclose(alone[name], value[row : row + 1], rtol=2e-6, atol=2e-6)


def test_rows_move_with_their_items(case: Case, engine: Engine) -> None:
    tensors = case.tensors(4, users=1, items=6)
    order = np.array([3, 0, 5, 1, 4, 2])
    moved = tensors | {name: tensors[name][order] for name in case.item}
    np.testing.assert_allclose(run(engine, moved)["l"], run(engine, tensors)["l"][order], rtol=1e-6, atol=1e-6)


def test_the_same_request_gives_the_same_bits(case: Case, engine: Engine) -> None:
    tensors = case.tensors(5, users=1, items=33)
    first = {name: value.tobytes() for name, value in run(engine, tensors).items()}
    run(engine, case.tensors(6, users=1, items=7))
    assert {name: value.tobytes() for name, value in run(engine, tensors).items()} == first


def test_a_run_leaves_its_tensors_alone(case: Case, engine: Engine) -> None:
    tensors = case.tensors(7, users=1, items=4)
    before = {name: value.copy() for name, value in tensors.items()}
    run(engine, tensors)
    for name, value in before.items():
        np.testing.assert_array_equal(tensors[name], value)


def test_read_only_and_strided_tensors_are_read(case: Case, engine: Engine) -> None:
    tensors = case.tensors(8, users=1, items=6)
    strided = {name: np.repeat(value, 2, axis=0)[::2] for name, value in tensors.items()}
    for value in strided.values():
        value.setflags(write=False)
    np.testing.assert_array_equal(run(engine, strided)["s"], run(engine, tensors)["s"])


def test_rows_that_disagree_are_refused(case: Case, engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"broadcast|dimension"):
        run(engine, case.tensors(9, users=2, items=5))


def test_only_what_is_asked_comes_back(case: Case, engine: Engine, tmp_path: Path, request: Any) -> None:
    name = request.node.callspec.params["case"].split(" ")[0]
    artefact = next((path.name for path in tmp_path.iterdir()), None)
    inputs = {name: name for name in [*case.user, *case.item]}
    only = open_engine(Step(name, "item", inputs, {"score": "s"}, artefact, options=case.options), tmp_path, threads=1)
    assert set(only.run(case.tensors(1, users=1, items=2))) == {"s"}


@pytest.mark.parametrize("name", ["linear", "fm", "ffm", "mlp"])
def test_a_missing_id_adds_nothing(name: str, open_arrays: Callable[..., Engine]) -> None:
    case = CASES[name]
    tensors = case.tensors(10, users=1, items=3) | {"movie": np.array([-1, -1, -1]), "genres": np.full((3, 4), -1)}
    zeroed = {
        name: np.zeros_like(array) if name.endswith((".movie", ".genres")) else array
        for name, array in case.arrays.items()
    }
    real, zero = ({"movie": np.array([2, 5, 8]), "genres": np.array([[0, 1, 2, 3]] * 3)}, tensors)
    inputs = [*case.user, *case.item]
    with_zero_weights = open_arrays(name, zeroed, inputs, **case.options).run(tensors | real)["logit"]
    with_missing_ids = open_arrays(name, case.arrays, inputs, **case.options).run(zero)["logit"]
    np.testing.assert_allclose(with_missing_ids, with_zero_weights, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["linear", "fm", "ffm", "mlp"])
def test_padding_changes_nothing(name: str, open_arrays: Callable[..., Engine]) -> None:
    case = CASES[name]
    engine = open_arrays(name, case.arrays, [*case.user, *case.item], **case.options)
    tensors = case.tensors(11, users=1, items=3) | {"genres": np.array([[1, 3], [0, 4], [2, -1]])}
    wider = tensors | {"genres": np.array([[-1, 1, 3, -1], [0, 4, -1, -1], [-1, -1, -1, 2]])}
    np.testing.assert_allclose(engine.run(wider)["logit"], engine.run(tensors)["logit"], rtol=1e-6, atol=1e-6)


def test_huge_values_score_without_a_warning(case: Case, engine: Engine) -> None:
    tensors = case.tensors(12, users=1, items=4)
    huge = {name: value * np.float32(1e38) if value.dtype == np.float32 else value for name, value in tensors.items()}
    assert run(engine, huge)["s"].shape == (4,)
