"""LightGBM's own model files: text, as `Booster.save_model` writes it (3.0 and newer).

1. **text** cuts the file into its head and its trees, and reads fields with their place. 2. **trees** makes a tree of
one block. 3. **model** joins them with the objective's link. What they do not know they refuse: an objective, a
field that no version up to 4.7 writes.
"""

from __future__ import annotations

from pathlib import Path

from ranklet.importers.base import Exported
from ranklet.importers.lightgbm import model
from ranklet.importers.trees import serving
from ranklet.model import StepSource


def recognises(path: Path, head: bytes) -> bool:
    """Text whose first line is `tree`."""
    return head.startswith((b"tree\nversion=", b"tree\r\nversion="))


def load(source: StepSource, folder: Path) -> Exported:
    """A graph of features float32 [n, width] → score float64 [n], or scores [n, classes]; doubles are compared, as
    LightGBM does.

    options.column: of several outputs, the one that is the score.
    Raises ImportRefused naming the tree and the field, and the remedy.
    """
    return serving.load(source, folder, model.read)
