"""A folder of layer sources and a shelf of small wheels that the real pip installs from, without a network."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

MakeWheel = Callable[..., Path]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pip looks, and nowhere else."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def make_wheel(shelf: Path) -> MakeWheel:
    """Put a wheel on the shelf: a package of one module, with console script, licence, tests and stale bytecode."""

    def make(name: str, version: str = "1.0", tag: str = "py3-none-any", code: str = "ANSWER = 42\n") -> Path:
        path = shelf / f"{name}-{version}-{tag}.whl"
        info = f"{name}-{version}.dist-info"
        files = {
            f"{name}/__init__.py": code,
            f"{name}/__init__.pyi": "ANSWER: int\n",
            f"{name}/__pycache__/__init__.cpython-38.pyc": "stale",
            f"{name}/tests/test_it.py": "assert True\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
            f"{info}/licenses/LICENSE": "as is\n",
            f"{info}/entry_points.txt": f"[console_scripts]\n{name}-run = {name}:run\n",
        }
        with zipfile.ZipFile(path, "w") as archive:
            for file, text in files.items():
                archive.writestr(file, text)
            archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"]))
        return path

    return make


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Layer sources: `alpha` with a pin and code of ours, `bare` with a pin alone."""
    folder = tmp_path / "layers"
    package = folder / "alpha" / "python" / "ours"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import tiny\n\n\ndef double():\n    return 2 * tiny.ANSWER\n")
    (package / "py.typed").write_text("")
    (folder / "alpha" / "requirements.txt").write_text("tiny==1.0\n")
    (folder / "bare").mkdir()
    (folder / "bare" / "requirements.txt").write_text("tiny==1.0\n")
    return folder
