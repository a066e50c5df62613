"""What importing NumPy does for nobody in a function: texts of documentation, checks of its own source, modules that
few calls need. Half of its import goes.

The files of a layer are edited as they are laid out, by exact lines: NumPy's compiled code, its numbers and its public
names stay. A line that is not there, as in another version, is left alone and named, so that a new pin is looked at
and does not break; the tests hold the pinned versions to having all of them. `numpy/_later.py` is ours: stand-ins that
load a module at its first use.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LATER = '''"""Not of NumPy, but of the layer that it is packed in: what loads when it is used."""

from importlib import import_module as _load
from types import ModuleType as _ModuleType


class _Later(_ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_load(self.__name__), name)


ast, ctypes, inspect, pickle, platform = map(_Later, ("ast", "ctypes", "inspect", "pickle", "platform"))


def _function(name):
    def call(*given, **named):
        return getattr(_load("numpy.linalg"), name)(*given, **named)

    call.__name__ = call.__qualname__ = name
    return call


eigvals, inv, lstsq, matrix_power = map(_function, ("eigvals", "inv", "lstsq", "matrix_power"))


def literal_eval(text):
    """`ast.literal_eval`; without the compiler of the head of an .npy file, if NumPy would write that very text."""
    descr, _, rest = text.removeprefix("{'descr': '").partition("', 'fortran_order': ")
    order, _, rest = rest.partition(", 'shape': (")
    try:
        shape = tuple(int(size) for size in rest.partition(")")[0].split(",") if size)
    except ValueError:
        shape = ()
    found = {"descr": descr, "fortran_order": order == "True", "shape": shape}
    if text.rstrip() == f"{found!r}"[:-1] + ", }":
        return found
    return _load("ast").literal_eval(text)
'''

TYPING = '''"""Types for annotations, which nothing checks in a function; see `numpy._typing`."""

from types import GenericAlias as _GenericAlias

__all__ = ["ArrayLike", "DTypeLike", "NBitBase", "NDArray"]


class NDArray:
    """An array of some dtype."""

    __class_getitem__ = classmethod(_GenericAlias)


def __getattr__(name):
    if name in __all__:
        import numpy._typing

        return getattr(numpy._typing, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
'''

MASKED = '''"""Left out of this layer: masked arrays. What NumPy asks of each array is answered."""


class MaskedArray:
    """Which nothing is."""


def is_masked(x):
    return False


isMaskedArray = isMA = isarray = is_masked
'''

EMPTY = '"""Left out of this layer: {}."""\n'


class Edit(NamedTuple):
    """Of a file below the layer's `python/`, the one place where `old` stands becomes `new`. reason: why it may."""

    file: str
    old: str
    new: str
    reason: str


def _late(file: str, line: str, reason: str) -> Edit:
    """An import that waits until something of it is used."""
    names = line.rpartition("import ")[2]
    indent = line[: len(line) - len(line.lstrip())]
    return Edit(file, f"\n{line}\n", f"\n{indent}from numpy._later import {names}\n", reason)


STUBS: tuple[tuple[str, str, str], ...] = (
    ("numpy/_core/_add_newdocs.py", EMPTY.format("docstrings of compiled functions"), "texts for readers: 5 ms"),
    ("numpy/_core/_add_newdocs_scalars.py", EMPTY.format("docstrings of scalar types"), "texts for readers: 1 ms"),
    ("numpy/ma/__init__.py", MASKED, "np.unique asks for masks, and loads all of it for that: 6 ms"),
    ("numpy/typing/__init__.py", TYPING, "the types behind annotations take 3 ms"),
)
"""File, what stands in its place, why it may."""

EDITS: tuple[Edit, ...] = (
    _late("numpy/_core/overrides.py", "import inspect", "texts and signatures for readers"),
    Edit(
        "numpy/_core/overrides.py",
        "\n        if verify:\n",
        "\n        if False:  # NumPy's own tests have seen it\n",
        "compares the signatures of 300 functions with those of their dispatchers, at each import",
    ),
    Edit(
        "numpy/_core/overrides.py",
        "\n        if docs_from_dispatcher and ",
        "\n        if False and ",
        "texts for readers",
    ),
    Edit(
        "numpy/_core/overrides.py",
        "\n        if not verify and not getattr",
        "\n        if False and not getattr",
        "signatures for readers",
    ),
    _late("numpy/_core/_internal.py", "import ast", "for dtypes that are written as text"),
    _late("numpy/_core/_internal.py", "    import ctypes", "for `array.ctypes`"),
    _late("numpy/_core/_methods.py", "import pickle", "for `array.dump`"),
    Edit(
        "numpy/lib/_format_impl.py",
        "\n    import ast\n",
        "\n    from numpy import _later as ast\n",
        "heads of files need no compiler",
    ),
    _late("numpy/lib/_npyio_impl.py", "import pickle", "for files with objects"),
    _late("numpy/lib/_format_impl.py", "import pickle", "for files with objects"),
    _late("numpy/lib/_utils_impl.py", "import platform", "for `show_runtime`"),
    _late("numpy/matrixlib/defmatrix.py", "import ast", "for matrices that are written as text"),
    _late("numpy/matrixlib/defmatrix.py", "from numpy.linalg import matrix_power", "linalg takes 5 ms"),
    _late("numpy/lib/_polynomial_impl.py", "from numpy.linalg import eigvals, inv, lstsq", "linalg takes 5 ms"),
)


VERSION = hashlib.sha256(repr((LATER, STUBS, EDITS)).encode()).hexdigest()[:16]
"""Changes with what is trimmed."""


def trim(folder: Path) -> list[str]:
    """Edit the packages of a layer; what could not be applied, each as `file: reason`. Nothing for other layers."""
    if not (folder / "numpy" / "__init__.py").is_file():
        return []
    (folder / "numpy" / "_later.py").write_text(LATER, encoding="utf-8")
    return [*_stubbed(folder), *_edited(folder)]


def _stubbed(folder: Path) -> Iterator[str]:
    for file, text, reason in STUBS:
        if (folder / file).is_file():
            (folder / file).write_text(text, encoding="utf-8")
        else:
            yield f"{file}: {reason}"


def _edited(folder: Path) -> Iterator[str]:
    for edit in EDITS:
        path = folder / edit.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if len(re.findall(re.escape(edit.old), text)) == 1:
            path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
        else:
            yield f"{edit.file}: {edit.reason}"
