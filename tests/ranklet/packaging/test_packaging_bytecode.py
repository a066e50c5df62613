"""Bytecode that Lambda reads, whatever time the sources carry."""

from __future__ import annotations

import importlib.util
import marshal
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ranklet.errors import PackagingError
from ranklet.packaging import bytecode

RUNNING = (sys.version_info[0], sys.version_info[1])


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    bytecode.compiler.cache_clear()
    yield
    bytecode.compiler.cache_clear()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "python" / "pack"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("def name():\n    return {'a', 'b', 'c'}, 'pack'\n")
    return folder


def compiled(package: Path) -> bytes:
    bytecode.compile_packages(package.parent, [package], sys.executable)
    (file,) = package.rglob("*.pyc")
    return file.read_bytes()


def test_bytecode_is_unchecked_hash_of_the_sources(package: Path) -> None:
    data = compiled(package)
    assert data[:4] == importlib.util.MAGIC_NUMBER
    assert data[4:8] == b"\x01\x00\x00\x00"  # PEP 552: hash-based, and not checked
    assert data[8:16] == importlib.util.source_hash((package / "__init__.py").read_bytes())


def test_bytecode_is_used_although_the_source_has_another_time(package: Path) -> None:
    compiled(package)
    source = package / "__init__.py"
    source.write_text("raise SystemExit('the source was compiled')\n")
    os.utime(source, (0, 0))
    script = f"import sys; sys.path.insert(0, {str(package.parent)!r}); import pack; print(pack.name()[1])"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "pack"


def test_code_remembers_lambdas_folder_and_no_folder_of_this_machine(package: Path, tmp_path: Path) -> None:
    data = compiled(package)
    assert marshal.loads(data[16:]).co_filename == "/opt/python/pack/__init__.py"
    assert str(tmp_path).encode() not in data


def test_same_sources_give_the_same_bytes(package: Path) -> None:
    assert compiled(package) == compiled(package)


def test_module_that_does_not_compile_is_named(package: Path) -> None:
    (package / "broken.py").write_text("def (:\n")
    with pytest.raises(PackagingError, match=r"could not compile(.|\n)*broken\.py"):
        compiled(package)


def test_running_interpreter_compiles_for_its_own_minor() -> None:
    assert bytecode.compiler(RUNNING) == sys.executable


def test_interpreter_on_path_that_does_not_run_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pyenv leaves on PATH answers for every minor, and fails for those that are not installed."""
    shim = tmp_path / "bin" / "python3.99"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path))
    assert bytecode.compiler((3, 99)) is None


def test_interpreter_of_pyenv_is_found_and_must_be_a_final_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version, level in (("3.99.2", "final"), ("3.99.9", "candidate")):
        python = tmp_path / "versions" / version / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"""#!/bin/sh\necho '[3, 99, "{level}", "cpython"]'\n""")
        python.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert bytecode.compiler((3, 99)) == str(tmp_path / "versions" / "3.99.2" / "bin" / "python")


def test_packages_of_the_hot_path_are_compiled_without_docstrings(tmp_path: Path) -> None:
    text = (
        '"""Of the module."""\n\nfrom __future__ import annotations\n\nWHERE = "kept"\n\n\n'
        'class Known:\n    """Of the class."""\n\n\ndef told():\n'
        '    """Of the function."""\n    assert WHERE\n    return 1 / 0\n'
    )
    for name in ("ranklet_runtime", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
    packages = [tmp_path / name for name in ("ranklet_runtime", "other")]
    bytecode.compile_packages(tmp_path, packages, sys.executable)
    quiet, other = (next(package.rglob("*.pyc")).read_bytes() for package in packages)
    assert b"Of the " not in quiet and b"kept" in quiet and b"Of the " in other
    assert quiet[:16] == other[:16], "as valid as any"
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport ranklet_runtime as one, traceback\n"
        "assert (one.__doc__, one.Known.__doc__, one.told.__doc__) == (None, None, None)\n"
        "try:\n    one.told()\nexcept ZeroDivisionError as error:\n"
        "    frame = traceback.extract_tb(error.__traceback__)[-1]\n"
        "print(frame.lineno, frame.filename)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True)
    assert done.stdout.split()[0] == str(text[: text.index("return 1 / 0")].count("\n") + 1), done.stderr
    bytecode.compile_packages(tmp_path, packages, sys.executable)
    assert next(packages[0].rglob("*.pyc")).read_bytes() == quiet
