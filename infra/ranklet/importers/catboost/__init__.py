"""CatBoost's own model files, JSON and .cbm.

1. **loading** reads either: JSON by the records of **document**, a .cbm by **binary** (its **flat** buffers, its
**steps**), and refuses JSON that is **lossy**. 2. **features** lists what trees compare: numbers, one-hot flags and
statistics of categories (**ctrs**), the latter two put into tables by hash (**layout**). 3. **trees** makes the records
of `importers.trees`; **losses** says what their sum means. 4. **proposing** writes inputs by name, the feature of kind
`catboost` with its tables, and the graph; what to try comes from **known** and **drawing**. CatBoost, where it is
installed, is asked (**oracle**) and must agree.
"""

from __future__ import annotations

import re
from pathlib import Path

from ranklet.errors import ImportRefused
from ranklet.importers.catboost.document import MAGIC
from ranklet.importers.proposal import Proposal, Wishes

_FIRST = re.compile(rb'\s*\{\s*"(ctr_data|features_info|model_info|oblivious_trees|scale_and_bias)"')


def recognises(path: Path, head: bytes) -> bool:
    """A .cbm's first bytes, or a JSON map that begins as CatBoost's does, by alphabet."""
    return head.startswith(MAGIC) or _FIRST.match(head) is not None


def propose(path: Path, wishes: Wishes) -> Proposal:
    """As the protocol says, see `proposing`."""
    from ranklet.importers.catboost import proposing  # which brings onnx

    try:
        return proposing.propose(path, wishes)
    except ImportRefused as error:
        raise ImportRefused(f"{path.name}: {error}") from error
