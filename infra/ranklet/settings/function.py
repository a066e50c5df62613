"""`[function]`: the Lambda function itself."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class Function(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[function]`: the Lambda function. memory and tmp in MB, timeout in seconds, logs kept in days.

    tmp: size of /tmp; None for what the tables need that are fetched there (512 at least).
    """

    memory: Annotated[int, msgspec.Meta(ge=128, le=10_240)] = 1024
    tmp: Annotated[int, msgspec.Meta(ge=512, le=10_240)] | None = None
    timeout: Annotated[int, msgspec.Meta(ge=1, le=29)] = 10
    reserved: Annotated[int, msgspec.Meta(ge=1)] | None = None
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    log_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365] = 30
