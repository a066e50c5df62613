"""H2O's MOJO: a zip of text, trees and weights, compiled to one graph of doubles, without a JVM.

1. **mojo** reads the archive: `model.ini`, the words of each column, blobs. 2. **columns** says what callers send: a
number or a word for each column, and what the graph gets of it. 3. A module for each algorithm (ALGORITHMS of
`compiling`) writes what hex.genmodel's `score0` does with a row; **results** what its wrapper makes of that: labels,
probabilities, calibrated ones. 4. **proposing** makes a folder of it.

What a MOJO asks beyond that is refused by name. Answers are held to H2O's own scorer (PredictCsv) in the tests.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from ranklet.importers.proposal import Proposal, Wishes

LOOKED_AT = 1 << 12


def recognises(path: Path, head: bytes) -> bool:
    """A zip whose model.ini begins as a MOJO's does."""
    if path.is_dir() or head[:2] != b"PK":
        return False
    try:
        with zipfile.ZipFile(path) as archive, archive.open("model.ini") as file:
            start = file.read(LOOKED_AT)
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError, NotImplementedError, ValueError, zlib.error):
        return False
    return start.lstrip().startswith(b"[info]") and b"mojo_version" in start


def propose(path: Path, wishes: Wishes) -> Proposal:
    """options.output: of several outputs, the one that ranks.

    Raises ImportRefused naming what is not served.
    """
    from ranklet.importers.h2o import proposing  # which needs onnx

    return proposing.propose(path, wishes)
