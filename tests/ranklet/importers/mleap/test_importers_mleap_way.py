"""Some bundles the whole way: drafted, built, and their library's answers as golden outputs in every dialect's form."""

from __future__ import annotations

from pathlib import Path

import mleap_kit as kit
import pytest
import way_kit as ways

NAMES = (
    "strings_skip",
    "strings_error",
    "logistic",
    "gbt_classifier",
    "multinomial",
    "k_means",
    "buckets_keep_5",
    "als",
)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_served_as_it_was_stored(name: str, tmp_path: Path) -> None:
    bundle, rows, answers = kit.stored(name)
    path = tmp_path / "ranker.zip"
    path.write_bytes(bundle)
    wished = ways.wishes(path, "mleap", **kit.options(name))
    told = {name: column for name, column in answers.items() if name != "score"}
    count = len(next(iter(answers.values())))
    built = ways.answered(path, tmp_path / "functions" / "ranker", wished, rows=rows, answers=told, asked=range(count))
    assert {"native-json", "native-msgpack", "tfs-rows", "v2-json", "v2-binary"} <= set(built.certificate.paths)
