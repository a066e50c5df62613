"""Each algorithm's MOJOs against H2O's own scorer: all its columns, of rows with missing, unseen and extreme values."""

from __future__ import annotations

from pathlib import Path

import h2o_kit as kit
import numpy as np
import pytest
from h2o_zoo import REFUSED

from ranklet.errors import ImportRefused
from ranklet.importers import h2o
from ranklet.importers.proposal import Wishes

SERVED = [name for name in kit.names() if name not in REFUSED]


@pytest.mark.parametrize("name", SERVED)
def test_it_tells_what_the_scorer_tells(name: str, tmp_path: Path) -> None:
    path, rows, answers = kit.stored(name, tmp_path)
    found = kit.told(kit.propose(path), rows)
    assert set(found) == set(answers)
    assert {column: kit.worst(found[column], answers[column]) for column in answers} == {
        column: pytest.approx(0, abs=kit.RELATIVE) for column in answers
    }


def test_all_algorithms_are_among_the_models() -> None:
    kinds = {name.split("_")[0] for name in SERVED}
    assert kinds == {"drf", "ensemble", "films", "gbm", "glm", "isolation", "kmeans", "net", "xgboost"}
    assert len(SERVED) >= 90


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_served_is_refused_by_name(name: str, tmp_path: Path) -> None:
    path, _, _ = kit.stored(name, tmp_path)
    with pytest.raises(ImportRefused, match=REFUSED[name]):
        h2o.propose(path, Wishes())


def test_one_row_alone_gets_its_own_answer(tmp_path: Path) -> None:
    path, rows, answers = kit.stored("gbm_multinomial", tmp_path)
    proposal = kit.propose(path)
    for row in (0, 7, 31):
        found = kit.told(proposal, {name: [values[row]] for name, values in rows.items()})
        assert found["predict"] == [answers["predict"][row]]


def test_callers_send_columns_by_their_names(tmp_path: Path) -> None:
    path, _, _ = kit.stored("glm_binomial", tmp_path)
    inputs = kit.propose(path).inputs
    assert set(inputs) == {"x1", "x2", "x3", "count", "colour", "town", "code"}
    assert inputs["x1"].fields == {"type": "float", "nan": "allow"}
    assert inputs["colour"].fields["type"] == "string"


def test_callers_need_not_send_what_no_tree_asks(tmp_path: Path) -> None:
    path, _, _ = kit.stored("gbm_one_tree", tmp_path)
    assert len(kit.propose(path).inputs) == 1


def test_drawn_values_hold_missing_and_unseen_ones(tmp_path: Path) -> None:
    path, _, _ = kit.stored("gbm_bernoulli", tmp_path)
    random = np.random.default_rng(1)
    inputs = kit.propose(path).inputs
    assert None in inputs["x1"].draw(random, 200)
    assert "never seen" in inputs["colour"].draw(random, 200)


def test_the_second_class_ranks_and_others_on_demand(tmp_path: Path) -> None:
    path, rows, answers = kit.stored("gbm_bernoulli", tmp_path)
    assert any("'yes'" in note for note in h2o.propose(path, Wishes()).notes)
    other = h2o.propose(path, Wishes(options={"output": "no"}))
    assert any("'no'" in note for note in other.notes)
    assert kit.worst(kit.told(other, rows)["yes"], answers["yes"]) < kit.RELATIVE


@pytest.mark.parametrize("name", ["gbm_multinomial", "kmeans_plain", "isolation"])
def test_where_several_columns_could_rank_it_asks(name: str, tmp_path: Path) -> None:
    path, _, _ = kit.stored(name, tmp_path)
    with pytest.raises(ImportRefused, match="-o output=NAME"):
        h2o.propose(path, Wishes())


def test_a_column_that_is_none_cannot_rank(tmp_path: Path) -> None:
    path, _, _ = kit.stored("gbm_bernoulli", tmp_path)
    with pytest.raises(ImportRefused, match="'predict'"):
        h2o.propose(path, Wishes(options={"output": "predict"}))


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    path, _, _ = kit.stored("ensemble_binomial", tmp_path)
    assert kit.propose(path).files == kit.propose(path).files
