"""DictVectorizer: rows of named values. A column with words in its vocabulary holds texts, any other one numbers.

What is not sent is 0 to the library, and no word at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Frame, Hot, Numbers, Raw

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk


def names(estimator: Any) -> list[str]:
    """Of the raw columns, in order of their first appearance in the vocabulary."""
    found = [_parts(estimator, entry)[0] for entry in estimator.feature_names_]
    return list(dict.fromkeys(found))


def transform(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """As the estimator's `transform`."""
    known = names(estimator)
    if any(not isinstance(piece, Raw) for piece in frame) or len(frame) != len(known):
        raise ImportRefused("reads what other steps made; served is DictVectorizer as the first step")
    if np.dtype(estimator.dtype) != np.float64:
        raise ImportRefused("makes 32-bit numbers; leave dtype out")
    words: dict[str, list[str | None]] = {name: [] for name in known}
    order: dict[str, list[int]] = {name: [] for name in known}
    for place, entry in enumerate(estimator.feature_names_):
        name, word = _parts(estimator, entry)
        words[name].append(word)
        order[name].append(place)
    pieces = tuple(_piece(walk, known.index(name), name, words[name]) for name in known)
    places = [place for name in known for place in order[name]]
    return walk.select(pieces, np.argsort(places).tolist())


def _piece(walk: Walk, column: int, name: str, words: list[str | None]) -> Hot | Numbers:
    texts = [word for word in words if word is not None]
    if len(texts) not in (0, len(words)):
        raise ImportRefused(f"column {name!r} holds texts and numbers; make it one type before training")
    if not texts:
        walk.sources.columns[column].default = 0.0
        return Numbers(walk.dense((Raw(column),)), 1)
    ids = walk.sources.ids(column, texts, strange=True, missing=True)
    place = np.append(np.arange(len(texts)), [-1, -1]).astype(np.int64)
    return Hot(ids, place, len(texts))


def _parts(estimator: Any, entry: Any) -> tuple[str, str | None]:
    name, found, word = str(entry).partition(estimator.separator)
    return name, word if found else None
