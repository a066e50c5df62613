"""An .npz that would do harm is refused before it does, and by name."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ranklet_runtime.engines.arrays import read_npz
from ranklet_runtime.engines.base import Array
from ranklet_runtime.errors import ManifestError


def npy(array: Array) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=array.dtype.hasobject)
    return stream.getvalue()


def header(text: str, body: bytes = b"") -> bytes:
    """A version 1 .npy file with a header of our words."""
    padded = text.encode() + b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + body


def npz(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_saves_is_read_back(save: object, tmp_path: Path) -> None:
    arrays = {
        "f4": np.arange(6, dtype="<f4").reshape(2, 3),
        "f8": np.linspace(0, 1, 5),
        "big endian": np.arange(4, dtype=">f8"),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "empty": np.zeros((0, 3)),
        "scalar": np.array(2.5),
        "w.a/b": np.ones(1),
    }
    save(tmp_path / "w.npz", **arrays)  # type: ignore[operator]
    found = read_npz(tmp_path / "w.npz")
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].shape == array.shape
        assert found[name].dtype.isnative and found[name].flags.c_contiguous


def test_float16_is_widened(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", w=np.array([0.1, 2], np.float16))
    found = read_npz(tmp_path / "w.npz")["w"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([0.1, 2], np.float16).astype(np.float32))


def test_a_later_header_version_is_read(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.arange(3.0), version=(2, 0))
    np.testing.assert_array_equal(read_npz(npz(tmp_path / "w.npz", {"w.npy": stream.getvalue()}))["w"], np.arange(3.0))


HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
NEGATIVE = "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -2), }"


@pytest.mark.parametrize(
    ("member", "content", "message"),
    [
        ("w.npy", npy(np.array([{"a": 1}], dtype=object)), "w.npy is of object; .* never pickled"),
        ("w.npy", npy(np.array([1, 2])), "w.npy is of int64; wanted float16, float32 or float64"),
        ("w.npy", npy(np.array(["a"])), "w.npy is of <U1"),
        ("w.npy", npy(np.array([1 + 2j])), "w.npy is of complex128"),
        ("w.npy", npy(np.zeros(2, [("a", "f8")])), "w.npy is of"),
        ("w.npy", header(HUGE, bytes(16)), r"claims 8000000000000 bytes of shape \[1000000000000\], it holds 16"),
        ("w.npy", header(NEGATIVE, bytes(16)), "claims 16 bytes"),
        ("w.npy", npy(np.arange(3.0))[:-8], r"claims 24 bytes of shape \[3\], it holds 16"),
        ("w.npy", npy(np.arange(3.0)) + b"more", "it holds 28"),
        ("w.npy", header("__import__('os').system('false')"), "no readable .npy header"),
        ("w.npy", header("{'descr': '<f8'}"), "no readable .npy header"),
        ("w.npy", b"", "no readable .npy header"),
        ("w.npy", b"\x93NUMPY\x09\x00", "no readable .npy header"),
        ("w.pkl", b"cos\nsystem\n(S'false'\ntR.", "member 'w.pkl' is not an array"),
        ("../../w", b"", r"member '../../w' is not an array"),
    ],
)
def test_a_member_that_is_no_plain_array_is_refused(member: str, content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=message):
        read_npz(npz(tmp_path / "w.npz", {member: content}))


def test_a_bomb_is_refused_by_its_directory(tmp_path: Path) -> None:
    path = npz(tmp_path / "w.npz", {"w.npy": npy(np.zeros(1_000_000))}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ManifestError, match=r"w\.npz inflates to 8000128 bytes, at most 1000000 are read"):
        read_npz(path, limit=1_000_000)


def test_a_bomb_that_lies_about_its_size_inflates_to_what_it_says_only(tmp_path: Path) -> None:
    path = npz(tmp_path / "w.npz", {"w.npy": npy(np.zeros(25_000_000))}, zipfile.ZIP_DEFLATED)
    told, lie = (size.to_bytes(4, "little") for size in (200_000_128, 128))
    path.write_bytes(path.read_bytes().replace(told, lie))
    tracemalloc.start()
    try:
        with pytest.raises(ManifestError, match=r"cannot read w\.npz as \.npz: Bad CRC-32"):
            read_npz(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as file:
        file.writestr("w.npy", npy(np.zeros(1)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("w.npy", npy(np.ones(1)))
    with pytest.raises(ManifestError, match="2 members, at most 4096 different ones"):
        read_npz(tmp_path / "w.npz")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(compression: int, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"member 'w\.npy' is not an array that numpy\.savez writes"):
        read_npz(npz(tmp_path / "w.npz", {"w.npy": npy(np.zeros(3))}, compression))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\x80\x04K\x01.", npy(np.zeros(3))])
def test_a_file_that_is_no_zip_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.npz").write_bytes(content)
    with pytest.raises(ManifestError, match=r"cannot read w\.npz as \.npz: .*; write it with numpy\.savez"):
        read_npz(tmp_path / "w.npz")


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"cannot read w\.npz"):
        read_npz(tmp_path / "w.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_file_is_read_or_refused(save: object, tmp_path: Path) -> None:
    path, random = tmp_path / "w.npz", np.random.default_rng(0)
    save(path, a=np.arange(5.0), b=np.ones((2, 3), np.float32))  # type: ignore[operator]
    whole, refused = path.read_bytes(), 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), random.integers(1, 5)):
            damaged[place] = random.integers(0, 256)
        path.write_bytes(damaged[: random.integers(1, len(whole) * 4)])
        try:
            read_npz(path)
        except ManifestError:
            refused += 1
    assert refused > 150
