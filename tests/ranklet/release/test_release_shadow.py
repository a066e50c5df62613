"""A shadow in the local cloud: the candidate scores what the live version was asked, and answers nobody."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import emf
import numpy as np
import pytest
import release_kit as kit

from ranklet.local.cloud import LocalCloud
from ranklet.local.function import Layer
from ranklet.local.hosted import Hosted
from ranklet.local.logs import LogLine
from ranklet.pipeline import Built

COUNT = 24
SHIFT = 0.25
"""What the candidate's bias is more."""


def until(done: Callable[[], bool]) -> None:
    """Wait for what happens in the background."""
    for _ in range(3000):
        if done():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen within a minute")


def _has_done(running: Hosted, count: int) -> bool:
    """Whether so many invocations, of all versions, have ended."""
    stats = running.stats()[kit.NAME]
    assert stats.throttled == 0
    return stats.invocations - stats.busy == count


def run(cloud: LocalCloud, candidate: Path | None, everything: Layer, use: Callable[[Hosted], None]) -> None:
    with cloud.running() as running:
        if candidate is not None:
            running.deploy(kit.deployment(candidate, everything))
            running.move(kit.NAME, "1")
        use(running)


@pytest.fixture
def asked() -> list[dict[str, object]]:
    rng = np.random.default_rng(11)
    return [kit.request(rng) for _ in range(COUNT)]


def test_candidate_tells_how_far_its_scores_are_and_sends_nothing_on(
    built: Built, everything: Layer, tmp_path: Path, asked: list[dict[str, object]]
) -> None:
    lines: list[LogLine] = []
    candidate = kit.build(tmp_path / "candidate", version=2, bias=kit.BIAS + SHIFT)
    # Both versions are told to copy everything to version 2: were a copy copied, there would be no end.
    cloud = LocalCloud(
        kit.deployment(built.folder, everything),
        build=tmp_path / "cloud",
        layers=lambda name: None,
        environment={"RANKLET_SHADOW": "1@2"},
        log=lines.append,
    )

    def use(running: Hosted) -> None:
        for number, one in enumerate(asked, start=1):
            ((status, answer),) = kit.ask(running.url, [one])
            assert status == 200
            assert answer["scores"] == pytest.approx(kit.scores(one), abs=1e-6)  # the live version's, always
            # One at a time: there are few environments here, and what finds none free is not tried again.
            until(partial(_has_done, running, 2 * number))

    run(cloud, candidate.folder, everything, use)
    found = emf.read(lines)
    by = {"model": kit.NAME, "release": f"{kit.NAME}:2"}
    assert sum(found.values("ShadowRequests", by)) == COUNT
    assert sum(found.values("ShadowFaults", by)) == 0
    differences = found.values("ShadowDifference", by)
    wanted = [
        max(abs(a - b) for a, b in zip(kit.scores(one), kit.scores(one, bias=kit.BIAS + SHIFT), strict=True))
        for one in asked
    ]
    assert sorted(differences) == pytest.approx(sorted(wanted), abs=1e-6)
    assert len(found.values("ShadowLatency", by)) == len(found.values("ShadowLiveLatency", by)) == COUNT
    assert sum(found.values("ShadowSent", {"model": kit.NAME})) == COUNT
    # What the candidate does for nobody is not among the model's own figures.
    assert sum(found.values("Requests", {"model": kit.NAME})) == COUNT


def test_share_of_the_requests_is_copied(
    built: Built, everything: Layer, tmp_path: Path, asked: list[dict[str, object]]
) -> None:
    lines: list[LogLine] = []
    cloud = LocalCloud(
        kit.deployment(built.folder, everything),
        build=tmp_path / "cloud",
        layers=lambda name: None,
        environment={"RANKLET_SHADOW": "0.25@2"},
        log=lines.append,
    )
    copies = COUNT // 4

    def use(running: Hosted) -> None:
        kit.ask(running.url, asked)
        until(partial(_has_done, running, COUNT + copies))

    run(cloud, _copy(built, tmp_path), everything, use)
    found = emf.read(lines)
    by = {"model": kit.NAME, "release": f"{kit.NAME}:2"}
    assert sum(found.values("ShadowRequests", by)) == copies
    assert found.values("ShadowDifference", by) == [0.0] * copies
    assert sum(found.values("ShadowReordered", by)) == 0


def test_without_a_candidate_requests_are_answered_and_one_copy_is_tried(
    built: Built, everything: Layer, tmp_path: Path, asked: list[dict[str, object]]
) -> None:
    lines: list[LogLine] = []
    cloud = LocalCloud(
        kit.deployment(built.folder, everything),
        build=tmp_path / "cloud",
        layers=lambda name: None,
        environment={"RANKLET_SHADOW": "1@candidate"},
        log=lines.append,
    )

    def use(running: Hosted) -> None:
        assert {status for status, _ in kit.ask(running.url, asked)} == {200}

    run(cloud, _copy(built, tmp_path), everything, use)
    found = emf.read(lines)
    assert sum(found.values("ShadowAbsent", {"model": kit.NAME})) == 1
    assert not found.values("ShadowRequests", {"model": kit.NAME, "release": f"{kit.NAME}:2"})


def _copy(built: Built, folder: Path) -> Path:
    """The same weights as another version."""
    return kit.with_weights(built, folder / "copy", bias=kit.BIAS)
