"""Of two classes the positive one ranks, whatever the order of the tables; its note says so, and how to choose."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest
from pmml_writing import file, tag

from ranklet.importers import pmml
from ranklet.importers.pmml.ranking import positive
from ranklet.importers.proposal import Proposal, Wishes
from ranklet.importers.proving import plan_of


@pytest.mark.parametrize(
    ("classes", "order", "best", "why"),
    [
        (("1", "0"), ("1", "0"), "1", "the larger one"),
        (("0", "1"), (), "1", "the larger one"),
        (("1", "-1"), (), "1", "the larger one"),
        (("2.0", "1.0"), (), "2.0", "the larger one"),
        (("true", "false"), (), "true", "the positive one"),
        (("YES", "NO"), (), "YES", "the positive one"),
        (("No", "yes "), (), "yes ", "the positive one"),
        (("good", "bad"), ("good", "bad"), "good", "the positive one"),
        (("watched", "left"), ("left", "watched"), "watched", "the last class of the data dictionary"),
        (("left", "watched"), ("watched", "left"), "left", "the last class of the data dictionary"),
        (("left", "watched"), ("left",), "watched", "the second class"),
        (("yes", "perhaps"), (), "perhaps", "the second class"),
        (("nan", "1"), (), "1", "the second class"),
    ],
)
def test_the_positive_class(classes: tuple[str, str], order: tuple[str, ...], best: str, why: str) -> None:
    found, said = positive(classes, order)
    assert found == best
    assert said.startswith(why)


def proposed(folder: Path, classes: tuple[str, str], **options: str) -> Proposal:
    """A logistic regression whose first table, of the first class, decides."""
    slope = tag("NumericPredictor", name="x", coefficient=1)
    tables = tag("RegressionTable", slope, targetCategory=classes[0], intercept=0)
    tables += tag("RegressionTable", targetCategory=classes[1], intercept=0)
    link = 'normalizationMethod="logit"'
    text = file("RegressionModel", "classification", tables, fields="x", target="k2", more=link)
    path = folder / "ranker.pmml"
    path.write_text(text)
    return pmml.propose(path, Wishes(options=options))


def score(proposal: Proposal, x: float, folder: Path) -> float:
    session = onnxruntime.InferenceSession(proposal.files["export/model.onnx"])
    tensors = plan_of(proposal, folder).assemble_columns({"x": [x]}).tensors
    given = {one.name: tensors[one.name] for one in session.get_inputs()}
    return float(session.run(["score"], given)[0][0])


@pytest.mark.parametrize("classes", [("1", "0"), ("0", "1"), ("yes", "no"), ("no", "yes"), ("false", "true")])
def test_its_probability_is_the_score(classes: tuple[str, str], tmp_path: Path) -> None:
    made = proposed(tmp_path, classes)
    best = next(one for one in classes if one in ("1", "yes", "true"))
    other = next(one for one in classes if one != best)
    assert any(
        f"the probability of {best!r}" in note and f"-o output='probability({other})'" in note for note in made.notes
    )
    assert (score(made, 4.0, tmp_path) > 0.9) == (classes[0] == best)
    chosen = proposed(tmp_path, classes, output=f"probability({other})")
    assert score(chosen, 4.0, tmp_path) == pytest.approx(1 - score(made, 4.0, tmp_path))
