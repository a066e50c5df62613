"""Which importer reads a file: by what stands in it, never by its name alone."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ranklet.errors import ImportRefused

HEAD = 64


def _is_onnx(path: Path, head: bytes) -> bool:
    """A protobuf whose first field is ir_version (a small varint), as exporters write it, or the usual ending."""
    return (head[:1] == b"\x08" and len(head) > 2 and head[1] < 64) or path.suffix == ".onnx"


def _is_xgboost(path: Path, head: bytes) -> bool:
    """JSON or UBJ: a map whose first key is `learner`."""
    return head.lstrip()[:1] == b"{" and b"learner" in head


def _is_lightgbm(path: Path, head: bytes) -> bool:
    """Text whose first line is `tree`."""
    return head.startswith((b"tree\nversion=", b"tree\r\nversion="))


FORMATS: Mapping[str, Callable[[Path, bytes], bool]] = {
    "onnx": _is_onnx,
    "xgboost": _is_xgboost,
    "lightgbm": _is_lightgbm,
}
"""Format → whether a file is of it. To add one: a line here, and its importer."""


def recognise(path: Path, format: str | None) -> str:
    """The format of a file; `format` where the author names it.

    Raises ImportRefused for a file that is absent or of no known format, with what to do about formats next of kin.
    """
    if not path.is_file():
        raise ImportRefused(f"no file {path}; name the exported model itself")
    if format is not None:
        if format not in FORMATS:
            raise ImportRefused(f"--format {format} is not known; known are: {', '.join(FORMATS)}")
        return format
    with path.open("rb") as file:
        head = file.read(HEAD)
    for name, matches in FORMATS.items():
        if matches(path, head):
            return name
    raise ImportRefused(f"{path.name} is {_looks(path, head)}; read are: {', '.join(FORMATS)}. {_advice(path)}")


def _looks(path: Path, head: bytes) -> str:
    if head[:1] == b"\x80" or path.suffix in (".pkl", ".pickle", ".joblib"):
        return "a pickle, which is never loaded: it can run code"
    return "a zip archive" if zipfile.is_zipfile(path) else "of no known format"


def _advice(path: Path) -> str:
    if path.suffix == ".npz":
        return "Weights for a NumPy engine need the engine's name: `ranklet new NAME` shows such a model.toml"
    return "Export to ONNX: torch.onnx.export(…, dynamo=True), tf2onnx, skl2onnx or onnxmltools"
