"""Shared objects lose what the loader does not read, and load."""

from __future__ import annotations

import importlib.util
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ranklet.packaging import elf

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the format of Linux")


def extension(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin)


def test_numpy_computes_with_lightened_objects(tmp_path: Path) -> None:
    """Of those moved by patchelf, as its own and OpenBLAS are, the holes are closed as well."""
    home = Path(np.__file__).parents[1]
    for name in ("numpy", "numpy.libs"):
        shutil.copytree(home / name, tmp_path / name, ignore=shutil.ignore_patterns("tests", "random", "f2py"))
    won = {path.name: elf.lighten(path) for path in tmp_path.rglob("*.so*")}
    assert sum(won.values()) > 1_000_000
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport numpy as np\n"
        "a = np.arange(90000.0).reshape(300, 300) % 7\n"
        "assert np.__file__.startswith(sys.path[0])\n"
        "b = a + 300 * np.eye(300)\nassert np.allclose(np.linalg.inv(b) @ b, np.eye(300))\n"
        "print(int((a.astype(np.float32) @ a.astype(np.float32)).astype(float).sum()), int((a @ a).sum()))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True)
    a = np.arange(90000.0).reshape(300, 300) % 7
    assert done.stdout.split() == [str(int((a @ a).sum()))] * 2, done.stderr


def test_twice_is_once(tmp_path: Path) -> None:
    light = elf.lightened(extension("msgpack._cmsgpack").read_bytes())
    assert elf.lightened(light) == light


def test_little_to_win_leaves_the_wheels_own_bytes(tmp_path: Path) -> None:
    given = extension("orjson.orjson").read_bytes()
    small = len(given) - len(elf.lightened(given)) < elf.WORTH
    (tmp_path / "a.so").write_bytes(given)
    assert (elf.lighten(tmp_path / "a.so") == 0) == small
    assert ((tmp_path / "a.so").read_bytes() == given) == small


def test_what_is_not_understood_stays_as_it_is() -> None:
    given = extension("msgpack._cmsgpack").read_bytes()
    for odd in (b"", b"#!/bin/sh\n", given[:63], given[:100], b"\x7fELF\x01" + given[5:], given[: len(given) // 9]):
        assert elf.lightened(odd) == odd
    relocatable = bytearray(given)
    relocatable[16] = 1
    assert elf.lightened(bytes(relocatable)) == bytes(relocatable)


def test_damaged_heads_never_raise() -> None:
    given = extension("msgpack._cmsgpack").read_bytes()
    dice = random.Random(9)
    for _ in range(300):
        damaged = bytearray(given)
        for _ in range(4):
            damaged[dice.randrange(4, 700)] = dice.randrange(256)
        elf.lightened(bytes(damaged))
