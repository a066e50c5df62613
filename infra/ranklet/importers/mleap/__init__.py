"""MLeap bundles, compiled: a pipeline's string stages to features, its vectors and its model to one graph of doubles.

1. **bundle** reads a zip or a folder, and nothing outside of it, whose files have one of two **forms**: JSON, or
**protobuf** that becomes the same objects. **nodes** are the stages, flat and in order, with **attributes** as JSON
spells them, old and new. 2. **stages** has what compiles each op: **encoding**, **scaling**, **expanding**, **maths**,
**linear**, **classes**, **networks** and **trees**. 3. A **context** knows the columns that stages made; what none made
is a raw field (**sources**). 4. **proposing** makes a folder of it.

Rows that Spark would drop (`handleInvalid = skip`) have no score; what it raises for is refused where feature assembly
sees it, and has no score where only the graph does. What is not served is refused by op and by the node's name.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from ranklet.importers.mleap.bundle import MARK
from ranklet.importers.proposal import Proposal, Wishes


def recognises(path: Path, head: bytes) -> bool:
    """A folder or a zip with a bundle.json beside root/."""
    if path.is_dir():
        return (path / MARK).is_file() and (path / "root").is_dir()
    if head[:4] != b"PK\x03\x04":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return MARK in names and any(name.startswith("root/") for name in names)


def propose(path: Path, wishes: Wishes) -> Proposal:
    """options.output: of several outputs, the one that ranks.

    Raises ImportRefused naming the node that is not served, and its op.
    """
    from ranklet.importers.mleap import proposing  # which needs onnx

    return proposing.propose(path, wishes)
