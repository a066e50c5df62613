"""Parts that do not fit each other are named at build time, with the remedy."""

import re
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from ranklet import fit, pipeline
from ranklet.errors import ImportRefused, ModelError
from ranklet.importers.base import Exported, TensorSpec
from ranklet.project import Project
from ranklet_features.spec import Feature, FeatureSpec, Input
from ranklet_runtime.manifest import Manifest, Step

Edit = Callable[[str, str], None]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("hour          =", "our =", "input 'hour' is fed by 'hour', which nothing makes"),
        (
            "buckets = 1024",
            "buckets = 2048",
            "engine holds 1024 ids, its feature makes 2048",
        ),
        ('format = "numpy"', 'format = "numpy"\nrows = "user"', "differs by item"),
        ('vocabulary = ["de", "fr", "us"]', "buckets = 5", "'country_id' of the linear engine holds 4 ids"),
        ('kind = "time"', 'kind = "tyme"', "tyme"),
        ('of = "time", part', 'of = "tim", part', "no input 'tim'"),
        ('score = "score"', 'score = "sckore"', "output.score is 'sckore'; the steps make ['logit', 'score']"),
        ('item_key = "item_id"', 'item_key = "user_id"', "it must be an item input: ['item_id', 'price', 'tags']"),
        (
            "options = { link",
            'outputs = { score = "score", logit = "hour" }\noptions = { link',
            "makes 'hour', which is there",
        ),
        ('of = "price", clip', 'of = ["price", "price"], clip', "is 1 wide, its tensor 2"),
    ],
)
def test_a_part_that_does_not_fit_is_named(here: Project, edit: Edit, before: str, after: str, message: str) -> None:
    edit(before, after)
    with pytest.raises((ModelError, ImportRefused), match=re.escape(message)):
        pipeline.build(here.functions / "small", out=here.build)


INPUTS = {"tags": Input(side="user", type="int", list=True), "film": Input(side="item", type="int")}
FEATURES = {
    "liked": Feature("bag", ("tags",), {"size": 10, "length": 3}),
    "movie": Feature("category", ("film",), {"size": 10}),
}
GATHERS = TensorSpec("ids", "int64", (None, None), limit=11)
SCORE = (TensorSpec("score", "float32", (None,)),)


def _check(folder: Path, tensor: str, *, spec: TensorSpec = GATHERS, once: tuple[str, ...] = (), pad: int = -1) -> None:
    liked = Feature("bag", ("tags",), {**FEATURES["liked"].options, "pad": pad})
    step = Step("onnx", "item", {"ids": tensor}, {"score": "score"}, "model.onnx", once)
    manifest = Manifest("m", "1", FeatureSpec(INPUTS, {**FEATURES, "liked": liked}), (step,), "score")
    fit.check(manifest, [Exported("onnx", (spec,), SCORE)], folder)


def test_minus_one_must_not_reach_a_graphs_table(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="where -1 is its last row: give the feature a pad"):
        _check(tmp_path, "liked")


def test_a_score_of_the_user_alone_ranks_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="made of the user's features alone"):
        _check(tmp_path, "liked", pad=0)


def test_what_differs_by_item_cannot_go_in_once(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="once names 'ids', but its tensor 'movie' differs by item"):
        _check(tmp_path, "movie", spec=TensorSpec("ids", "int64", (None,), limit=11), once=("ids",))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (TensorSpec("ids", "float32", (None,)), "takes float32, its tensor is int64"),
        (TensorSpec("ids", "int64", (None, 4)), r"takes \[rows, \[4\]\], its tensor is \[rows, \[\]\]"),
        (TensorSpec("ids", "int64", (None,), limit=9), "holds 9 ids, its feature makes 11"),
    ],
)
def test_a_tensor_of_another_type_or_shape_is_named(tmp_path: Path, spec: TensorSpec, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        _check(tmp_path, "movie", spec=spec)


def test_what_fits_is_let_through(tmp_path: Path) -> None:
    _check(tmp_path, "movie", spec=TensorSpec("ids", "int64", (None,), limit=11))
    _check(tmp_path, "movie", spec=TensorSpec("ids", "int32", (None, 1), limit=11))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_features_of_32_bits_for_a_graph_of_doubles_are_noted(tmp_path: Path, dtype: str) -> None:
    spec = FeatureSpec({"price": Input(side="item")}, {"prices": Feature("dense", ("price",), {"dtype": dtype})})
    step = Step("onnx", "item", {"x": "prices"}, {"score": "score"}, "model.onnx")
    exported = Exported("onnx", (TensorSpec("x", "float64", (None, 1)),), SCORE)
    manifest = Manifest("m", "1", spec, (step,), "score")
    fit.check(manifest, [exported], tmp_path)
    found = list(fit.notes(manifest, [exported], tmp_path))
    assert [note[:11] for note in found] == ([] if dtype == "float64" else ["['prices'] "])


@pytest.mark.parametrize(
    ("body", "noted"),
    [
        ("c = Gather <axis=1> (x, i) d = Cast <to=1> (c) e = Cast <to=11> (d)", False),
        ("c = Identity (x) d = Cast <to=1> (c) e = Cast <to=11> (d)", False),
        ("c = Cast <to=1> (x) d = Gather <axis=1> (x, i) e = Add (d, d)", True),
        ("c = Gather <axis=1> (x, i) d = Cast <to=7> (c) e = Cast <to=11> (d)", True),
        ("e = Identity (x)", True),
    ],
)
def test_a_graph_that_rounds_its_doubles_itself_loses_nothing(tmp_path: Path, body: str, noted: bool) -> None:
    text = f"""<ir_version: 10, opset_import: ["" : 21]> m (double[n, 2] x) => (double[n, k] score)
        <int64[1] i = {{0}}> {{ {body} score = Neg (e) }}"""
    if body == "e = Identity (x)":
        text = text.replace("score = Neg (e)", "").replace("e = Identity", "score = Identity")
    content = onnx.parser.parse_model(text).SerializeToString()
    spec = FeatureSpec({"price": Input(side="item")}, {"prices": Feature("dense", ("price",), {"dtype": "float32"})})
    step = Step("onnx", "item", {"x": "prices"}, {"score": "score"}, "model.onnx")
    exported = Exported("onnx", (TensorSpec("x", "float64", (None, 1)),), SCORE, "model.onnx", content)
    assert len(list(fit.notes(Manifest("m", "1", spec, (step,), "score"), [exported], tmp_path))) == noted
