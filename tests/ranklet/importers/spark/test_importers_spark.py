"""Spark's pipelines answer as Spark does, by both roads: its stored predictions of rows, odd ones among them."""

from __future__ import annotations

from pathlib import Path

import mllib_kit as kit
import pytest

NAMES = kit.names()


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_answers_as_spark_does(name: str, tmp_path: Path) -> None:
    kit.hold(kit.stored(name), "mleap", tmp_path)


@pytest.mark.parametrize("name", [name for name in NAMES if kit.stored(name).pmml])
def test_pmml_answers_as_spark_does(name: str, tmp_path: Path) -> None:
    kit.hold(kit.stored(name), "pmml", tmp_path)


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) >= 6
    for name in NAMES:
        told = kit.stored(name)
        assert all(len(column) >= 200 for column in told.rows.values())
        assert sum(one is not None for one in told.answers["prediction"]) >= 200
