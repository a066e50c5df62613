"""Archives that lead outside, swell, lie or are damaged are refused before or while they are read."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet.errors import ImportRefused
from ranklet.importers.archives import MAX_MEMBERS, open_zip


def _zip(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def _refused(path: Path, what: str, **limits: int) -> None:
    with pytest.raises(ImportRefused, match=what), open_zip(path, **limits):
        pass


def test_members_are_read_and_extracted_as_they_were_packed(tmp_path: Path) -> None:
    path = _zip(tmp_path / "m.zip", ("a.txt", b"one"), ("folder/b.bin", bytes(range(256)) * 9), ("folder/", b""))
    with open_zip(path) as archive:
        assert set(archive.members) == {"a.txt", "folder/b.bin"}
        assert archive.read("folder/b.bin") == bytes(range(256)) * 9
        archive.extract(tmp_path / "out")
    assert (tmp_path / "out" / "a.txt").read_bytes() == b"one"
    assert (tmp_path / "out" / "folder" / "b.bin").read_bytes() == bytes(range(256)) * 9


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "c:/evil", "C:evil"])
def test_names_that_lead_outside_are_refused(tmp_path: Path, name: str) -> None:
    _refused(_zip(tmp_path / "m.zip", ("fine", b""), (name, b"x")), "leads outside")


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    _refused(_zip(tmp_path / "m.zip", (link, b"/etc/passwd")), "is a link")


def test_bombs_are_refused(tmp_path: Path) -> None:
    _refused(_zip(tmp_path / "m.zip", ("zeros", bytes(3 << 20))), "unpacks [0-9]+ bytes to 3145728")
    _refused(
        _zip(tmp_path / "m.zip", ("a", bytes(600)), ("b", bytes(600))),
        "unpacks to 1200 bytes, at most 1000",
        limit=1000,
    )
    many = _zip(tmp_path / "n.zip", *((str(i), b"") for i in range(MAX_MEMBERS + 1)))
    _refused(many, f"has {MAX_MEMBERS + 1} members")


def test_two_members_of_one_name_and_other_methods_are_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = _zip(tmp_path / "m.zip", ("a", b"1"), ("a", b"2"))
    _refused(path, "holds 'a' twice")
    _refused(_zip(tmp_path / "m.zip", ("a", b"1"), method=zipfile.ZIP_LZMA), "packed by method 14")


def test_a_member_that_is_absent_or_too_large_is_refused(tmp_path: Path) -> None:
    with open_zip(_zip(tmp_path / "m.zip", ("a", b"12345"))) as archive:
        with pytest.raises(ImportRefused, match=r"m\.zip holds no b"):
            archive.read("b")
        with pytest.raises(ImportRefused, match="a has 5 bytes, at most 4"):
            archive.read("a", limit=4)


def test_a_member_longer_than_it_says_ends_there(tmp_path: Path) -> None:
    path = _zip(tmp_path / "m.zip", ("a", b"x" * 5000))
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(signature) + offset, 10)
    path.write_bytes(content)
    with open_zip(path) as archive, pytest.raises(ImportRefused, match=r"a is (longer|damaged)"):
        archive.read("a")


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_archives_are_refused_or_read_right(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wanted = b"the weights of a model " * 20
    path = _zip(tmp_path_factory.mktemp("zips") / "m.zip", ("a", wanted), ("b", wanted))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        with open_zip(path) as archive:
            for name in archive.members:
                assert archive.read(name) == wanted
    except ImportRefused:
        pass
