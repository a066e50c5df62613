"""XGBoost's own model files, JSON and UBJ, as `save_model` of a Booster and of an XGBModel writes them.

1. **ubj** or the JSON of the standard library gives a document. 2. **fields** reads from it, and names the place of
what is absent or of another type. 3. **model** makes of it the records of `importers.trees`: **trees**, or **linear**
weights, and the **categories** that the file names. What it does not know it refuses: an objective, a booster, a field.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.base import Exported
from ranklet.importers.proposal import Proposal, RecordOracle, Wishes
from ranklet.importers.trees import drafting, serving
from ranklet.importers.trees.drafting import Given
from ranklet.importers.xgboost import model
from ranklet.model import StepSource


def recognises(path: Path, head: bytes) -> bool:
    """JSON or UBJ: a map whose first key is `learner`."""
    return head.lstrip()[:1] == b"{" and b"learner" in head


def load(source: StepSource, folder: Path) -> Exported:
    """A graph of features float32 [n, width] → score float32 [n], or scores [n, classes or targets].

    options.column: of several outputs, the one that is the score. options.iterations: rounds to use, a number, "all",
    or "best" (what early stopping found best); "best" by default where scikit-learn's interface wrote the file, which
    predicts so, "all" where a Booster did. options.categories: names of features that come as ids beside the others.
    Raises ImportRefused naming the element of the file, and the remedy.
    """
    return serving.load(source, folder, model.read, options=frozenset({"iterations"}))


def propose(path: Path, wishes: Wishes) -> Proposal:
    """-o column=…, -o iterations=…: as of `load`; -o categories=codes: codes, where the file names categories."""
    asked = wishes.only("column", "iterations", "categories")
    if asked.get("categories", "codes") != "codes":
        raise ImportRefused(
            f"-o categories={asked['categories']}: codes is all there is to ask for; the file names them"
        )
    own = _iterations(asked)
    ensemble = drafting.read(path, model.read, own)
    options = drafting.options(ensemble, asked, own)
    given = Given("xgboost", path, ensemble, options, strangers="error")
    return drafting.propose(given, _oracle(given))


def _iterations(asked: Mapping[str, str]) -> dict[str, Any]:
    if asked.get("iterations") in ("all", "best"):
        return {"iterations": asked["iterations"]}
    return dict(drafting.number(asked, "iterations"))


def _oracle(given: Given) -> RecordOracle | None:
    from ranklet.importers.xgboost.oracle import Own  # the library is an extra

    try:
        return Own(given)
    except ImportError:
        return None
