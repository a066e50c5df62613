"""The values of a vocabulary, inline or from a file of the bundle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from ranklet_features.kinds.base import Scope
from ranklet_features.spec import ValueType
from ranklet_features.values import Fault, typed


def read_vocabulary(vocabulary: Sequence[str | int] | str, kind: ValueType, scope: Scope) -> list[Any]:
    """The values in the order of their ids, all of the input's type and different from each other.

    Raises SpecError naming the file or the entry.
    """
    words = _read_file(vocabulary, scope) if isinstance(vocabulary, str) else list(vocabulary)
    if not words:
        raise scope.error("the vocabulary is empty")
    try:
        typed(words, kind)
    except Fault as fault:
        raise scope.error(f"vocabulary[{fault.position}]: {fault}") from fault
    if len(set(words)) != len(words):
        raise scope.error(f"the vocabulary holds {Counter(words).most_common(1)[0][0]!r} more than once")
    return words


def _read_file(name: str, scope: Scope) -> list[Any]:
    path = scope.folder / name
    try:
        if path.suffix == ".npy":
            return _ints(np.load(path, allow_pickle=False), name, scope)
        words = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise scope.error(f"cannot read the vocabulary {name!r}: {error}") from error
    if path.suffix != ".json" or not isinstance(words, list):
        raise scope.error(f"the vocabulary {name!r} must be a list in a .json file or int64 in a .npy file")
    return words


def _ints(array: Any, name: str, scope: Scope) -> list[Any]:
    if array.ndim != 1 or array.dtype != np.int64:
        raise scope.error(f"the vocabulary {name!r} is {array.dtype} {list(array.shape)}; int64 [n] is expected")
    return array.tolist()  # type: ignore[no-any-return]
