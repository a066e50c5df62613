"""A bundle is deployed only as it was proven."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ranklet import certificate
from ranklet.certificate import Certificate
from ranklet.errors import BundleError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "movie-ftrl"
    (folder / "tables").mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    (folder / "tables" / "item.npy").write_bytes(b"\x00\x01")
    return folder


def proven(bundle: Path) -> Certificate:
    result = Certificate(
        bundle=certificate.digest(bundle), rows=3, bound=1e-6, paths={"native-json": 2e-9, "store": 0.0}
    )
    certificate.write(result, bundle)
    return result


def test_certificate_reads_back_equal(bundle: Path) -> None:
    written = proven(bundle)
    assert certificate.read(bundle) == certificate.verify(bundle) == written


def test_same_proof_gives_the_same_bytes(bundle: Path) -> None:
    proven(bundle)
    first = (bundle / certificate.FILE).read_bytes()
    certificate.write(replace(certificate.read(bundle), paths={"store": 0.0, "native-json": 2e-9}), bundle)
    assert (bundle / certificate.FILE).read_bytes() == first


def test_certificate_itself_does_not_count(bundle: Path) -> None:
    before = certificate.digest(bundle)
    proven(bundle)
    assert certificate.digest(bundle) == before


def test_bundle_without_certificate_is_refused(bundle: Path) -> None:
    with pytest.raises(BundleError, match=r"has no certificate\.json.*ranklet build functions/movie-ftrl"):
        certificate.verify(bundle)


@pytest.mark.parametrize("change", ["edit", "add", "remove", "rename"])
def test_changed_bundle_is_refused(bundle: Path, change: str) -> None:
    proven(bundle)
    table = bundle / "tables" / "item.npy"
    match change:
        case "edit":
            table.write_bytes(b"\x00\x02")
        case "add":
            (bundle / "tables" / "more.npy").write_bytes(b"")
        case "remove":
            table.unlink()
        case "rename":
            table.rename(table.with_name("itel.npy"))
    with pytest.raises(BundleError, match="changed after it was proven"):
        certificate.verify(bundle)


def test_bytes_that_move_from_one_file_to_the_next_change_the_digest(tmp_path: Path) -> None:
    for folder, first, second in (("one", "ab", "c"), ("two", "a", "bc")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").write_text(first)
        (tmp_path / folder / "y").write_text(second)
    assert certificate.digest(tmp_path / "one") != certificate.digest(tmp_path / "two")


def test_difference_above_the_bound_is_refused(bundle: Path) -> None:
    certificate.write(replace(proven(bundle), paths={"native-json": 1e-9, "store": 1e-3}), bundle)
    with pytest.raises(BundleError, match=r"path 'store' differs .* by 0\.001, allowed is 1e-06"):
        certificate.verify(bundle)


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[]",
        "{}",
        '{"bundle": "abc", "rows": 1, "bound": 1.0, "paths": {"x": 0.0}}',
        '{"bundle": "%s", "rows": 0, "bound": 1.0, "paths": {"x": 0.0}}' % ("0" * 64),
        '{"bundle": "%s", "rows": 1, "bound": 1.0, "paths": {}}' % ("0" * 64),
        '{"bundle": "%s", "rows": 1, "bound": 1.0, "paths": {"x": null}}' % ("0" * 64),
        "\ud800",
    ],
)
def test_certificate_that_is_none_is_refused_with_its_path(bundle: Path, text: str) -> None:
    (bundle / certificate.FILE).write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(BundleError, match=r"certificate\.json: .*ranklet build"):
        certificate.verify(bundle)
