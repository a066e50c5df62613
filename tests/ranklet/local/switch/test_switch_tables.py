"""A table of another training run is refused when a function starts, with both versions named, and is never scored."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pytest
import switch_kit as kit

from ranklet.errors import LocalError
from ranklet.local.cloud import LocalCloud
from ranklet.local.function import Layer
from ranklet.local.logs import LogLine
from ranklet.pipeline import Built
from ranklet.tables import files

Tamper = Callable[[Path], None]


@dataclass(frozen=True)
class Wrong:
    """Version 2 with something of another training run in it. bundle, tables: what is deployed."""

    bundle: Path
    tables: Path


def _other_dim(table: Path) -> None:
    """As if a training run with vectors of 2 numbers had been pushed under this name."""
    _describe(table, dim=2)
    np.save(table / "vectors.npy", np.ones((len(kit.FILMS), 2), np.float32))


def _other_version(table: Path) -> None:
    """As if other vectors of the same size had been."""
    _describe(table, version="0123456789ab")
    np.save(table / "vectors.npy", np.load(table / "vectors.npy") + 5)


def _describe(table: Path, **fields: object) -> None:
    known = orjson.loads((table / "table.json").read_bytes())
    (table / "table.json").write_bytes(orjson.dumps({**known, **fields}))


def _absent(table: Path) -> None:
    shutil.rmtree(table)


def _other_dim_here(bundle: Path) -> None:
    np.save(bundle / "tables" / "packed.npy", np.ones((len(kit.FILMS), 2), np.float32))


def _other_keys_here(bundle: Path) -> None:
    np.save(bundle / "tables" / "packed.keys.npy", np.arange(3))


AWAY: dict[str, tuple[Tamper, str]] = {
    "other-dim": (_other_dim, "'dim': 2"),
    "other-version": (_other_version, "0123456789ab"),
    "absent": (_absent, "films"),
}
HERE: dict[str, tuple[Tamper, str]] = {
    "other-dim": (_other_dim_here, "vectors are float32 (60, 2)"),
    "other-keys": (_other_keys_here, "keys are int64 (3,), pinned are int64 (60,)"),
}


@pytest.fixture
def spoil(versions: dict[int, Built], tables: dict[int, Path], tmp_path: Path) -> Callable[..., Wrong]:
    """Copies of version 2's bundle and tables, one of them tampered with."""

    def made(*, away: Tamper | None = None, here: Tamper | None = None) -> Wrong:
        bundle = Path(shutil.copytree(versions[2].folder, tmp_path / "wrong"))
        staged = Path(shutil.copytree(tables[2], tmp_path / "wrong-tables"))
        if away is not None:
            away(staged / versions[2].manifest.spec.tables["films"].physical)
        if here is not None:
            here(bundle)
        return Wrong(bundle, staged)

    return made


def _said(lines: list[LogLine]) -> str:
    return "\n".join(line.text for line in lines)


def _cloud(first: Path, tables: Path, everything: Layer, tmp_path: Path, lines: list[LogLine]) -> LocalCloud:
    return LocalCloud(
        kit.deployment(first, everything),
        tables=tables,
        build=tmp_path,
        layers=lambda name: None,
        cap=2,
        log=lines.append,
    )


@pytest.mark.parametrize("case", [("away", name) for name in AWAY] + [("here", name) for name in HERE], ids="-".join)
def test_a_version_with_a_table_of_another_run_never_scores_and_the_one_before_does_again(
    case: tuple[str, str],
    spoil: Callable[..., Wrong],
    versions: dict[int, Built],
    tables: dict[int, Path],
    everything: Layer,
    tmp_path: Path,
    lines: list[LogLine],
) -> None:
    where, name = case
    tamper, said = (AWAY if where == "away" else HERE)[name]
    wrong = spoil(**{where: tamper})
    with _cloud(versions[1].folder, tables[1], everything, tmp_path, lines).running() as running:
        caller = kit.connect(running.url)
        assert kit.rank(caller, 1, [3]) == (200, {"scores": kit.expected(1, 1, [3])})
        assert running.deploy(kit.deployment(wrong.bundle, everything), tables=wrong.tables) == {kit.NAME: "2"}
        before = len(lines)
        for _ in range(2):
            status, document = kit.rank(caller, 1, [3])
            assert status >= 500
            assert "scores" not in document
        stats = running.stats()[kit.NAME]
        assert (stats.errors, stats.environments) == (2, 1)
        assert len(stats.inits_ms) == 1, "an environment of the refused version was ready for events"
        refused = _said(lines[before:])
        assert "TableMismatch" in refused
        assert said in refused
        running.move(kit.NAME, "1")
        assert kit.rank(caller, 1, [3]) == (200, {"scores": kit.expected(1, 1, [3])})
        caller.close()


@pytest.mark.parametrize("where", ["away", "here"])
def test_with_provisioned_concurrency_such_a_version_does_not_even_deploy(
    where: str,
    spoil: Callable[..., Wrong],
    versions: dict[int, Built],
    tables: dict[int, Path],
    everything: Layer,
    tmp_path: Path,
    lines: list[LogLine],
) -> None:
    """The alias stays where it was, as Lambda leaves it: callers notice nothing."""
    wrong = spoil(**{where: _other_dim if where == "away" else _other_dim_here})
    with _cloud(versions[1].folder, tables[1], everything, tmp_path, lines).running() as running:
        caller = kit.connect(running.url)
        with pytest.raises(LocalError, match=r"cannot be initialised: .*TableMismatch"):
            running.deploy(kit.deployment(wrong.bundle, everything, provisioned=1), tables=wrong.tables)
        assert kit.rank(caller, 11, [3, 4]) == (200, {"scores": kit.expected(1, 11, [3, 4])})
        with pytest.raises(LocalError, match="has no version '2'"):
            running.move(kit.NAME, "2")
        assert kit.rank(caller, 11, [3, 4]) == (200, {"scores": kit.expected(1, 11, [3, 4])})
        caller.close()


def test_a_staged_table_says_which_version_it_is(versions: dict[int, Built], tables: dict[int, Path]) -> None:
    """What the tests above tamper with is what the manifest pins."""
    for number, built in versions.items():
        pinned = built.manifest.spec.tables["films"]
        assert files.read_table(tables[number] / pinned.physical) == pinned
