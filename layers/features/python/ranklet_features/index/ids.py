"""Item ids and their places in the catalogue; in files that are mapped, so that a million of them cost nothing to open.

Ids are ascending. Integers are found by binary search. Strings stand one after the other in UTF-8, and are found by a
hash of 64 bits, then compared: no dictionary of a million strings is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ranklet_features.index.files import Files
from ranklet_features.index.spec import IndexSpec

NOWHERE = -1


class Ids(Protocol):
    """Both ways between ids and places."""

    def places(self, ids: Any) -> NDArray[np.int64]:
        """Of each id its place, NOWHERE for one that is not there. Ids are int64 [n], or a sequence of strings."""
        ...

    def names(self, places: NDArray[Any]) -> Any:
        """The ids at some places: int64 [n], or a list of strings."""
        ...


def open_ids(spec: IndexSpec, files: Files) -> Ids:
    """Those of an index. Raises StoreError for files of another form."""
    if spec.key == "int":
        return IntIds(files.checked("ids", "int64", (spec.rows,)))
    return TextIds(
        files.array("ids-blob"),
        files.checked("ids-ends", "int64", (spec.rows,)),
        files.checked("ids-hashes", "uint64", (spec.rows,)),
        files.checked("ids-hashed", "int32", (spec.rows,)),
    )


class IntIds:
    """Ascending integers."""

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self._ids = ids

    def places(self, ids: Any) -> NDArray[np.int64]:
        """As the protocol says."""
        wanted = np.asarray(ids, np.int64)
        if not len(self._ids):
            return np.full(len(wanted), NOWHERE)
        found = np.searchsorted(self._ids, wanted)
        found[self._ids.take(found, mode="clip") != wanted] = NOWHERE
        return found

    def names(self, places: NDArray[Any]) -> NDArray[np.int64]:
        """As the protocol says."""
        return self._ids.take(places)


class TextIds:
    """Strings. ends: where each ends in the blob. hashes: ascending; hashed: whose they are."""

    def __init__(self, blob: NDArray[Any], ends: NDArray[Any], hashes: NDArray[Any], hashed: NDArray[Any]) -> None:
        self._blob, self._ends, self._hashes, self._hashed = blob, ends, hashes, hashed

    def places(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """As the protocol says. Half a character (a surrogate) is in no catalogue."""
        found = np.full(len(ids), NOWHERE)
        texts = [text.encode("utf-8", "surrogatepass") for text in ids]
        wanted = np.array([hash_of(text) for text in texts], np.uint64)
        firsts = np.searchsorted(self._hashes, wanted, side="left").tolist()
        for at, (text, first, number) in enumerate(zip(texts, firsts, wanted.tolist(), strict=True)):
            while first < len(self._hashes) and int(self._hashes[first]) == number:
                place = int(self._hashed[first])
                if self._text(place) == text:
                    found[at] = place
                    break
                first += 1
        return found

    def names(self, places: NDArray[Any]) -> list[str]:
        """As the protocol says."""
        return [self._text(place).decode() for place in places.tolist()]

    def _text(self, place: int) -> bytes:
        start = int(self._ends[place - 1]) if place else 0
        return self._blob[start : int(self._ends[place])].tobytes()


def hash_of(text: bytes) -> int:
    """64 bits of BLAKE2b."""
    # Imported here: it brings OpenSSL, 4 ms of a cold start, and most ids are numbers.
    from hashlib import blake2b

    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


def text_arrays(ids: Sequence[str], name: str = "ids") -> dict[str, NDArray[Any]]:
    """The files of ascending strings, by their names."""
    texts = [text.encode() for text in ids]
    hashes = np.array([hash_of(text) for text in texts], np.uint64)
    order = np.argsort(hashes, kind="stable")
    return {
        f"{name}-blob": np.frombuffer(b"".join(texts), np.uint8),
        f"{name}-ends": np.cumsum(np.array([len(text) for text in texts], np.int64)),
        f"{name}-hashes": hashes[order],
        f"{name}-hashed": order.astype(np.int32),
    }
