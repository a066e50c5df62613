"""What a build keeps of the golden requests for a release."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import release_kit as kit

from ranklet import certificate, releasing
from ranklet.golden import Golden
from ranklet.pipeline import Built
from ranklet.settings.release import Alarms, Release, Shadow


def golden(*scores: float) -> list[Golden]:
    return [Golden({}, {}, {"id": list(range(len(scores)))}, scores)]


def test_buckets_hold_about_equally_many_scores_of_any_distribution() -> None:
    rng = np.random.default_rng(2)
    for scores in (rng.random(4000), rng.normal(0, 1000, 4000), rng.lognormal(0, 3, 4000) * 1e-6):
        found = releasing.histogram(golden(*scores.tolist()))
        assert found is not None
        assert len(found.counts) == releasing.BUCKETS == len(found.edges) + 1
        assert sum(found.counts) == 4000
        assert max(found.counts) - min(found.counts) <= 4
        assert list(found.edges) == sorted(set(found.edges))


def test_edges_lie_between_scores_so_that_rounding_moves_none_across() -> None:
    scores = [0.1] * 40 + [0.2] * 40 + [0.7] * 20
    found = releasing.histogram(golden(*scores))
    assert found is not None
    assert found.edges == pytest.approx((0.15, 0.45))
    assert found.counts == (40, 40, 20)


def test_rare_second_score_still_makes_two_buckets() -> None:
    found = releasing.histogram(golden(*[0.5] * 99, 0.9))
    assert found is not None
    assert found.edges == pytest.approx((0.7,))
    assert found.counts == (99, 1)


@pytest.mark.parametrize("scores", [[0.5] * 100, [0.1, 0.9] * 24, [math.nan] * 100])
def test_too_few_scores_or_one_alone_make_no_histogram(scores: list[float]) -> None:
    assert releasing.histogram(golden(*scores)) is None


def test_scores_that_a_model_does_not_have_are_left_out() -> None:
    found = releasing.histogram(golden(*[0.1, math.nan] * 60, *[0.9] * 60))
    assert found is not None
    assert sum(found.counts) == 120


def test_build_leaves_the_requests_beside_the_bundle_and_the_histogram_in_it(built: Built) -> None:
    assert not (built.folder / "golden.json").exists()
    proven = certificate.read(built.folder)
    document = json.loads((kit.hook_folder(built) / "golden.json").read_text())
    assert (document["bundle"], document["bound"]) == (proven.bundle, proven.bound)
    assert len(document["rows"]) == releasing.MOST_ROWS
    for row in document["rows"]:
        assert row["scores"] == kit.scores(row["request"])
    assert built.manifest.histogram is not None
    assert sum(built.manifest.histogram.counts) == 40 * 20


def test_same_build_leaves_the_same_bytes(built: Built, tmp_path: Path) -> None:
    again = kit.build(tmp_path)
    assert (kit.hook_folder(again) / "golden.json").read_bytes() == (
        kit.hook_folder(built) / "golden.json"
    ).read_bytes()


def test_function_is_told_of_its_release_and_of_nothing_without_one() -> None:
    assert releasing.variables(Release()) == {}
    assert releasing.variables(Release(strategy="linear", every=7)) == {"RANKLET_OBSERVE": "7"}
    assert releasing.variables(Release(shadow=Shadow(share=0.05))) == {"RANKLET_SHADOW": "0.05@candidate"}


def test_alarms_have_their_defaults_where_none_are_given() -> None:
    assert Release(strategy="canary").watched == Alarms()
    assert Release(strategy="canary").step == (10, 10)
    assert Release(strategy="linear").step == (10, 2)
    assert Release(strategy="canary").checked
    assert not Release(strategy="canary", check=False).checked
    assert not Release().checked
