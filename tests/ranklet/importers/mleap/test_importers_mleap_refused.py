"""Bundles that are not served, damaged or hostile: each is refused in words, and nothing is read outside of it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mleap_kit as kit
import mleap_writing as w
import numpy as np
import pytest
from mleap_writing import Stage

from ranklet.errors import ImportRefused
from ranklet.importers import mleap
from ranklet.importers.mleap import trees
from ranklet.importers.proposal import Wishes

LEAF = '{"type": "leaf", "values": [1.0]}\n'


def linear(**attributes: Any) -> Stage:
    given = {"coefficients": w.vector([1.0, 2.0]), "intercept": w.double(0.0), **attributes}
    return Stage("linear_regression", "sum", given, {"features": "v"}, {"prediction": "p"})


def tree(lines: str, **attributes: Any) -> Stage:
    given = {"num_features": w.long(2), **attributes}
    return Stage(
        "decision_tree_regression", "tree", given, {"features": "v"}, {"prediction": "p"}, {"tree.json": lines}
    )


def split(feature: Any = 0, threshold: Any = 0.5, **more: Any) -> str:
    given = {"type": "continuous", "featureIndex": feature, "threshold": threshold, **more}
    return json.dumps({"type": "internal", "split": given}) + "\n"


def stage(op: str, attributes: dict[str, Any], **inputs: str) -> Stage:
    return Stage(op, "it", attributes, inputs or {"input": "a"}, {"output": "o"})


BAD: dict[str, tuple[Stage, str]] = {
    "unknown op": (stage("word2vec", {}), r"node 'it' \(word2vec\) is not served"),
    "python's pca": (
        Stage("pca", "pca_00000000-0000-0000-0000-000000000000", {}, {"input": "a"}, {"output": "o"}),
        "without the means",
    ),
    "probit": (
        stage("generalized_linear_regression", {"family": w.text("binomial"), "link": w.text("probit")}),
        "link = 'probit'",
    ),
    "tweedie": (
        stage("generalized_linear_regression", {"family": w.text("tweedie"), "link": w.text("log")}),
        "family = 'tweedie'",
    ),
    "gaussian bayes": (stage("naive_bayes", {"model_type": w.text("gaussian")}), "model_type = 'gaussian'"),
    "spark 2's hash": (stage("hashing_term_frequency", {"num_features": w.long(8)}), "version 1, as Spark 2"),
    "binary terms": (
        stage(
            "hashing_term_frequency",
            {"num_features": w.long(8), "hashUnsafeBytesVersion": {"int": 2}, "binary": w.flag(True)},
        ),
        "is binary",
    ),
    "policy": (stage("string_indexer", {"labels": w.texts(["a"]), "handle_invalid": w.text("x")}), "handle_invalid"),
    "labels twice": (stage("string_indexer", {"labels": w.texts(["a", "a"])}), "twice"),
    "nan weight": (linear(coefficients=w.vector([float("nan"), 1.0])), "not finite"),
    "no weight": (linear(coefficients=w.vector([])), "no coefficients"),
    "text as weight": (linear(intercept=w.text("1")), "where a number stands"),
    "no attribute": (linear(coefficients=3), "which is no attribute"),
    "sparse": (linear(coefficients=w.vector([1.0]) | {"indices": [1]}), "sparse"),
    "no number": (linear(coefficients={"type": "list", "double": [{}]}), "no list of numbers"),
    "huge number": (linear(coefficients={"type": "list", "long": [10**400]}), "no list of numbers"),
    "bad bytes": (linear(coefficients={"type": "tensor", "base": "double", "value": "?"}), "damaged"),
    "no input": (Stage("linear_regression", "sum", {"coefficients": w.vector([1.0])}, {}, {}), "no input 'features'"),
    "splits": (stage("bucketizer", {"splits": w.doubles([0.0, 0.0, 1.0])}), "splits"),
    "nan split": (stage("bucketizer", {"splits": w.doubles([0.0, None, 1.0])}), "splits"),
    "degree": (stage("polynomial_expansion", {"degree": w.long(17)}), "degree 17"),
    "norm": (stage("normalizer", {"p_norm": w.double(0.0)}), "p_norm"),
    "category size": (stage("one_hot_encoder", {"category_sizes": w.ints([0])}), "size of 0"),
    "shape": (
        stage("k_means", {"cluster_centers": {"type": "list", "tensor": [{"double": [1.0]}, {"double": [1.0, 2.0]}]}}),
        "vectors of one size",
    ),
    "matrix": (
        stage("logistic_regression", {"num_classes": w.long(3), "coefficient_matrix": w.tensor([1.0], [2, 2])}),
        "no matrix",
    ),
    "negative shape": (
        stage("logistic_regression", {"num_classes": w.long(3), "coefficient_matrix": w.tensor([1.0], [-1, -1])}),
        "no matrix",
    ),
    "layers": (
        stage("multi_layer_perceptron_classifier", {"layers": w.longs([2, 2]), "weights": w.vector([1.0])}),
        "do not go together",
    ),
    "old threshold": (stage("gbt_classifier", {"num_classes": w.long(2), "threshold": w.double(0.2)}), "of its sum"),
    "tree without leaves": (tree(split() + LEAF), "ends before its tree does"),
    "tree that goes on": (tree(LEAF + LEAF), "behind the end"),
    "tree's feature": (tree(split(feature=2) + 2 * LEAF), "feature 2"),
    "tree's negative feature": (tree(split(feature=-1) + 2 * LEAF), "feature -1"),
    "tree's huge feature": (tree(split(feature=10**30) + 2 * LEAF), "feature"),
    "tree's nan": (tree(split(threshold=float("nan")) + 2 * LEAF), "threshold nan"),
    "tree's text": (tree(split(threshold="x") + 2 * LEAF), "no node of a tree"),
    "tree's category": (
        tree(split(type="categorical", categories=[0.5], isLeft=True) + 2 * LEAF), "no whole numbers"
    ),
    "tree's nan leaf": (tree('{"type": "leaf", "values": [NaN]}'), "leaf value nan"),
    "tree's leaf of two": (tree('{"type": "leaf", "values": [1, 2]}'), "not one number"),
    "tree's json": (tree("["), "no node of a tree"),
    "tree's depth": (tree(split() * 600 + LEAF * 601), "deep"),
    "nested json": (tree("[" * 100_000), "no node of a tree"),
    "features": (tree(LEAF, num_features=w.long(1 << 30)), "served are 1 to"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_served_is_refused_by_name(name: str) -> None:
    one, words = BAD[name]
    with pytest.raises(ImportRefused, match=words) as refused:
        kit.proposed(w.bundle([one]))
    assert str(refused.value).startswith("model.zip: ")
    assert "/tmp" not in str(refused.value)


def refused(files: dict[str, str], words: str) -> None:
    with pytest.raises(ImportRefused, match=words):
        kit.proposed(w.zipped(files))


def test_a_format_that_is_not_known_is_refused() -> None:
    refused(w.files([linear()], format="xml"), "'xml'")


def test_pipelines_within_each_other_end_somewhere() -> None:
    files, folder = w.files([linear()]), "root/"
    for _ in range(40):
        files[f"{folder}model.json"] = json.dumps({"op": "pipeline", "attributes": {"nodes": w.texts(["p"])}})
        files[f"{folder}node.json"] = json.dumps({"name": "p", "shape": {}})
        folder += "p.node/"
    refused(files, "nested deeper")


def test_names_that_lead_outside_are_refused(tmp_path: Path) -> None:
    for name in ("../../secret", "a/b", "..\\x"):
        root = {"op": "pipeline", "attributes": {"nodes": w.texts([name])}}
        refused(w.files([]) | {"root/model.json": json.dumps(root)}, "leads outside")
    refused(w.files([linear()]) | {"../x": "1"}, "leads outside")
    forest = {"trees": w.texts(["../tree"]), "tree_weights": w.doubles([1.0]), "num_features": w.long(1)}
    refused(w.files([Stage("gbt_regression", "g", forest, {"features": "v"}, {"prediction": "p"})]), "leads outside")


def test_links_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"op": "pipeline"}')
    folder = tmp_path / "model"
    (folder / "root").mkdir(parents=True)
    (folder / "bundle.json").write_text("{}")
    (folder / "root" / "model.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(ImportRefused, match="leads outside"):
        mleap.propose(folder, Wishes())


def test_a_stage_that_is_named_twice_is_refused() -> None:
    files = w.files([linear()])
    files["root/model.json"] = json.dumps({"op": "pipeline", "attributes": {"nodes": w.texts(["sum", "sum"])}})
    refused(files, "twice")
    again = Stage("linear_regression", "two", linear().attributes, {"features": "v"}, {"prediction": "p"})
    refused(w.files([linear(), again]), "there already")


def test_bombs_are_not_unpacked() -> None:
    files = w.files([linear()])
    refused(files | {"root/x": "\0" * (64 << 20)}, "unpacks")


def test_a_field_is_text_or_number_and_not_both() -> None:
    words = {"labels": w.texts(["x"])}
    both = [stage("string_indexer", words), Stage("binarizer", "b", {}, {"input": "a"}, {"output": "c"})]
    refused(w.files(both), "as numbers, and it is text")


def test_an_output_that_is_not_there_is_refused() -> None:
    with pytest.raises(ImportRefused, match="no output of numbers is called 'x'"):
        kit.proposed(w.bundle([linear()]), output="x")


def test_damaged_bundles_are_refused_and_nothing_else() -> None:
    random = np.random.default_rng(5)
    bundles = [kit.stored(name)[0] for name in kit.names() if name != "films"]
    served = 0
    for at in range(300):
        served += _survives(_damaged(bundles[at % len(bundles)], random))
    assert served < 300


def _survives(bundle: bytes) -> bool:
    try:
        kit.proposed(bundle)
    except ImportRefused as error:
        assert "/tmp" not in str(error)
        return False
    return True


def _damaged(bundle: bytes, random: np.random.Generator) -> bytes:
    if random.random() < 0.3:
        raw = bytearray(bundle[: int(random.integers(1, len(bundle) + 1))])
        raw[int(random.integers(len(raw)))] = int(random.integers(256))
        return bytes(raw)
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    name = sorted(files)[int(random.integers(len(files)))]
    files[name] = CHANGES[int(random.integers(len(CHANGES)))](files[name], random)
    return w.zipped(files)


def _word(text: str, random: np.random.Generator) -> str:
    """One piece of JSON as another one."""
    pieces = ("1e999", "-1", "null", '"x"', "[]", "{}", "NaN", "99999999999", "0.5", "true", "[[1]]")
    words = text.split(" ")
    words[int(random.integers(len(words)))] = pieces[int(random.integers(len(pieces)))]
    return " ".join(words)


CHANGES: list[Callable[[str, np.random.Generator], str]] = [
    lambda text, random: text[: int(random.integers(len(text)))],
    lambda text, random: text.replace("double", "string", 1),
    lambda text, random: text.replace('"size": 3', '"size": 4'),
    lambda text, random: text.replace("output", "input"),
    lambda text, random: text.replace("0.", "1e308", 1),
    lambda text, random: text + text,
    _word, _word, _word, _word,
]  # fmt: skip


def test_trees_do_not_read_hundreds_of_thousands_of_hashed_columns() -> None:
    given = {
        "num_features": w.long(1 << 18),
        "input_names": w.texts(["a"]),
        "basic_types": {"type": "list", "basic_type": ["string"]},
    }
    hashed = Stage("feature_hasher", "h", given, {"input0": "a"}, {"output": "v"})
    refused(w.files([hashed, tree(LEAF, num_features=w.long(1 << 18))]), "262144 hashed columns")


def test_a_forest_of_other_weights_is_refused() -> None:
    files = w.forest([(trees.REGRESSION, LEAF)], 2)
    given = {"trees": w.texts(["tree0"]), "tree_weights": w.doubles([2.0]), "num_features": w.long(2)}
    one = Stage("random_forest_regression", "f", given, {"features": "v"}, {"prediction": "p"}, files)
    refused(w.files([one]), "other weights")
