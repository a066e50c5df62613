"""Asks source libraries and real clients themselves: an environment of its own for each, and `pytest -m oracle` in it.

They cannot live together (TensorFlow, torch and the rest want other versions of the same packages, or other Pythons):
each folder of tests/ranklet/importers, tests/clients and tests/runtime that asks one has a requirements.txt. Its first
line names the Python (`# python 3.12`); the others pin what is installed beside this project.

    python tests/oracles.py                         the folders, and the Python each wants
    python tests/oracles.py keras tensorflow        makes .oracles/<Python>-<hash of the pins>/ once, runs the tests
    python tests/oracles.py keras --make            makes the stored answers anew (make_models.py, make_recording.py)
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = (ROOT / "tests" / "ranklet" / "importers", ROOT / "tests" / "clients", ROOT / "tests" / "runtime")
TESTERS = ("pytest", "hypothesis", "pandas", "pyarrow")
"""Of [test], what oracle tests need: the rest would ask for versions of its own."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code of the first run that fails, 0 where all pass, 2 for an unknown folder or Python."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "folders", nargs="*", help="names below tests/ranklet/importers, tests/clients or tests/runtime"
    )
    parser.add_argument("--make", action="store_true", help="make the stored answers instead")
    wanted = parser.parse_args(arguments)
    known = {path.parent.name: path for path in requirements()}
    if unknown := sorted(set(wanted.folders) - set(known)):
        print(f"no {unknown[0]}/requirements.txt; there are {', '.join(known)}", file=sys.stderr)
        return 2
    if not wanted.folders:
        for name, path in known.items():
            print(f"{name:12} Python {version(path)}  {', '.join(pins(path))}")
        return 0
    for name in wanted.folders:
        folder = known[name].parent
        if wanted.make and not _maker(folder).exists():
            print(f"{name} stores no answers: it is asked anew every time", file=sys.stderr)
            return 2
        command = [str(_maker(folder))] if wanted.make else _tests(folder)
        python = environment(known[name])
        if python is None:
            return 2
        if code := subprocess.run([python, *command], cwd=ROOT, check=False).returncode:
            return code
    return 0


def requirements() -> list[Path]:
    """The requirements.txt of every folder."""
    return sorted(path for folder in TESTS for path in folder.glob("*/requirements.txt"))


def environment(requirements: Path) -> Path | None:
    """The interpreter of a folder's environment, which is made where it is absent; None without such a Python."""
    wanted = version(requirements)
    key = hashlib.sha256("\n".join(pins(requirements)).encode()).hexdigest()[:8]
    folder = ROOT / ".oracles" / f"{wanted}-{key}"
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    base = sys.executable if wanted == "{}.{}".format(*sys.version_info) else shutil.which(f"python{wanted}")
    if base is None:
        print(f"{requirements.parent.name} wants Python {wanted}: no python{wanted} on the PATH", file=sys.stderr)
        return None
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([base, "-m", "venv", folder], check=True)
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "-r", requirements, "-e", ROOT, *TESTERS], cwd=ROOT, check=True
    )
    (folder / "complete").touch()
    return python


def version(requirements: Path) -> str:
    """The Python that the first line names. Raises ValueError where it names none."""
    first = requirements.read_text(encoding="utf-8").split("\n", 1)[0]
    found = re.fullmatch(r"# python (3\.\d+)\b.*", first)
    if found is None:
        raise ValueError(
            f"{requirements.relative_to(ROOT)} begins with {first!r}; it must name its Python: # python 3.12"
        )
    return found[1]


def pins(requirements: Path) -> list[str]:
    """What it installs, in order."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _maker(folder: Path) -> Path:
    return folder / ("make_recording.py" if folder.parent == TESTS[1] else "make_models.py")


def _tests(folder: Path) -> list[str]:
    return ["-m", "pytest", "-q", "-m", "oracle", str(folder)]


if __name__ == "__main__":
    raise SystemExit(main())
