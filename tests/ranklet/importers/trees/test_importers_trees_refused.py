"""What is not served, or no model: refused with the place, whatever the file says of itself, and never a hang."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trees_kit import HERE, Case, read

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers.base import Exported
from ranklet.importers.trees.checks import MAX_DEPTH
from ranklet.importers.trees.records import LEAF, Ensemble, Tree
from ranklet.importers.trees.walking import predict
from ranklet.importers.xgboost import ubj
from ranklet.model import StepSource
from ranklet_runtime.engines.ort import open_session

XGBOOST = {case.name: case for case in read(HERE / "xgboost.zip")}
LIGHTGBM = {case.name: case for case in read(HERE / "lightgbm.zip")}

Document = dict[str, Any]


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Exported]:
    """load(library, content, **options)."""

    def loaded(library: str, content: bytes | Document, **source: Any) -> Exported:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (tmp_path / "model").write_bytes(data)
        return importers.load(StepSource(format=library, source="model", **source), tmp_path)

    return loaded


def document(name: str = "reg:squarederror") -> Document:
    found: Document = json.loads(XGBOOST[name].files["json"])
    return found


def put(path: str, value: Any) -> Document:
    """A model of XGBoost with another value at a path; DELETE takes the field away."""
    whole = document("categories")
    at: Any = whole["learner"]
    *parts, last = path.split(".")
    for part in parts:
        at = at[int(part) if part.isdigit() else part]
    if value is DELETE:
        del at[last]
    else:
        at[int(last) if last.isdigit() else last] = value
    return whole


DELETE = object()
MODEL = "gradient_booster.model"
TREE = f"{MODEL}.trees.0"
CASES: list[tuple[str, Any, str]] = [
    ("objective.name", "reg:new", r"learner.objective.name is 'reg:new'; served are \['binary:hinge'"),
    ("objective.name", 3, "learner.objective.name is 3, not text"),
    ("objective", DELETE, "learner.objective is missing"),
    ("gradient_booster.name", "gbnew", "gradient_booster.name is 'gbnew'; served are gbtree, dart and gblinear"),
    ("gradient_booster.name", "gblinear", "model.cats is not known"),
    ("gradient_booster.extra", 1, "gradient_booster.extra is not known"),
    (f"{MODEL}.vector_leaf", 1, "model.vector_leaf is not known"),
    (f"{MODEL}.trees", {}, "model.trees is {}, not a list"),
    (f"{MODEL}.tree_info", [0], "tree_info has 1 entries, not 4"),
    (f"{MODEL}.tree_info.0", 7, "tree 0: adds to output 7; there are 1"),
    (f"{MODEL}.iteration_indptr", [0, 9], "iteration_indptr is .*, not a rising list from 0 to 4"),
    (f"{TREE}.tree_param.size_leaf_vector", "3", "size_leaf_vector is 3; the model has 1 outputs"),
    (f"{TREE}.left_children", DELETE, r"trees\[0\].left_children is missing"),
    (f"{TREE}.left_children.0", 0, "tree 0: node 0 is reached twice"),
    (f"{TREE}.left_children.0", 10**6, "tree 0: node 0 has child 1000000"),
    (f"{TREE}.left_children.0", -2, "tree 0: node 0 has child -2"),
    (f"{TREE}.left_children.0", 10**30, "not a list of whole numbers"),
    (f"{TREE}.right_children.0", -1, "tree 0: node 0 has child 1"),
    (f"{TREE}.left_children.0", "1", "not a list of whole numbers"),
    (f"{TREE}.left_children.0", [1], "not a list of numbers"),
    (f"{TREE}.split_conditions", [1.0], r"split_conditions has 1 entries"),
    (f"{TREE}.split_type.0", 2, r"split_type\[0\] is 2"),
    (f"{TREE}.split_type.0", 0, r"split_type\[0\] is 0, which its categories contradict"),
    (f"{TREE}.categories_sizes.0", 10**9, "categories_nodes does not fit its categories"),
    (f"{TREE}.categories_segments.0", -1, "categories_nodes does not fit its categories"),
    (f"{TREE}.categories_nodes.0", 10**9, "categories_nodes does not fit its categories"),
    (f"{TREE}.categories.0", 1 << 24, "a category outside 0"),
    ("learner_model_param.num_feature", "2", "tree 0: node . has feature"),
    ("learner_model_param.num_feature", "0", "it has 0 features"),
    ("learner_model_param.num_feature", "99999999999", "it has 99999999999 features; served are 1 to"),
    ("learner_model_param.num_feature", "x", "num_feature is 'x', not a whole number"),
    ("learner_model_param.num_class", "9999999999", "base_score is .* not one number, or one for each of 9999999999"),
    ("learner_model_param.base_score", "[1E0,2E0]", "base_score is .* not one number, or one for each of 1 outputs"),
    ("learner_model_param.base_score", "x", "base_score is 'x', not a number"),
    ("learner_model_param.base_score", "nan", "its base score is .*which is not finite"),
    ("feature_names", ["a"], "feature_names is .* not 6 names"),
    ("attributes.best_iteration", "77", "options.iterations|rounds"),
]


@pytest.mark.parametrize(("path", "value", "what"), CASES)
def test_an_xgboost_model_with_one_field_wrong(load: Any, path: str, value: Any, what: str) -> None:
    given = put(path, value)
    options = {"iterations": "best"} if path.startswith("attributes") else {}
    with pytest.raises(ImportRefused, match=f"(?s)model: .*{what}"):
        load("xgboost", given, options=options)


def test_numbers_that_are_not_finite(load: Any) -> None:
    given = document()
    conditions = given["learner"]["gradient_booster"]["model"]["trees"][1]["split_conditions"]
    conditions[-1] = float("inf")
    with pytest.raises(ImportRefused, match=r"tree 1: node \d+ has leaf value inf"):
        load("xgboost", given)
    conditions[-1], conditions[0] = 0.0, float("nan")
    with pytest.raises(ImportRefused, match="tree 1: node 0 has threshold nan"):
        load("xgboost", given)


def test_options_that_do_not_fit(load: Any) -> None:
    for options, what in (
        ({"iterations": 0}, 'give 1 to 4, "all" or "best"'),
        ({"iterations": True}, 'give 1 to 4, "all" or "best"'),
        ({"iterations": "best"}, "the file has no best_iteration"),
        ({"column": 1}, "options.column is 1; its outputs are 0 to 0"),
        ({"rounds": 1}, r"unknown options \['rounds'\]; allowed: \['categories', 'column', 'iterations'\]"),
    ):
        with pytest.raises(ImportRefused, match=what):
            load("xgboost", document(), options=options)
    with pytest.raises(ImportRefused, match=r"options.iterations is 9; give 1 to 4"):
        load("lightgbm", LIGHTGBM["binary"].files["txt"], options={"iterations": 9})
    with pytest.raises(ImportRefused, match=r"no output \['y'\]; its output is 'score'"):
        load("xgboost", document(), outputs={"y": "y"})


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "does not begin with {"),
        (b"[1]", "does not begin with {"),
        (b'{"learner":', "no JSON"),
        (b'{"learner":' + b"[" * 200_000, "no JSON"),
        (b'{"learner":[]}', "learner is \\[\\], not a map"),
        (b'{"a":1}', "learner is missing"),
        (b"{U\x05he", "5 bytes are declared, 2 are left"),
        (b"{L" + struct.pack(">q", 1 << 62), "bytes are declared"),
        (b"{L" + struct.pack(">q", -5), "bytes are declared"),
        (b"{U\x01a[$d#L" + struct.pack(">q", 1 << 60), "values are declared"),
        (b"{U\x01a[$Z#L" + struct.pack(">q", 1 << 40), "values without bytes"),
        (b"{U\x01a[#L" + struct.pack(">q", 1 << 40), "values are declared"),
        (b"{U\x01a[$dU\x01", "a type without a number"),
        (b"{U\x01a" + b"[" * 100_000, "nested more than"),
        (b"{U\x01aq", "marker b'q' is unknown"),
        (b"{U\x01\xffi\x01}", "not UTF-8"),
        (b"{U\x01ai\x01U\x01ai\x01}", "key 'a' comes twice"),
        (b"{U\x01ai\x01}}", "1 bytes too many"),
        (b"{}", "learner is missing"),
    ],
    ids=lambda value: value[:24].hex() if isinstance(value, bytes) else "",
)
def test_files_that_are_no_xgboost_model(load: Any, content: bytes, what: str) -> None:
    with pytest.raises(ImportRefused, match=what):
        load("xgboost", content)


def test_ubj_of_every_kind() -> None:
    content = (
        b"{i\x01aZU\x01bTI\x00\x01cFl\x00\x00\x00\x01dSU\x02\xc3\xa9L" + struct.pack(">q", 1) + b"eCx"
        b"U\x01fi\xffU\x01gU\xffU\x01hI\xff\xffU\x01il\xff\xff\xff\xffU\x01jL" + struct.pack(">q", -7) + b"U\x01kd"
        b"\x3f\x00\x00\x00U\x01lD" + struct.pack(">d", 0.1) + b"U\x01m[i\x01TSU\x01z]U\x01n[$I#U\x02\x00\x01\xff\xff"
        b"U\x01o{#U\x01U\x01pi\x05U\x01q{$i#U\x01U\x01r\x07}"
    )
    found = ubj.decode(content)
    assert found.pop("n").tolist() == [1, -1]
    expected = {"a": None, "b": True, "c": False, "d": "é", "e": "x", "f": -1, "g": 255, "h": -1, "i": -1, "j": -7}
    expected |= {"k": 0.5, "l": 0.1, "m": [1, True, "z"], "o": {"p": 5}, "q": {"r": 7}}
    assert found == expected


def line(name: str, value: str, tree: int = 0) -> bytes:
    """A model of LightGBM with another value of a field, of one tree or (-1) of the head; "" takes the line away."""
    lines = LIGHTGBM["missing, categories"].files["txt"].decode().split("\n")
    start = 0 if tree < 0 else lines.index(f"Tree={tree}")
    at = next(i for i in range(start, len(lines)) if lines[i].split("=")[0] == name)
    lines[at] = f"{name}={value}" if value else ""
    return "\n".join(lines).encode()


LINES = [
    ("objective", "new", -1, "its objective is 'new'; served are"),
    ("objective", "poisson sqrt", -1, "'sqrt' is not known here"),
    ("objective", "binary sigmoid:x", -1, "not one with sigmoid:number"),
    ("version", "v9", -1, r"its version is 'v9'; read are \['v3', 'v4'\]"),
    ("max_feature_idx", "x", -1, "the head: max_feature_idx is 'x', not a whole number"),
    ("max_feature_idx", "2", -1, "feature_names has 6 names for 3 features"),
    ("num_tree_per_iteration", "0", -1, "no rounds of 0"),
    ("num_tree_per_iteration", "3", -1, "4 trees, which are no rounds of 3"),
    ("feature_names", "", -1, "the head has no feature_names"),
    ("is_linear", "1", 2, "tree 2 has no num_features"),
    ("is_linear", "2", 2, "tree 2: is_linear is '2', not 0 or 1"),
    ("num_leaves", "999999999999", 0, "tree 0: leaf_value has 7 entries, not 999999999999"),
    ("num_leaves", "0", 0, "num_leaves is '0'"),
    ("num_leaves", "-3", 0, "num_leaves is '-3'"),
    ("leaf_value", "1 2", 0, "tree 0: leaf_value has 2 entries"),
    ("leaf_value", "1 2 3 4 5 6 nan", 0, "tree 0: node 12 has leaf value nan"),
    ("left_child", "0 0 0 0 0 0", 0, "is reached twice"),
    ("left_child", "1 2 3 4 5 6", 0, "left_child of split 5 is 6"),
    ("left_child", "1 2 3 4 5 -8", 0, "left_child of split 5 is -8"),
    ("left_child", "1 2 3 4 5 -99999999999999999999999", 0, "left_child is '1 2 .*whole numbers"),
    ("split_feature", "0 0 0 0 0 99", 1, "tree 1: node 5 has feature 99"),
    ("decision_type", "64 0 0 0 0 0", 0, "decision_type of split 0 is 64"),
    ("decision_type", "1 1 1 1 1 1", 0, "threshold of split . is|cat_boundaries"),
    ("threshold", "x", 0, "threshold is 'x', not numbers"),
    ("cat_threshold", "-1", 0, "cat_boundaries|cat_threshold"),
    ("cat_boundaries", "0 99999999", 0, "cat_boundaries is '0 99999999', not a rising list"),
    ("cat_boundaries", "", 0, "has no cat_boundaries"),
    ("shrinkage", "1\nleaf_vector=3", 0, "tree 0 has 'leaf_vector', which is not known here"),
    ("shrinkage", "1\nshrinkage=1", 0, "tree 0 has 'shrinkage' twice"),
    ("Tree", "5", 0, "tree 0 is called '5'"),
]


@pytest.mark.parametrize(("name", "value", "tree", "what"), LINES)
def test_a_lightgbm_model_with_one_line_wrong(load: Any, name: str, value: str, tree: int, what: str) -> None:
    with pytest.raises(ImportRefused, match=f"(?s)model: .*({what})"):
        load("lightgbm", line(name, value, tree))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "first line is not 'tree'"),
        (b"{}", "first line is not 'tree'"),
        (b"tree\n", "cut off"),
        (b"tree\n\xff", "offset 5: not UTF-8"),
        (LIGHTGBM["binary"].files["txt"].partition(b"Tree=3")[0], "cut off"),
    ],
    ids=range(5),
)
def test_files_that_are_no_lightgbm_model(load: Any, content: bytes, what: str) -> None:
    with pytest.raises(ImportRefused, match=what):
        load("lightgbm", content)


def test_a_tree_too_deep_is_refused_and_the_deepest_is_not(load: Any) -> None:
    for depth, refused in ((MAX_DEPTH - 1, False), (MAX_DEPTH, True), (100_000, True)):
        given = document()
        tree = given["learner"]["gradient_booster"]["model"]["trees"][0]
        nodes = 2 * depth + 1
        tree["left_children"] = [node + 1 if node % 2 == 0 and node < nodes - 1 else -1 for node in range(nodes)]
        tree["right_children"] = [node + 2 if node % 2 == 0 and node < nodes - 1 else -1 for node in range(nodes)]
        for field in ("split_conditions", "default_left", "split_indices", "split_type"):
            tree[field] = [0] * nodes
        if refused:
            with pytest.raises(ImportRefused, match=f"tree 0: is more than {MAX_DEPTH} deep"):
                load("xgboost", given)
        else:
            load("xgboost", given)


@pytest.mark.parametrize(("library", "case"), [("xgboost", XGBOOST["categories"]), ("lightgbm", LIGHTGBM["missing"])])
def test_damaged_files_are_refused_or_read_and_nothing_else(load: Any, library: str, case: Case) -> None:
    """Cut off anywhere, and bytes changed anywhere: another number is another model, but no other error."""
    random_ = random.Random(1)
    for content in case.files.values():
        for cut in range(0, len(content) - 60, max(1, len(content) // 40)):
            with pytest.raises(ImportRefused):
                load(library, content[:cut]) if library == "xgboost" else load(library, content[: cut // 3])
        for _ in range(60):
            changed = bytearray(content)
            for _ in range(random_.choice((1, 8))):
                changed[random_.randrange(len(changed))] = random_.randrange(256)
            try:
                load(library, bytes(changed))
            except ImportRefused as error:
                assert str(error).startswith("model: ")


def test_a_set_without_categories_lets_none_pass(load: Any) -> None:
    given = put(f"{TREE}.categories_sizes.0", 0)
    load("xgboost", given)  # held to the records, in which it does


def test_a_file_without_trees_has_none(load: Any) -> None:
    head = LIGHTGBM["regression"].files["txt"].partition(b"Tree=0")[0]
    content = load("lightgbm", head + b"end of trees\n").content
    (scores,) = open_session(content, threads=1).run(None, {"features": np.ones((3, 6))})
    assert scores.tolist() == [0, 0, 0]


def test_records_mean_what_they_say() -> None:
    """A tree by hand: x0 in {1, 3} → 10, else x1 ≤ 0.5 → 20, else 30; missing x0 goes right, missing x1 left."""
    left, right = np.array([1, LEAF, 3, LEAF, LEAF]), np.array([2, LEAF, 4, LEAF, LEAF])
    value, threshold = np.array([0.0, 10, 0, 20, 30]), np.array([0, 0, 0.5, 0, 0])
    missing = np.array([False, False, True, False, False])
    tree = Tree(left, right, np.array([0, 0, 1, 0, 0]), threshold, value, missing, {0: np.array([1, 3])}, {0: "trunc"})
    rows = np.array([[1, 9], [3.7, 9], [2, 0.5], [2, 0.6], [np.nan, np.nan]], np.float32)
    for strict, third in ((False, 20), (True, 30)):
        ensemble = Ensemble((tree,), "float64", strict, 2, (1.0,), "identity", 2.0)
        assert predict(ensemble, rows).ravel().tolist() == [22, 22, 2 * third + 2, 62, 42]
