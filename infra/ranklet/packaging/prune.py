"""What a layer does not need. Every rule is one glob below the layer's `python/` folder and the reason it is safe.

The tests import and run what is left. What stays is mostly OpenBLAS (24 MB, a set of kernels for each generation of
processors, of which it chooses when it loads), onnxruntime's one module (37 MB) and NumPy's (10 MB).
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
    ("numpy/core", "old names; numpy imports it on demand, as all below but what is said otherwise"),
    ("numpy/ctypeslib", "calls C libraries"),
    ("numpy/doc", "texts for readers"),
    ("numpy/f2py", "compiles Fortran"),
    ("numpy/fft", "Fourier transforms, which no engine computes"),
    ("numpy/lib/recfunctions.py", "for numpy.ma"),
    ("numpy/linalg/lapack_lite.*.so", "a fallback for builds without LAPACK"),
    ("numpy/ma/[!_]*", "masked arrays, which no engine has; `trim` puts a stand-in there"),
    ("numpy/polynomial", "polynomials, which no engine computes"),
    ("numpy/random", "random numbers, which a function that answers alike has no use for"),
    ("numpy/testing", "for tests"),
    ("onnxruntime/backend", "an ONNX conformance adapter"),
    ("onnxruntime/capi/libonnxruntime.so*", "a second copy of what the extension module holds"),
    ("onnxruntime/datasets", "example models"),
    ("onnxruntime/quantization", "makes models; serving reads them"),
    ("onnxruntime/tools", "makes models; serving reads them"),
    ("onnxruntime/transformers", "makes models; serving reads them"),
    ("aws_lambda_powertools/event_handler", "the resolver; of Powertools, Logger and Metrics are used"),
    ("aws_lambda_powertools/middleware_factory", "for utilities"),
    ("aws_lambda_powertools/utilities/[!_j]*", "all utilities but jmespath_utils, which Logger imports"),
    ("backports/zstd/_cffi", "for PyPy"),
    ("backports/zstd/tarfile.py", "archives; bodies are single frames"),
    ("backports/zstd/zipfile", "archives; bodies are single frames"),
    ("simdjson/*.cpp", "the source of the compiled module"),
    ("simdjson/*.h", "the source of the compiled module"),
    ("msgpack/fallback.py", "for machines without the compiled module"),
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
