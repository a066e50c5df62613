"""The values of a vocabulary, inline or from a file of the bundle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet_features.kinds.base import Scope
from ranklet_features.spec import ValueType
from ranklet_features.values import Fault, typed, typed_array

Words = list[str] | NDArray[np.int64]


def read_vocabulary(vocabulary: Sequence[str | int] | str, kind: ValueType, scope: Scope) -> Words:
    """The values in the order of their ids, all of the input's type and different from each other.

    Raises SpecError naming the file or the entry.
    """
    given = _read_file(vocabulary, scope) if isinstance(vocabulary, str) else list(vocabulary)
    try:
        words: Words = typed_array(given, kind) if isinstance(given, np.ndarray) else typed(given, kind)
    except Fault as fault:
        place = "the vocabulary" if fault.position is None else f"vocabulary[{fault.position}]"
        raise scope.error(f"{place}: {fault}") from fault
    if not len(words):
        raise scope.error("the vocabulary is empty")
    if (double := _double(words)) is not None:
        raise scope.error(f"the vocabulary holds {double!r} more than once")
    return words


def _double(words: Words) -> str | int | None:
    if isinstance(words, list):
        return None if len(set(words)) == len(words) else Counter(words).most_common(1)[0][0]
    ascending = np.sort(words)
    again = np.flatnonzero(ascending[1:] == ascending[:-1])
    return int(ascending[again[0]]) if len(again) else None


def _read_file(name: str, scope: Scope) -> Any:
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


def _ints(array: Any, name: str, scope: Scope) -> NDArray[np.int64]:
    if array.ndim != 1 or array.dtype != np.int64:
        raise scope.error(f"the vocabulary {name!r} is {array.dtype} {list(array.shape)}; int64 [n] is expected")
    return array  # type: ignore[no-any-return]
