"""Pruning takes what the rules name and nothing beside it. That the rest runs, the real layers' test shows."""

from __future__ import annotations

from pathlib import Path

from ranklet.packaging.prune import RULES, prune

GONE = [
    "bin/f2py",
    "numpy-2.5.dist-info/RECORD",
    "numpy-2.5.dist-info/direct_url.json",
    "numpy/core.pyi",
    "numpy/linalg/tests/test_it.py",
    "numpy/__pycache__/core.cpython-38.pyc",
    "numpy/f2py/crackfortran.py",
    "numpy/ma/core.py",
    "numpy/random/_generator.cpython-313-x86_64-linux-gnu.so",
    "numpy/testing/__init__.py",
    "aws_lambda_powertools/utilities/parser/models/s3.py",
    "backports/zstd/tarfile.py",
    "numpy/_core/include/numpy/arrayobject.h",
    "numpy/_core/_multiarray_tests.cpython-313-x86_64-linux-gnu.so",
    "onnxruntime/capi/libonnxruntime.so.1.32.0",
    "onnxruntime/transformers/models/bert.py",
]
KEPT = [
    "numpy-2.5.dist-info/METADATA",
    "numpy-2.5.dist-info/licenses/LICENSE",
    "numpy/typing/__init__.py",
    "numpy/_core/_multiarray_umath.cpython-313-x86_64-linux-gnu.so",
    "numpy/ma/__init__.py",
    "aws_lambda_powertools/utilities/__init__.py",
    "aws_lambda_powertools/utilities/jmespath_utils/__init__.py",
    "numpy.libs/libscipy_openblas64_.so",
    "onnxruntime/capi/libonnxruntime_providers_shared.so",
    "onnxruntime/capi/onnxruntime_pybind11_state.cpython-313-x86_64-linux-gnu.so",
    "ours/bin/tool.py",
    "jmespath/__init__.py",
]


def test_rules_take_their_files_and_leave_the_rest(tmp_path: Path) -> None:
    for name in GONE + KEPT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    prune(tmp_path)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert left == sorted(KEPT)


def test_folders_left_empty_go_too(tmp_path: Path) -> None:
    (tmp_path / "pack" / "only" / "tests").mkdir(parents=True)
    (tmp_path / "pack" / "__init__.py").write_text("")
    prune(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["__init__.py", "pack"]


def test_every_rule_has_a_reason_and_stands_once() -> None:
    assert all(reason for _, reason in RULES)
    assert len({pattern for pattern, _ in RULES}) == len(RULES)
