"""What is edited in NumPy, what stays, and that another version is left as it is. That it computes, others test."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ranklet.packaging import trim
from ranklet.packaging.layers import build
from ranklet.packaging.targets import host_target

OUT = Path(__file__).parents[3] / ".build" / "layers"

USED = """
import io, sys, warnings
warnings.simplefilter("error")
warnings.simplefilter("ignore", PendingDeprecationWarning)
import numpy as np
late = {"ctypes", "pickle", "platform", "numpy.linalg", "numpy._typing"} & set(sys.modules)
assert not late, late
for shape in (), (3,), (3, 4), (0, 2):
    for dtype in "<f4", "<i8", "<U5", "|b1", ">f8":
        file = io.BytesIO()
        np.lib.format.write_array(file, np.zeros(shape, dtype, order="F"))
        file.seek(0)
        read = np.lib.format.read_array(file)
        assert (read.shape, read.dtype.str) == (shape, dtype), (read.shape, read.dtype)
assert "inspect" in sys.modules or "ast" not in sys.modules, "the head of a file was compiled"
file = io.BytesIO()
np.save(file, np.zeros(2, [("a", "<i4"), ("b", "<f4", 2)]))
file.seek(0)
assert np.load(file).dtype["b"].shape == (2,)
assert np.unique([2, 1, 2]).tolist() == [1, 2] and "numpy.ma.core" not in sys.modules
assert np.linalg.inv(np.array([[2.0]])).tolist() == [[0.5]]
assert isinstance(np.linalg.LinAlgError("x"), ValueError)
assert np.roots([1, -3, 2]).tolist() == [2, 1]
assert (np.asmatrix("1 2; 3 4") ** 2).tolist() == [[7, 10], [15, 22]]
assert np.arange(3).ctypes.data and np.arange(2).dumps()
assert np.dtype("i4,(2,3)f8").itemsize == 52
from numpy.typing import ArrayLike, NDArray
assert NDArray[np.float32] and ArrayLike
print(np.array([1.5, float("nan")]), np.mean([1, 2]), np.einsum("i,i", [1, 2], [3, 4]))
"""


@pytest.fixture(scope="module")
def layer() -> Path:
    return build("features", host_target(), OUT) / "python"


def test_every_edit_finds_its_place_in_the_numpy_of_this_python(tmp_path: Path) -> None:
    installed = Path(np.__file__).parent
    for file in {edit.file for edit in trim.EDITS} | {stub[0] for stub in trim.STUBS} | {"numpy/__init__.py"}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(installed.parent / file, tmp_path / file)
    assert trim.trim(tmp_path) == []
    assert "import inspect\n" not in (tmp_path / "numpy/_core/overrides.py").read_text().replace("_later import", "")
    # What is trimmed already looks different, and is said to.
    assert len(trim.trim(tmp_path)) == len(trim.EDITS)


def test_another_version_is_left_alone_and_named(tmp_path: Path) -> None:
    (tmp_path / "numpy" / "_core").mkdir(parents=True)
    (tmp_path / "numpy" / "__init__.py").write_text("")
    (tmp_path / "numpy" / "_core" / "overrides.py").write_text("from inspect import signature\n")
    left = trim.trim(tmp_path)
    assert len(left) == len(trim.EDITS) + len(trim.STUBS)
    assert "numpy/_core/overrides.py: texts and signatures for readers" in left
    assert (tmp_path / "numpy" / "_core" / "overrides.py").read_text() == "from inspect import signature\n"


def test_layers_without_numpy_are_not_touched(tmp_path: Path) -> None:
    assert trim.trim(tmp_path) == [] and not list(tmp_path.iterdir())


def test_trimmed_numpy_works_and_linalg_loads_when_touched(layer: Path) -> None:
    script = f"import sys; sys.path.insert(0, {str(layer)!r})\n{USED}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[1.5 nan] 1.5 11\n"
