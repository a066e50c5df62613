"""What a build puts into a bundle for its warm-up: each form, few candidates and many, within its size."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ranklet import rehearsal
from ranklet.bench import dialects
from ranklet.bench.dialects import ranker
from ranklet.dialects import FORMS
from ranklet_runtime.function import Function


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Function, Path]:
    return dialects.built(tmp_path_factory.mktemp("bundle"))


def test_a_bundle_holds_many_candidates_its_own_and_each_form(
    built: tuple[Function, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    function, bundle = built
    kept = json.loads((bundle / rehearsal.FILE).read_bytes())
    assert len((bundle / rehearsal.FILE).read_bytes()) <= rehearsal.MOST_BYTES + 2 + len(kept)
    monkeypatch.setattr(rehearsal, "MOST_BYTES", 1 << 20)
    rehearsal.write(function.manifest, [ranker.request(20), ranker.request(3)], tmp_path)
    events = json.loads((tmp_path / rehearsal.FILE).read_bytes())
    sendable = [
        form for form in FORMS.values() if not form.tensors and form.takes([ranker.request(3)], function.manifest)
    ]
    assert len(events) == 2 + len(sendable)
    counts = [len(json.loads(event["body"])["items"]["item_id"]) for event in events[:3]]
    assert counts == [rehearsal.MANY, 20, 3]
    assert {event["isBase64Encoded"] for event in events} == {True, False}
    assert all(function.rehearse(event)["statusCode"] == 200 for event in events)


def test_no_more_candidates_than_the_model_takes(built: tuple[Function, Path], tmp_path: Path) -> None:
    manifest = built[0].manifest
    few = replace(manifest, limits=replace(manifest.limits, items=30))
    rehearsal.write(few, [ranker.request(20)], tmp_path)
    (first, *_) = json.loads((tmp_path / rehearsal.FILE).read_bytes())
    assert json.loads(first["body"])["items"]["item_id"] == (2 * ranker.request(20).items["item_id"])[:30]


def test_without_a_golden_row_of_candidates_there_is_no_file(built: tuple[Function, Path], tmp_path: Path) -> None:
    rehearsal.write(built[0].manifest, [], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_same_bundle_twice_is_the_same_to_the_byte(built: tuple[Function, Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        rehearsal.write(built[0].manifest, [ranker.request(5)], tmp_path / name)
    assert (tmp_path / "a" / rehearsal.FILE).read_bytes() == (tmp_path / "b" / rehearsal.FILE).read_bytes()
