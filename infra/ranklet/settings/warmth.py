"""`[warmth]`: what is kept ready before a request comes; one way, since AWS lets them exclude each other."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class Warmth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an environment gets ready: when it is asked for, from a snapshot, or provisioned beforehand.

    count: of provisioned environments.
    """

    kind: Literal["none", "provisioned", "snapstart"] = "none"
    count: Annotated[int, msgspec.Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        if (self.kind == "provisioned") != (self.count > 0):
            raise ValueError(f'count = {self.count} goes with kind = "provisioned" alone, where it is at least 1')
