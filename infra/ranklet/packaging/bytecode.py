"""Bytecode that is valid in Lambda.

The CDK stamps every asset file 1980-01-01, so bytecode that is checked by the source's time is thrown away at every
cold start. `unchecked-hash` bytecode is not checked at all; a layer's sources never change below it. It must come from
the target's own Python minor: another minor's is not read. PEP 552 describes the format.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from ranklet.errors import PackagingError

PREFIX = "/opt/python"
"""Where Lambda mounts a layer: the path that compiled code remembers, instead of a folder of the build machine."""

QUIET = ("numpy", "ranklet_features", "ranklet_runtime")
"""Packages whose bytecode is without docstrings: read and unpacked at each cold start, for nobody. Half of NumPy's."""

_WITHOUT_DOCSTRINGS = """
import ast, importlib.util, pathlib, sys
from importlib import _bootstrap_external as external

root, prefix = pathlib.Path(sys.argv[1]), sys.argv[2]
for package in sys.argv[3:]:
    for path in sorted(pathlib.Path(package).rglob("*.py")):
        source = path.read_bytes()
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                first = node.body[0] if node.body else None
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                    if isinstance(first.value.value, str):
                        # Nothing may stand before an import of the future, and something in a function.
                        node.body[:1] = [] if len(node.body) > 1 else [ast.copy_location(ast.Pass(), first)]
        code = compile(tree, prefix + "/" + path.relative_to(root).as_posix(), "exec", dont_inherit=True)
        content = external._code_to_hash_pyc(code, importlib.util.source_hash(source), False)
        pathlib.Path(importlib.util.cache_from_source(str(path))).write_bytes(content)
"""

_PROBE = (
    "import json, sys; v = sys.version_info; "
    "print(json.dumps([v.major, v.minor, v.releaselevel, sys.implementation.name]))"
)


@cache
def compiler(python: tuple[int, int]) -> str | None:
    """A CPython of that minor on this machine: the running one, one on PATH, or one that pyenv or uv installed."""
    return next((candidate for candidate in _candidates(python) if _is(candidate, python)), None)


def compile_packages(root: Path, packages: Sequence[Path], executable: str) -> None:
    """Compile every module of the packages below `root`, in place; the same sources give the same bytes.

    Those of QUIET are compiled again, without docstrings.
    """
    command = [executable, "-s", "-S", "-E", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(root), "-p", PREFIX, *map(str, packages)]
    _run(command, executable)
    if quiet := [str(path) for name in QUIET if (path := root / name).is_dir()]:
        _run([executable, "-s", "-S", "-E", "-c", _WITHOUT_DOCSTRINGS, str(root), PREFIX, *quiet], executable)


def _run(command: Sequence[str], executable: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise PackagingError(
            f"{executable} could not compile a module of the layer: {done.stdout}{done.stderr}".strip()
        )


def _candidates(python: tuple[int, int]) -> Iterator[str]:
    minor = f"{python[0]}.{python[1]}"
    yield sys.executable
    if found := shutil.which(f"python{minor}"):
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob(f"versions/{minor}.*/bin/python"), reverse=True))
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local" / "share" / "uv" / "python")
    yield from map(str, sorted(uv.glob(f"cpython-{minor}.*/bin/python{minor}"), reverse=True))


def _is(executable: str, python: tuple[int, int]) -> bool:
    """Whether it runs and is a final release of that minor: a shim may name a Python that is not installed."""
    try:
        done = subprocess.run([executable, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=30)
        return bool(json.loads(done.stdout) == [*python, "final", "cpython"])
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError):
        return False
