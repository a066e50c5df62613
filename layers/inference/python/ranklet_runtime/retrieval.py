"""The values of retrieval: what is asked of an index of items, and what it answers.

They are requests and results like a ranking's, so that a function counts, times and refuses them the same way; what
they say more is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ranklet_features.index.spec import IndexSpec
from ranklet_features.lean import dataclass, field
from ranklet_runtime.messages import RankRequest, RankResult

Represent = Literal["mean", "attention"]
Ids = Sequence[Any] | NDArray[np.int64]
"""Item ids: int64 [n] of a catalogue with integer keys, else strings."""

NONE: Ids = ()


@dataclass(frozen=True)
class Retrieve:
    """What a manifest says of a model that finds items.

    k: how many where a request does not say. query: the tensor that is the user's vector; None without one.
    history: the input of recent items that a user is made of, by `represent`; None without one. fresh_s: how often
    items are looked for that came after the build, in seconds; 0 for never. fresh: the key of their object. recall:
    what the build measured.
    """

    index: IndexSpec
    k: int = 100
    query: str | None = None
    history: str | None = None
    represent: Represent = "mean"
    fresh_s: int = 0
    fresh: str = ""
    recall: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which items may be answered: all of `allow` (every item for None) that are none of `deny` and that have, of each
    attribute in `where`, one of the values.

    Ids that the catalogue does not hold mean nothing.
    """

    allow: Ids | None = None
    deny: Ids = NONE
    where: Mapping[str, Sequence[Any]] = field(default_factory=dict)


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class RetrieveRequest(RankRequest):
    """k: how many items. seen: ids that the user knows already, which are not answered.

    similar: items whose likes are asked for, oldest first, instead of the user's; they are not answered themselves.
    single: there is one, and it must be in the catalogue.
    """

    k: int = 100
    filter: Filter = EVERYTHING
    seen: Ids = NONE
    similar: Ids | None = None
    single: bool = False


@dataclass(frozen=True, slots=True)
class RetrieveResult(RankResult):
    """items: ids of the best [n], best first, with their `scores`; fewer than asked for where no more are allowed."""

    items: Ids = NONE
