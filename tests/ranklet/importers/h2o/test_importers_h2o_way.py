"""Some MOJOs the whole way: drafted, built, and H2O's own answers as golden outputs in every dialect's form."""

from __future__ import annotations

from pathlib import Path

import h2o_kit as kit
import pytest
import way_kit as ways

NAMES = ("gbm_multinomial", "drf_binomial", "glm_ordinal", "net_skip", "kmeans_words", "xgboost_poisson", "isolation")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_served_as_it_was_stored(name: str, tmp_path: Path) -> None:
    path, rows, answers = kit.stored(name, tmp_path)
    wished = ways.wishes(path, "h2o")
    count = len(next(iter(answers.values())))
    built = ways.answered(
        path, tmp_path / "functions" / "ranker", wished, rows=rows, answers=answers, asked=range(count)
    )
    assert {"native-json", "native-msgpack", "tfs-rows", "v2-json", "v2-binary"} <= set(built.certificate.paths)
