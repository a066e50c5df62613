"""Which importer reads a file or a folder: by what stands in it, never by its name alone."""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from ranklet.errors import ImportRefused

HEAD = 64
PICKLES = (".pkl", ".pickle", ".joblib")


def recognise(path: Path, format: str | None, importers: Mapping[str, str]) -> str:
    """The format of `path`; `format` where the author names it.

    importers: format → module; the first that recognises it wins.
    Raises ImportRefused for what is absent or of no known format, with what to do about formats next of kin.
    """
    if not path.exists():
        raise ImportRefused(f"no file {path}; name the exported model itself")
    if format is not None:
        if format not in importers:
            raise ImportRefused(f"--format {format} is not known; known are: {', '.join(importers)}")
        return format
    head = _head(path)
    for name, module in importers.items():
        recognises = getattr(importlib.import_module(module), "recognises", None)
        if recognises is not None and recognises(path, head):
            return name
    raise ImportRefused(f"{path.name} is {_looks(path, head)}; read are: {', '.join(importers)}. {_advice(path)}")


def _head(path: Path) -> bytes:
    if path.is_dir():
        return b""
    with path.open("rb") as file:
        return file.read(HEAD)


def _looks(path: Path, head: bytes) -> str:
    if path.is_dir():
        return "a folder, and holds no model that is known"
    if head[:1] == b"\x80" or path.suffix in PICKLES:
        return "a pickle, which is never loaded unasked: it can run code"
    return "a zip archive" if zipfile.is_zipfile(path) else "of no known format"


def _advice(path: Path) -> str:
    if path.suffix == ".npz":
        return "Weights for a NumPy engine need the engine's name: `ranklet new NAME` shows such a model.toml"
    if path.suffix in PICKLES:
        return "If you wrote it yourself, and scikit-learn's are its objects: --format sklearn --trust-pickle"
    return "Export to ONNX: torch.onnx.export(…, dynamo=True), tf2onnx, skl2onnx or onnxmltools"
