"""XGBoost's own model files, JSON and UBJ, as `save_model` of a Booster and of an XGBModel writes them.

1. **ubj** or the JSON of the standard library gives a document. 2. **fields** reads from it, and names the place of
what is absent or of another type. 3. **model** makes of it the records of `importers.trees`. What it does not know it
refuses: an objective, a booster, a field.
"""

from __future__ import annotations

from pathlib import Path

from ranklet.importers.base import Exported
from ranklet.importers.trees import serving
from ranklet.importers.xgboost import model
from ranklet.model import StepSource


def recognises(path: Path, head: bytes) -> bool:
    """JSON or UBJ: a map whose first key is `learner`."""
    return head.lstrip()[:1] == b"{" and b"learner" in head


def load(source: StepSource, folder: Path) -> Exported:
    """A graph of features float32 [n, width] → score float32 [n], or scores [n, classes or targets].

    options.column: of several outputs, the one that is the score. options.iterations: rounds to use, a number, "all",
    or "best" (what early stopping found best); "best" by default where scikit-learn's interface wrote the file, which
    predicts so, "all" where a Booster did.
    Raises ImportRefused naming the element of the file, and the remedy.
    """
    return serving.load(source, folder, model.read, options=frozenset({"iterations"}))
