"""The seam between feature assembly and wherever the rows of an embedding table live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ranklet_features.spec import Table

FOUND, MISSING, UNAVAILABLE = 0, 1, 2
"""A row's status: read; known to be absent from the table; not read in time."""

Keys = Sequence[int] | Sequence[str] | NDArray[np.int64]


class Rows(NamedTuple):
    """The answer to one read.

    values: float32 [n, dim]; rows that were not found are zeros (the policy fills them later).
    status: uint8 [n], each FOUND, MISSING or UNAVAILABLE.
    """

    values: NDArray[np.float32]
    status: NDArray[np.uint8]


class Neighbours(NamedTuple):
    """Rows that were not asked for, but came with those that were.

    keys: int64 [m], distinct. values: float32 [m, dim].
    """

    keys: NDArray[np.int64]
    values: NDArray[np.float32]


class EmbeddingStore(Protocol):
    """Reads rows of one immutable table version.

    A store never invents a row: a key that is not there is MISSING, a row that could not be read
    before the deadline is UNAVAILABLE. Which value stands in is the policy's affair, not the store's.
    """

    table: Table

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        """Read one row per key, in the order of `keys`; duplicates are allowed.

        deadline: absolute, on the clock of `time.monotonic()`, in seconds; None waits as long as
        the store's own timeouts allow. Never raises for a slow or failing backend.
        """
        ...

    def close(self) -> None:
        """Give back connections and maps; reading afterwards is an error."""
        ...


@runtime_checkable
class PagedStore(EmbeddingStore, Protocol):
    """A store whose reads bring more rows than were asked for."""

    def rows_with_neighbours(self, keys: Keys, *, deadline: float | None = None) -> tuple[Rows, Neighbours]:
        """What `rows` gives for distinct keys, and the other rows that were read for them."""
        ...


@runtime_checkable
class RemoteStore(EmbeddingStore, Protocol):
    """A store that holds what ends with time or with its process: connections, credentials, rows that were read."""

    def renew(self) -> None:
        """Let go of it; the next read makes it anew."""
        ...
