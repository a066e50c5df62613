"""What `ranklet build` tells of a start, and that it refuses one that passes its budget."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ranklet import pipeline
from ranklet.bench.counts import linear
from ranklet.cli import starts
from ranklet.errors import PackagingError
from ranklet.packaging.layers import SOURCES
from ranklet.pipeline import Built
from ranklet.startup import budget

BUILD = SOURCES.parent / ".build"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return linear.write(tmp_path_factory.mktemp("starts") / "functions" / linear.NAME)


@pytest.fixture(scope="module")
def built(folder: Path) -> Built:
    """Beside layers that are there already."""
    out = folder.parents[1] / "build"
    out.mkdir()
    for name in ("layers", "runtime"):
        (BUILD / name).mkdir(parents=True, exist_ok=True)
        (out / name).symlink_to(BUILD / name)
    return pipeline.build(folder, out=out)


def test_start_is_told_by_phase_and_module(
    built: Built, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starts, "STARTS", 1)
    out = built.folder.parents[1]
    found = starts.measure(built, folder, out, fetch=True, progress=lambda what: None)
    assert found is not None
    told = json.loads(json.dumps(starts.told(found, built, out, asked=True)))["start"]
    assert {"python", "client", "imports", "digests", "manifest", "features", "session", "request"} <= {
        one["phase"] for one in told["phases"]
    }
    by = {one["name"]: one["by"] for one in told["modules"]}
    assert by["ranklet_runtime.engines.linear"] == "session" and "onnxruntime" not in by
    assert set(told["layers"]) == {"features", "inference"} and told["layers"]["features"] > 30_000_000
    assert starts.told(found, built, out, asked=False) == {}
    starts.show([(built, found)], out, asked=True)
    shown = capsys.readouterr().out
    assert "from exec to the first answer" in shown and "asked for by" in shown


def test_start_above_its_budget_is_refused(built: Built, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MODULES", {False: 3, True: 3})
    with pytest.raises(PackagingError, match=r"(?s)linear starts more slowly.*modules are imported, 3 are allowed"):
        starts.measure(built, folder, built.folder.parents[1], fetch=False, progress=lambda what: None)


def test_without_layers_nothing_is_measured_unless_asked(
    built: Built, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert starts.measure(built, folder, tmp_path, fetch=False, progress=lambda what: None) is None
    starts.show([(built, None)], tmp_path, asked=False)
    assert "start not measured: no layers here yet" in capsys.readouterr().err
