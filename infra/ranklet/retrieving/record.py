"""What was measured of an index, as the certificate holds it and `ranklet build` tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


@dataclass(frozen=True)
class Recall:
    """k: results of each query. target, reached: the share of those that exact search finds; queries: how many.

    of: what the queries were. layout, packing, lists, probes, rerank: of the index that ships. fallback: why it is not
    what model.toml asks for; empty where it is. golden: the share of the trainer's own items that the deployed index
    finds for the golden requests; None where every item is looked at, which finds all. filtered: the least recall where
    a filter keeps items out, with `deeper` times as many lists (0: all of them); None as of golden.
    """

    k: Annotated[int, msgspec.Meta(ge=1)]
    target: Share
    reached: Share
    queries: int
    of: str
    layout: str
    packing: str
    lists: int
    probes: int
    rerank: int
    fallback: str = ""
    golden: Share | None = None
    deeper: int = 1
    filtered: Share | None = None

    @property
    def said(self) -> str:
        """In a sentence."""
        where = "every item" if self.layout == "exact" else f"{self.probes} of {self.lists} lists"
        packed = f", int8 with {self.rerank} exact scores" if self.packing == "int8" else ""
        measured = f"over {self.queries} queries ({self.of})" if self.queries else self.of
        if self.filtered is not None and self.layout == "ivf":
            deep = f"{self.deeper} times as many" if self.deeper else "all"
            where += f", {deep} with a filter ({self.filtered:.4f})"
        short = f"; not what model.toml asks for: {self.fallback}" if self.fallback else ""
        return f"recall@{self.k} {self.reached:.4f} of {self.target:g} {measured}; {where}{packed} per search{short}"
