"""LightGBM's own model files: text, as `Booster.save_model` writes it (3.0 and newer).

1. **text** cuts the file into its head and its trees, and reads fields with their place. 2. **trees** makes a tree of
one block. 3. **model** joins them with the objective's link, and the **categories** of a data frame. What they do not
know they refuse: an objective, a field that no version up to 4.7 writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ranklet.importers.base import Exported
from ranklet.importers.lightgbm import model
from ranklet.importers.lightgbm.categories import GUESS
from ranklet.importers.proposal import Proposal, RecordOracle, Wishes
from ranklet.importers.trees import drafting, serving
from ranklet.importers.trees.drafting import Given
from ranklet.model import StepSource


def recognises(path: Path, head: bytes) -> bool:
    """Text whose first line is `tree`."""
    return head.startswith((b"tree\nversion=", b"tree\r\nversion="))


def load(source: StepSource, folder: Path) -> Exported:
    """A graph of features float64 [n, width] → score float64 [n], or scores [n, classes]; doubles are compared, as
    LightGBM does.

    options.column: of several outputs, the one that is the score. options.iterations: rounds to use, all by default.
    options.categories: names of the features, in order, that come as ids beside the others, as many as
    `pandas_categorical` has lists.
    Raises ImportRefused naming the tree and the field, and the remedy.
    """
    return serving.load(source, folder, model.read, options=frozenset({"iterations", serving.CATEGORIES}))


def propose(path: Path, wishes: Wishes) -> Proposal:
    """-o column=…, -o iterations=…: as of `load`; -o categories=name,name,… or codes, where the file does not tell."""
    asked = wishes.only("column", "iterations", "categories")
    own = drafting.number(asked, "iterations")
    ensemble = drafting.read(path, model.read, own | _categories(asked))
    given = Given("lightgbm", path, ensemble, drafting.options(ensemble, asked, own))
    return drafting.propose(given, _oracle(given))


def _categories(asked: Mapping[str, str]) -> dict[str, Any]:
    words = asked.get("categories")
    if words == "codes":
        return {}
    return {"categories": GUESS if words is None else [word.strip() for word in words.split(",")]}


def _oracle(given: Given) -> RecordOracle | None:
    from ranklet.importers.lightgbm.oracle import Own  # the library is an extra

    try:
        return Own(given)
    except ImportError:
        return None
