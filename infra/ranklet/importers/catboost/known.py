"""Which categories a model knows, as texts: the file has their hashes, and their texts only where it was saved with
the pool. Integers and a few common words are found by hashing them. They are worth trying, and tell an input's type."""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ranklet.importers.catboost.document import Document
from ranklet.importers.catboost.features import Features
from ranklet_features.cityhash import cityhash64
from ranklet_features.kinds.ctrs import VALUE

INTEGERS = 1 << 17
COMMON = "male female Male Female yes no Yes No true false True False other unknown none None nan"
WORDS = (
    *string.ascii_letters,
    *COMMON.split(),
)
MOSTLY = 0.9
"""Of the known hashes, how many must be integers' for the input to be one."""

_UNFOLD = pow(0x4906BA494954CB65, -2, 1 << 64)

Hashes = NDArray[np.uint32]


def texts(document: Document, features: Features) -> tuple[tuple[str, ...], ...]:
    """Of each categorical feature, texts that it knows, at most some hundred; empty where none was found."""
    told = {one.hash % (1 << 32): one.value for one in document.features_info.cat_features_hash or []}
    return tuple(_texts(_hashes(features, at), told) for at in range(len(features.categories)))


def is_integer(features: Features, category: int, found: Sequence[str]) -> bool:
    """Whether a feature's categories are integers: by their texts, or by how many hashes integers explain."""
    if found and all(whole(text) for text in found):
        hashes = _hashes(features, category)
        return not len(hashes) or np.isin(hashes, _integers()).mean() >= MOSTLY or len(found) >= len(hashes)
    return False


def _texts(hashes: Hashes, told: dict[int, str], most: int = 256) -> tuple[str, ...]:
    if told:
        known = [told[one] for one in hashes.tolist() if one in told] if len(hashes) else list(told.values())
        return tuple(sorted(known)[:: max(1, len(known) // most)])
    places = np.flatnonzero(np.isin(_integers(), hashes))
    words = [word for word, one in zip(WORDS, _of_words().tolist(), strict=True) if one in set(hashes.tolist())]
    return (*words, *map(str, places[:: max(1, len(places) // most)].tolist()))


def _hashes(features: Features, category: int) -> Hashes:
    """Those that tables of this feature alone have."""
    of = len(features.numbers) + category
    keys = [
        table.keys
        for table in features.tables
        if len(table.parts) == 1 and table.parts[0].of == of and table.parts[0].test == VALUE
    ]
    found = np.unique(np.concatenate([np.empty(0, np.uint64), *keys]))
    return (found * np.uint64(_UNFOLD)).astype(np.uint32)


@lru_cache(maxsize=1)
def _integers() -> Hashes:
    return cityhash64([str(number).encode() for number in range(INTEGERS)]).astype(np.uint32)


def _of_words() -> Hashes:
    return cityhash64([word.encode() for word in WORDS]).astype(np.uint32)


def whole(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit() and str(int(text)) == text and len(text) < 19
