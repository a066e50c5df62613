"""A build with tables: precision is measured and decides, places are taken, every form is proven."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import ndcg_score
from towers_kit import ITEMS, Towers

from ranklet import certificate, pipeline
from ranklet.cli.build import describe
from ranklet.errors import BundleError, ParityError
from ranklet.pipeline import Built
from ranklet.tables import files
from ranklet.tables.room import Room
from ranklet_features.packing import pack
from ranklet_runtime.manifest import Manifest

TOWERS = Towers.drawn()


def _build(tmp_path: Path, *, users: str = "", items: str = "", more: str = "") -> Built:
    folder = TOWERS.write(tmp_path / "functions" / "towers", users=users, items=items, more=more)
    return pipeline.build(folder, out=tmp_path / ".build")


def _change(*, users: str = "f32", items: str = "f32") -> float:
    packed = TOWERS.scores(users=users, items=items)
    return max(np.abs(a - b).max() for a, b in zip(TOWERS.scores(), packed, strict=True))


def test_exact_tables_need_no_second_proof(tmp_path: Path) -> None:
    built = _build(tmp_path)
    assert built.certificate.narrowed is None
    assert built.certificate.bound == 1e-5
    assert [table["precision"] for table in describe(built)["tables"]] == [None, None]


@pytest.mark.parametrize("placement", ["resident", "dynamodb"])
@pytest.mark.parametrize("dtype", ["f16", "int8"])
def test_the_effect_of_packing_is_that_of_an_independent_computation(
    tmp_path: Path, dtype: str, placement: str
) -> None:
    items = f'dtype = "{dtype}"\nplacement = "{placement}"\nmax_score_change = 0.1'
    built = _build(tmp_path, items=items)
    assert built.certificate.narrowed is not None
    assert set(built.certificate.narrowed.tables) == {"items"}
    found = built.certificate.narrowed.tables["items"]
    exact, packed = TOWERS.scores(), TOWERS.scores(items=dtype)
    assert found.max_score_change == pytest.approx(_change(items=dtype), abs=2e-6)
    pairs = list(zip(exact, packed, strict=True))
    for k in (1, 10, 100):
        shares = [len({*np.argsort(-a)[:k]} & {*np.argsort(-b)[:k]}) / k for a, b in pairs]
        assert found.overlap[str(k)] == pytest.approx(np.mean(shares))
    gains = [ndcg_score([a - min(0, a.min())], [b], k=10) for a, b in pairs]
    assert found.ndcg_10 == pytest.approx(np.mean(gains), abs=1e-6)
    assert built.certificate.bound == pytest.approx(1e-5 + 0.1)
    assert max(built.certificate.narrowed.paths.values()) <= 1e-5
    assert max(built.certificate.paths.values()) == pytest.approx(found.max_score_change, abs=2e-6)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (
            'dtype = "f16"',
            r"table items as f16 moves scores by up to \S+, keeps .* of the top 100; NDCG@10 .*: above the gol",
        ),
        ('dtype = "f16"\nmax_score_change = 1e-6', r"above its max_score_change 1e-06"),
    ],
)
def test_the_bound_decides_and_says_which_would_do(tmp_path: Path, items: str, message: str) -> None:
    with pytest.raises(ParityError, match=message) as caught:
        _build(tmp_path, items=items)
    assert not (tmp_path / ".build" / "functions" / "towers").exists()
    proposed = str(caught.value).split("max_score_change = ")[1].split(" ")[0]
    assert _change(items="f16") < float(proposed) < 3 * _change(items="f16")
    path = tmp_path / "functions" / "towers" / "model.toml"
    path.write_text(path.read_text().replace(items, f'dtype = "f16"\nmax_score_change = {proposed}'))
    pipeline.build(path.parent, out=tmp_path / ".build")


def test_rows_that_packing_does_not_round_need_no_bound(tmp_path: Path) -> None:
    halves = Towers(TOWERS.users, TOWERS.items.astype(np.float16).astype(np.float32), TOWERS.asked)
    folder = halves.write(tmp_path / "towers", items='dtype = "f16"')
    narrowed = pipeline.build(folder, out=tmp_path / ".build").certificate.narrowed
    assert narrowed is not None
    assert narrowed.tables["items"].max_score_change == 0
    assert narrowed.tables["items"].allowed is None


def test_each_table_is_measured_alone_and_both_are_proven_together(tmp_path: Path) -> None:
    line = 'dtype = "f16"\nmax_score_change = {}'
    built = _build(tmp_path, users=line.format(0.01), items=line.format(0.02))
    assert built.certificate.narrowed is not None
    found = built.certificate.narrowed.tables
    assert found["users"].max_score_change == pytest.approx(_change(users="f16"), abs=2e-6)
    assert found["items"].max_score_change == pytest.approx(_change(items="f16"), abs=2e-6)
    assert built.certificate.bound == pytest.approx(1e-5 + 0.03)
    assert max(built.certificate.paths.values()) == pytest.approx(_change(users="f16", items="f16"), abs=2e-6)


def test_golden_scores_that_differ_with_exact_rows_are_not_excused_by_a_bound(tmp_path: Path) -> None:
    folder = TOWERS.write(tmp_path / "towers", items='dtype = "f16"\nmax_score_change = 0.5')
    lines = [json.loads(line) for line in (folder / "golden.jsonl").read_text().splitlines()]
    lines[3]["scores"][7] += 0.01
    (folder / "golden.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(ParityError, match=r"golden row 4 as native-json with exact rows: candidate 7 .* above 1e-05"):
        pipeline.build(folder, out=tmp_path / ".build")


def test_a_certificate_that_allows_less_than_it_records_is_not_valid(tmp_path: Path) -> None:
    built = _build(tmp_path, items='dtype = "f16"\nmax_score_change = 0.01')
    certificate.verify(built.folder)
    path = built.folder / certificate.FILE
    document = json.loads(path.read_text())
    for change in (
        {"tables": {"items": document["narrowed"]["tables"]["items"] | {"allowed": 1e-9}}},
        {"paths": {"native-json": 1e-3}},
    ):
        path.write_text(json.dumps(document | {"narrowed": document["narrowed"] | change}))
        with pytest.raises(BundleError, match=r"exact rows|table items"):
            certificate.verify(built.folder)


def test_what_is_printed_has_place_price_and_precision(tmp_path: Path) -> None:
    built = _build(tmp_path, items='dtype = "f16"\nmax_score_change = 0.01\nplacement = "dynamodb"\npage = 4')
    users, items = describe(built)["tables"]
    assert (users["placement"], users["page"], users["fetched"]) == ("resident", 1, False)
    assert (items["placement"], items["page"], items["dtype"]) == ("dynamodb", 4, "f16")
    assert items["dollars"]["dynamodb"] > items["dollars"]["resident"] > 0
    assert set(items["precision"]) == {"dtype", "max_score_change", "allowed", "overlap", "ndcg_10", "requests"}
    json.dumps(describe(built))


def test_a_table_without_room_in_the_package_is_staged_and_pinned_by_its_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Room, "of", staticmethod(lambda model, **_: Room(ITEMS * 40, 10**9)))
    built = _build(tmp_path, items='dtype = "f16"\nmax_score_change = 0.01\nplacement = "auto"')
    users, items = (built.manifest.spec.tables[name] for name in ("users", "items"))
    assert users.snapshot is None
    assert (items.placement, set(items.snapshot or ())) == ("resident", {"vectors.npy", "keys.npy"})
    assert sorted(path.name for path in (built.folder / "tables").iterdir()) == ["users.keys.npy", "users.npy"]
    staged = tmp_path / ".build" / "tables" / items.physical
    assert files.read_table(staged) == items == Manifest.read(built.folder / "manifest.json").spec.tables["items"]
    assert np.array_equal(np.load(staged / "vectors.npy"), pack(TOWERS.items, "f16"))


def test_the_same_files_give_the_same_bundle(tmp_path: Path) -> None:
    lines = 'dtype = "int8"\nmax_score_change = 0.1'
    first, second = (_build(tmp_path / name, items=lines) for name in "ab")
    assert first.certificate == second.certificate
    assert (first.folder / certificate.FILE).read_bytes() == (second.folder / certificate.FILE).read_bytes()
    assert first.manifest == second.manifest


def test_nothing_but_the_bundle_and_staged_tables_is_left(tmp_path: Path) -> None:
    _build(tmp_path, items='dtype = "f16"\nmax_score_change = 0.1\nplacement = "dynamodb"')
    left = sorted(path.name for path in (tmp_path / ".build" / "functions").iterdir())
    assert left == ["towers", "towers.source"]
