"""The categories that a data frame had at training, as a file has them since 3.1 (src/data/cat_container.cc).

`enc` has an entry a feature: of text, all of it in one run of bytes with where each begins, or whole numbers.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.xgboost.fields import Fields

Words = tuple[str, ...] | tuple[int, ...]


def read(model: Fields, width: int) -> dict[int, Words]:
    """Feature → its categories in the order of their codes; nothing for numbers, and for files without categories."""
    if not model.has("cats"):
        return {}
    cats = model.at("cats")
    cats.only({"enc", "feature_segments", "sorted_idx"})
    entries = cats.items("enc")
    if len(entries) not in (0, width):
        raise ImportRefused(f"{cats.place}.enc has {len(entries)} entries, not {width}; save the model again")
    found = {at: _words(cats.of(entry, f"enc[{at}]")) for at, entry in enumerate(entries)}
    for at, words in found.items():
        if len(set(words)) != len(words):
            raise ImportRefused(f"{cats.place}.enc[{at}] has a category twice; save the model again")
    return {at: words for at, words in found.items() if words}


def _words(entry: Fields) -> Words:
    entry.only({"offsets", "values", "type"})
    if not entry.has("offsets"):
        return tuple(entry.ints("values").tolist())
    ends, letters = entry.ints("offsets"), entry.ints("values")
    if not len(ends) and not len(letters):
        return ()
    wrong = not len(ends) or ends[0] != 0 or ends[-1] != len(letters) or (np.diff(ends) < 0).any()
    if wrong or ((letters < -128) | (letters > 255)).any():
        raise ImportRefused(f"{entry.place}.offsets do not fit its values; save the model again")
    content = (letters & 255).astype(np.uint8).tobytes()
    try:
        return tuple(content[start:end].decode() for start, end in pairwise(ends.tolist()))
    except UnicodeDecodeError as error:
        raise ImportRefused(f"{entry.place}.values is no UTF-8; save the model again") from error
