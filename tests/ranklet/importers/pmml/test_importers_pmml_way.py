"""Stored PMML files the whole way: drafted, built, and JPMML's own answers as golden outputs in every dialect's form.

All of them by hand (`pytest -m slow`); some of each kind always: truth, gaps, infinite numbers, refused values.
"""

from __future__ import annotations

from pathlib import Path

import pmml_kit as kit
import pytest
import way_kit as ways

from ranklet.errors import ParityError

SOME = (
    "f_equal_word",
    "f_log10_i",
    "f_over_xy",
    "field_barred_returnInvalid",
    "output_many",
    "card_pointsAbove_all",
    "cluster_matching",
    "s_domain_strict",
    "s_hot_logistic",
    "s_xgb2",
    "text_s_tree",
    "mining_trees_median",
)


def whole(name: str, folder: Path) -> set[str]:
    """Both ways; returns the dialects' forms that were asked."""
    stored = kit.stored(name)
    path = folder / "model.pmml"
    path.write_bytes(stored.text)
    wished = ways.wishes(path, "pmml")
    built = ways.drafted(path, folder / "drafted" / "ranker", wished)
    asked = [row for row in range(stored.count) if row not in stored.errors]
    own = ways.answered(
        path, folder / "answered" / "ranker", wished, rows=stored.rows, answers=stored.answers, asked=asked
    )
    assert own.certificate.rows >= 1
    return set(built.certificate.paths) & set(own.certificate.paths)


@pytest.mark.parametrize("name", SOME)
def test_it_is_served_as_it_was_stored(name: str, tmp_path: Path) -> None:
    assert {"native-json", "native-msgpack", "tfs-rows", "v2-json", "v2-binary", "openscoring-batch"} <= whole(
        name, tmp_path
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", kit.names())
def test_all_are_served_as_they_were_stored(name: str, tmp_path: Path) -> None:
    assert {"native-json", "native-msgpack", "tfs-rows", "v2-json", "v2-binary"} <= whole(name, tmp_path)


@pytest.mark.parametrize(("name", "other"), [("f_equal_word", "gone"), ("f_log10_i", 1e6)])
def test_another_answer_ends_the_build(name: str, other: object, tmp_path: Path) -> None:
    """Or nothing would have been compared."""
    stored = kit.stored(name)
    path = tmp_path / "model.pmml"
    path.write_bytes(stored.text)
    answers = {key: [other] * stored.count for key in stored.answers}
    with pytest.raises(ParityError, match="native-json: the output"):
        ways.answered(
            path,
            tmp_path / "answered" / "ranker",
            ways.wishes(path, "pmml"),
            rows=stored.rows,
            answers=answers,
            asked=[row for row in range(stored.count) if row not in stored.errors],
        )
