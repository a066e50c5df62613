"""A file of CatBoost's, whichever of its two, as a document and its tables of statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.catboost import binary, ctrs, lossy
from ranklet.importers.catboost.document import MAGIC, Document, Entries, decode

MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class Loaded:
    """misread: CatBoost reads this file otherwise than it wrote it, and must not be asked."""

    document: Document
    entries: Mapping[str, Entries]
    content: bytes = field(repr=False)
    misread: bool


def load(path: Path) -> Loaded:
    """Raises ImportRefused with the place in the file."""
    if not path.is_file() or (size := path.stat().st_size) > MAX_BYTES:
        shown = f"has {size} bytes, at most {MAX_BYTES} are read" if path.is_file() else "is no file"
        raise ImportRefused(f"it {shown}; give the model.json or model.cbm that save_model wrote")
    content = path.read_bytes()
    if content.startswith(MAGIC):
        document, entries = binary.read(content)
        return Loaded(document, entries, content, misread=False)
    document = decode(content)
    lossy.check(document)
    entries = ctrs.entries(document)
    return Loaded(document, entries, content, misread=_misread(document, entries))


def _misread(document: Document, entries: Mapping[str, Entries]) -> bool:
    """Of sums of means, CatBoost reads whole numbers from its JSON, and 0 for any other."""
    means = {ctr.identifier for ctr in document.features_info.ctrs or [] if ctr.ctr_type in ctrs.MEANS}
    tables = [entries[name].numbers for name in means if name in entries]
    return any((table != np.floor(table)).any() for table in tables)
