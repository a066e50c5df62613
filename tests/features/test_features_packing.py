"""Packed rows: sizes, exactness, and the error bound that each form states."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ranklet_features.packing import from_bytes, pack, row_dtype, unpack

ROWS = arrays(np.float32, (5, 7), elements=st.floats(-1e4, 1e4, width=32))


@pytest.mark.parametrize(("dtype", "size"), [("f32", 28), ("f16", 14), ("int8", 11)])
def test_a_row_has_no_padding(dtype: str, size: int) -> None:
    rows = np.ones((3, 7), np.float32)
    assert row_dtype(dtype, 7).itemsize == size  # type: ignore[arg-type]
    assert len(pack(rows, dtype).tobytes()) == 3 * size  # type: ignore[arg-type]


@given(ROWS)
def test_f32_is_exact_and_f16_is_numpys_rounding(rows: np.ndarray) -> None:
    assert np.array_equal(unpack(pack(rows, "f32")), rows)
    assert np.array_equal(unpack(pack(rows, "f16")), rows.astype(np.float16).astype(np.float32))


@given(ROWS)
def test_int8_is_within_half_a_step_of_its_row(rows: np.ndarray) -> None:
    half_step = np.abs(rows).max(axis=1, keepdims=True) / 127 / 2
    assert (np.abs(unpack(pack(rows, "int8")) - rows) <= half_step * (1 + 1e-5) + 1e-30).all()


@given(ROWS, st.sampled_from(["f32", "f16", "int8"]))
def test_bytes_read_back_as_what_was_packed(rows: np.ndarray, dtype: str) -> None:
    packed = pack(rows, dtype)  # type: ignore[arg-type]
    read = from_bytes(packed.tobytes(), dtype=dtype, dim=7)  # type: ignore[arg-type]
    assert np.array_equal(unpack(read), unpack(packed))


@pytest.mark.parametrize("tiny", [1e-45, 5e-44, 1e-40])
def test_a_row_too_small_for_a_scale_is_within_a_step_of_what_float32_can_tell(tiny: float) -> None:
    rows = np.array([[tiny, -tiny, 0]], np.float32)
    assert np.abs(unpack(pack(rows, "int8")) - rows).max() <= 127 * 1.5e-45


def test_a_row_of_zeros_stays_zero() -> None:
    assert np.array_equal(unpack(pack(np.zeros((2, 3)), "int8")), np.zeros((2, 3), np.float32))
