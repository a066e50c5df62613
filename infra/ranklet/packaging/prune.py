"""What a layer does not need. Every rule is one glob below the layer's `python/` folder and the reason it is safe.

The tests import and run what is left; together the rules take a third off the three layers.
"""

from __future__ import annotations

import shutil
from pathlib import Path

RULES: tuple[tuple[str, str], ...] = (
    ("bin", "console scripts of the machine that installed"),
    ("*.dist-info/RECORD", "lists the files of before pruning"),
    ("*.dist-info/INSTALLER", "pip's own note"),
    ("*.dist-info/REQUESTED", "pip's own note"),
    ("*.dist-info/direct_url.json", "where this machine got it from"),
    ("*.dist-info/sboms", "for scanners of wheels"),
    ("**/__pycache__", "compiled anew for the target alone"),
    ("**/tests", "tests of the package itself"),
    ("**/*.pyi", "for type checkers"),
    ("**/*.pxd", "for compiling against it"),
    ("**/*.pyx", "for compiling against it"),
    ("numpy/_core/include", "for compiling against it"),
    ("numpy/_core/lib", "for compiling against it"),
    ("numpy/_core/*_tests.*.so", "loaded by numpy's tests alone"),
    ("numpy/_core/_simd.*.so", "loaded by numpy's tests alone"),
    ("numpy/_pyinstaller", "for packing applications"),
    ("numpy/conftest.py", "for pytest"),
    ("numpy/f2py", "compiles Fortran; numpy imports it on demand"),
    ("numpy/random/lib", "for compiling against it"),
    ("onnxruntime/backend", "an ONNX conformance adapter"),
    ("onnxruntime/capi/libonnxruntime.so*", "a second copy of what the extension module holds"),
    ("onnxruntime/datasets", "example models"),
    ("onnxruntime/quantization", "makes models; serving reads them"),
    ("onnxruntime/tools", "makes models; serving reads them"),
    ("onnxruntime/transformers", "makes models; serving reads them"),
    ("aws_lambda_powertools/event_handler/openapi/swagger_ui/*.js", "a web page of the resolver, which is not used"),
    ("aws_lambda_powertools/event_handler/openapi/swagger_ui/*.css", "a web page of the resolver, which is not used"),
)


def prune(folder: Path) -> None:
    """Remove everything that a rule names, then folders that are left empty."""
    for pattern, _ in RULES:
        for path in sorted(folder.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
