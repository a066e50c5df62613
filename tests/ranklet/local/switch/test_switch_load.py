"""Model and embeddings switch as one while requests run: no answer is lost, late or mixed."""

from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path

import pytest
import switch_kit as kit

from ranklet.local.cloud import LocalCloud
from ranklet.local.function import Layer
from ranklet.local.logs import LogLine
from ranklet.pipeline import Built


def test_versions_have_tables_of_their_own(versions: dict[int, Built]) -> None:
    """Nothing is shared that a switch could leave behind."""
    pinned = [{table.physical for table in built.manifest.spec.tables.values()} for built in versions.values()]
    assert len(pinned[0]) == len(pinned[1]) == 3
    assert not pinned[0] & pinned[1]


@pytest.mark.parametrize(
    ("requests", "every"),
    [(1_500, 60), pytest.param(20_000, 80, marks=pytest.mark.slow)],
    ids=["1500", "20000"],
)
def test_the_alias_goes_forth_and_back_under_load(
    requests: int,
    every: int,
    versions: dict[int, Built],
    tables: dict[int, Path],
    everything: Layer,
    tmp_path: Path,
    lines: list[LogLine],
) -> None:
    first, second = (kit.deployment(versions[number].folder, everything) for number in (1, 2))
    cloud = LocalCloud(first, tables=tables[1], build=tmp_path, layers=lambda name: None, cap=8, log=lines.append)
    moves = kit.Moves(first=1)
    with cloud.running() as running:
        with kit.Load(running.url, callers=3, requests=requests, ahead=every, versions=(1, 2)) as load:
            assert load.wait(every)
            moves.make(2, lambda: running.deploy(second, tables=tables[2]))
            target, version = 2 * every, 1
            while load.wait(target):
                moves.make(version, lambda to=version: running.move(kit.NAME, str(to)))  # type: ignore[misc]
                target, version = target + 2 * every, 3 - version
        stats = running.stats()[kit.NAME]
    assert len(load.seen) == stats.invocations == requests
    wrong = [seen for seen in load.seen if seen.version is None]
    assert not wrong, f"{len(wrong)} answers are no version's: {wrong[:3]}"
    late = [seen for seen in load.seen if seen.version not in moves.allowed(seen)]
    assert not late, f"{len(late)} answers are of a version that was not live: {late[:3]}"
    assert {seen.version for seen in load.seen} == {1, 2}
    assert len(moves.done) >= requests // (2 * every) - 1
    assert stats.errors == stats.throttled == 0


def test_a_bundle_with_rows_of_another_version_would_be_seen(
    versions: dict[int, Built], tables: dict[int, Path], everything: Layer, tmp_path: Path, lines: list[LogLine]
) -> None:
    """What the switch must never do, done on purpose: version 2 over rows of version 1 that fit."""
    mixed = Path(shutil.copytree(versions[2].folder, tmp_path / "mixed"))
    shutil.copy(versions[1].folder / "tables" / "packed.npy", mixed / "tables" / "packed.npy")
    cloud = LocalCloud(
        kit.deployment(mixed, everything), tables=tables[2], build=tmp_path, layers=lambda name: None, log=lines.append
    )
    with cloud.running() as running, kit.Load(running.url, callers=1, requests=4, ahead=4, versions=(1, 2)) as load:
        load.wait(4)
    assert [seen.version for seen in load.seen] == [None] * 4
    assert all(seen.answer[0] == 200 for seen in load.seen)


def test_callers_of_allowed_versions_are_told_from_late_ones() -> None:
    """The judge itself: what may answer a request that began and ended at these times."""
    moves = kit.Moves(first=1, done=[(10.0, 11.0, 2), (20.0, 21.0, 1)])

    def allowed(start: float, end: float) -> set[int]:
        return moves.allowed(kit.Seen(start, end, None, None))

    assert allowed(1, 2) == {1}
    assert allowed(9, 10.5) == allowed(10.5, 10.6) == {1, 2}
    assert allowed(11, 19) == {2}
    assert allowed(12, 25) == {2, 1}
    assert allowed(21, 30) == {1}


def test_every_mix_of_versions_would_show() -> None:
    """Of all sums of parts of two versions, a version gives those of its own parts alone."""
    whole = {kit.expected(version, user, [7])[0]: version for version in (1, 2) for user in (1, 11)}
    assert len(whole) == 4
    for graph, films, packed, user in product((1, 2), repeat=4):
        for computed in (0, 4_000_000):
            score = float(graph + films * 1_000 + 7 + packed * 100_000 + user * 1_000_000 + computed)
            assert (score in whole) == (graph == films == packed == user)
