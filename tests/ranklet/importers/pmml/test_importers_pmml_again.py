"""A model trained anew with other settings reads its fields in the same order, so that it takes the old one's place."""

from __future__ import annotations

from pathlib import Path

import onnx
import orjson
import pytest
from pmml_trees import node
from pmml_writing import file, inside, tag
from pmml_writing import test as simple

from ranklet import draft, model, pipeline
from ranklet.importers import pmml
from ranklet.importers.proposal import Wishes


def words(*listed: str) -> dict[str, str]:
    """The field `c` with all its values."""
    values = "".join(tag("Value", value=one) for one in listed)
    return {"c": tag("DataField", values, name="c", optype="categorical", dataType="string")}


OWN = words("red", "green", "blue")


def derived(name: str, field: str, kind: str, factor: float) -> str:
    inner = tag("FieldRef", field=field) + tag("Constant", str(factor), dataType="double")
    return tag("DerivedField", tag("Apply", inner, function="*"), name=name, optype="continuous", dataType=kind)


DERIVED = derived("half", "w", "double", 0.5) + derived("third", "w", "double", 0.25) + derived("zs", "z", "double", 3)


def trees(*roots: str, derived: str = DERIVED) -> str:
    """A sum of trees over the same fields."""
    segments = "".join(
        tag("Segment", "<True/>" + tag("TreeModel", SCHEMA + one, functionName="regression"), id=at)
        for at, one in enumerate(roots, start=1)
    )
    body = tag("Segmentation", segments, multipleModelMethod="sum")
    return file("MiningModel", "regression", body, fields="x z w c d", derived=derived, own=OWN)


NAMES = ("x", "z", "w", "c", "d", "half", "third", "zs")
SCHEMA = tag("MiningSchema", "".join(tag("MiningField", name=name) for name in NAMES))


def either(*predicates: str) -> str:
    """A root whose children are asked one after the other."""
    parts = [node(str(at), one, score=at) for at, one in enumerate(predicates, start=1)]
    return node("0", "<True/>", *parts, node("9", "<True/>", score=0.5), score=0)


X, Z, HALF, THIRD, ZS = (simple(name, "lessThan", 1) for name in ("x", "z", "half", "third", "zs"))
RED, BLUE = inside("c", "red"), simple("c", "equal", "blue")
B, A = simple("d", "equal", "b"), simple("d", "equal", "a")
SHALLOW = trees(either(X, HALF, RED), either(Z, A, THIRD), either(B, ZS, X))
DEEP = trees(either(ZS, BLUE, B), either(THIRD, X, Z), either(A, HALF, RED), either(HALF, BLUE, Z))


def written(text: str, folder: Path, name: str) -> Path:
    path = folder / name / "ranker.pmml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_other_trees_draft_the_same_model_toml(tmp_path: Path) -> None:
    found = []
    for name, text in {"shallow": SHALLOW, "deep": DEEP}.items():
        folder = tmp_path / name / "functions" / "ranker"
        draft.draft(written(text, tmp_path, name), folder, wishes=Wishes())
        found.append((folder / "model.toml").read_text().partition("[golden]")[0])
    assert found[0] == found[1]
    features = model.load(tmp_path / "deep" / "functions" / "ranker").features
    assert features["numbers"].of == ("x", "z")
    assert features["c_2"].options["vocabulary"] == ["red", "green", "blue"]
    assert features["d_2"].options["vocabulary"] == ["a", "b"]
    assert list(features) == ["numbers", "z_2", "w_2", "w_3", "c_2", "d_2"]


def test_the_new_model_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "functions" / "ranker"
    draft.draft(written(SHALLOW, tmp_path, "first"), folder, wishes=Wishes())
    before = (folder / "model.toml").read_bytes()
    draft.renew(written(DEEP, tmp_path, "second"), folder)
    assert (folder / "model.toml").read_bytes() == before
    assert pipeline.build(folder, out=tmp_path / "build", progress=lambda said: None).certificate.rows == 6


def test_long_vocabularies_keep_the_order_of_the_file(tmp_path: Path) -> None:
    listed = [f"w{at}" for at in range(40, 0, -1)]
    tree = either(simple("c", "equal", "w3"), simple("c", "equal", "w7"))
    text = file("TreeModel", "regression", tree, fields="c", own=words(*listed))
    proposal = pmml.propose(written(text, tmp_path, "words"), Wishes())
    assert orjson.loads(proposal.files["vocabularies/c_2.json"]) == listed


@pytest.mark.parametrize(
    ("other", "read"),
    [
        (either(Z), {"z"}),
        (either(HALF), {"w"}),
        (either(BLUE), {"c"}),
        (node("0", "<True/>", score=7), {"x"}),
    ],
)
def test_a_tree_of_one_leaf_asks_for_no_input_of_its_own(other: str, read: set[str], tmp_path: Path) -> None:
    """The leaf is alone in its model; the first field is read where nothing else is."""
    leaf = tag("TreeModel", SCHEMA + node("0", "<True/>", score=2), functionName="regression")
    second = tag("TreeModel", SCHEMA + other, functionName="regression")
    segments = "".join(tag("Segment", "<True/>" + one, id=at) for at, one in enumerate((leaf, second), start=1))
    body = tag("Segmentation", segments, multipleModelMethod="median")
    text = file("MiningModel", "regression", body, fields="x z w c d", derived=DERIVED, own=OWN)
    proposal = pmml.propose(written(text, tmp_path, "leaf"), Wishes())
    assert set(proposal.inputs) == read
    graph = onnx.load_from_string(proposal.files["export/model.onnx"]).graph
    assert len(graph.input) == 1


def test_a_table_of_hundreds_of_rows_stands_in_a_file_and_builds(tmp_path: Path) -> None:
    rows = "".join(f"<row><k>w{at}</k><v>{at / 8}</v></row>" for at in range(400))
    table = tag("MapValues", tag("FieldColumnPair", field="c", column="k") + tag("InlineTable", rows), outputColumn="v",
                dataType="double", defaultValue="-1")  # fmt: skip
    worth = tag("DerivedField", table, name="worth", optype="continuous", dataType="double")
    line = tag("RegressionTable", tag("NumericPredictor", name="worth", coefficient=2), intercept=1)
    text = file("RegressionModel", "regression", line, fields="c", derived=worth)
    folder = tmp_path / "functions" / "ranker"
    draft.draft(written(text, tmp_path, "table"), folder, wishes=Wishes())
    assert len((folder / "model.toml").read_text()) < 2000
    assert (folder / "expressions" / "c_2.json").read_text().count("\n") > 400
    draft.renew(tmp_path / "table" / "ranker.pmml", folder)
    request = {"user": {}, "context": {}, "items": {"c": ["w8", "w399", "none"]}}
    (folder / "golden.jsonl").write_bytes(orjson.dumps({"request": request, "scores": [3.0, 100.75, -1.0]}))
    assert pipeline.build(folder, out=tmp_path / "build", progress=lambda said: None).certificate.rows == 1
