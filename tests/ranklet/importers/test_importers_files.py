"""An importer reads below the model's folder only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ranklet import importers
from ranklet.errors import ImportRefused, ModelError
from ranklet.importers import IMPORTERS, files
from ranklet.model import StepSource

BUILT = ("lightgbm", "numpy", "onnx", "xgboost")
"""Formats that the build reads itself; all others are converted once, by `ranklet import`."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder, beside a file that is none of its."""
    (tmp_path / "secret").write_text("not yours")
    inside = tmp_path / "movie-x"
    (inside / "export").mkdir(parents=True)
    (inside / "export" / "weights").write_text("weights")
    return inside


def test_a_file_below_the_folder_is_read(folder: Path) -> None:
    assert files.read(folder, "export/weights") == b"weights"


def test_a_link_that_stays_inside_is_followed(folder: Path) -> None:
    (folder / "latest").symlink_to("export/weights")
    assert files.read(folder, "latest") == b"weights"


@pytest.mark.parametrize("name", ["../secret", "export/../../secret", "link", "linked/secret"])
def test_what_leads_outside_is_refused(name: str, folder: Path) -> None:
    (folder / "link").symlink_to("../secret")
    (folder / "linked").symlink_to("..")
    with pytest.raises(ImportRefused, match="leads outside movie-x/"):
        files.read(folder, name)


def test_an_absolute_path_is_refused_even_to_a_file_inside(folder: Path) -> None:
    with pytest.raises(ImportRefused, match="leads outside"):
        files.read(folder, str(folder / "export" / "weights"))


def test_what_is_no_file_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    for name, message in {
        "pipe": "not a regular file",
        "export": "not a regular file",
        "loop": "no loop below|is not a path",
        "gone": "no gone below movie-x/; export the model there or correct steps.source",
        "nul\0": "is not a path",
    }.items():
        with pytest.raises(ImportRefused, match=message):
            files.read(folder, name)


def test_what_is_too_large_is_refused_unread(folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate(files.MAX_BYTES + 1)  # sparse: takes no disk
    with pytest.raises(ImportRefused, match=r"large has 2147483648 bytes, at most 2147483647 can be read"):
        files.read(folder, "large")


def test_an_unknown_format_is_named(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"steps.format is 'pickle'; allowed: \[") as refused:
        importers.load(StepSource(format="pickle", source="export/weights"), folder)
    assert all(f"'{name}'" in str(refused.value) for name in ("lightgbm", "numpy", "onnx", "xgboost"))


def test_every_format_is_built_from_its_file_or_says_that_it_is_converted() -> None:
    for name in IMPORTERS:
        with pytest.raises(
            ImportRefused if name in BUILT else ModelError, match=None if name in BUILT else "converted"
        ):
            importers.load(StepSource(format=name, source="nothing"), Path("nowhere"))
