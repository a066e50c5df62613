"""Lambda's limit on an unpacked package, and who is to blame for passing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranklet.errors import PackagingError
from ranklet.packaging import sizes


def sparse(path: Path, megabytes: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(int(megabytes * 1024 * 1024))


def test_package_at_the_limit_is_allowed(tmp_path: Path) -> None:
    sparse(tmp_path / "films" / "tables" / "item.npy", 200)
    sparse(tmp_path / "layer" / "python" / "x.so", 50)
    assert sizes.check({"films": tmp_path / "films", "layer onnx": tmp_path / "layer"}) == sizes.LIMIT


def test_package_above_the_limit_names_the_part_and_its_largest_file(tmp_path: Path) -> None:
    sparse(tmp_path / "films" / "tables" / "item.npy", 199.5)
    sparse(tmp_path / "films" / "manifest.json", 1)
    sparse(tmp_path / "layer" / "python" / "x.so", 50)
    with pytest.raises(PackagingError) as caught:
        sizes.check({"layer onnx": tmp_path / "layer", "films": tmp_path / "films"})
    message = str(caught.value)
    assert "take 250.5 MB; Lambda allows 250.0 MB (films 200.5 MB, layer onnx 50.0 MB)" in message
    assert "largest file is tables/item.npy in films with 199.5 MB" in message
    assert 'placement = "dynamodb"' in message
