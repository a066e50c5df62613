"""Files of NumPy from anybody: read without a copy, or refused; never unpickled, and no memory for what they claim."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet_runtime.dialects.npy import HEADER, read, write
from ranklet_runtime.errors import RequestFault

FLOATS = np.arange(12, dtype="<f8").reshape(3, 4)


def saved(array: Any, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), version=version)
    return file.getvalue()


def claiming(header: str, values: bytes = b"") -> bytes:
    """A file with any header."""
    text = header.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + values


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i8", "|u1", "|b1", "<U3", "|S3", [("a", "<f4"), ("b", "<U2", (2,))]])
def test_arrays_come_back_as_they_were(dtype: Any, version: tuple[int, int]) -> None:
    array = np.zeros((3, 2), dtype)
    found = read(saved(array, version), limit=3)
    assert found.dtype == array.dtype
    assert (found == array).all()


def test_columns_first_is_read_and_nothing_is_copied() -> None:
    body = saved(np.asfortranarray(FLOATS))
    found = read(body, limit=3)
    assert (found == FLOATS).all()
    assert not found.flags.owndata


def test_what_is_written_is_numpys_own() -> None:
    scores = np.array([0.25, 0.5], np.float32)
    assert np.load(io.BytesIO(write(scores)), allow_pickle=False).tolist() == scores.tolist()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not an .npy file"),
        (b"PK\x03\x04", "not an .npy file"),
        (b"\x93NUMPY\x04\x00aaaa", "not an .npy file"),
        (b"\x93NUMPY\x01\x00", "cut off"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "cut off"),
        (claiming("{" + " " * HEADER), "longer than"),
        (claiming("("), "header of the .npy file is broken"),
        (claiming("(" * 5000), "header of the .npy file is broken"),
        (claiming("-" * 9000 + "1"), "header of the .npy file is broken"),
        (claiming("[]"), "header of the .npy file is broken"),
        (claiming("{}"), "header of the .npy file is broken"),
        (claiming("__import__('os').system('true')"), "header of the .npy file is broken"),
        (claiming("{'descr': 'x', 'fortran_order': False, 'shape': (1,)}"), "header of the .npy file is broken"),
        (claiming("{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}"), "header of the .npy file is broken"),
        (claiming("{'descr': '<f8', 'fortran_order': False, 'shape': [1]}"), "header of the .npy file is broken"),
        (claiming("{'descr': '<f8', 'fortran_order': False, 'shape': (True,)}"), "header of the .npy file is broken"),
        (claiming("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"), "an array of rows is expected"),
        (claiming("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 10**12)}"), "header of the .npy file"),
        (claiming("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1000000000000)}"), "an array of rows"),
        (claiming("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 10000000)}"), "says 80000000"),
        (claiming("{'descr': '<U0', 'fortran_order': False, 'shape': (1,)}"), "Python objects"),
        (claiming("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"\x80\x04]\x94K\x01a."), "Python objects"),
        (claiming("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,)}"), "Python objects"),
        (claiming("{'descr': '<f8', 'fortran_order': False, 'shape': (9,)}"), "9 rows; this model takes 3"),
    ],
    ids=range(24),
)
def test_what_is_no_array_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(RequestFault, match=said) as refused:
        read(body, limit=3)
    assert len(str(refused.value)) < 200


@settings(max_examples=400, deadline=None)
@given(
    st.binary(max_size=200)
    | st.tuples(st.sampled_from([saved(FLOATS), saved(np.zeros(2, [("a", "<f4"), ("b", "<U2")]))]),
                st.lists(st.tuples(st.integers(0, 250), st.integers(0, 255)), max_size=4), st.integers(0, 300)).map(
        lambda drawn: _damaged(*drawn)
    )
)  # fmt: skip
def test_any_damage_is_read_or_refused(body: bytes) -> None:
    try:
        found = read(body, limit=5)
    except RequestFault as fault:
        assert 400 <= fault.status < 500
    else:
        assert len(found) <= 5


def _damaged(body: bytes, flips: list[tuple[int, int]], end: int) -> bytes:
    content = bytearray(body)
    for place, byte in flips:
        content[place % len(content)] = byte
    return bytes(content[:end])
