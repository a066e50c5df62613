"""`[api]`: how a model is reached, and by whom."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ranklet_runtime.dialects import DIALECTS


class Jwt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[api.jwt]`: who signs the tokens and for whom."""

    issuer: str
    audience: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Api(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[api]`: who may call. `none` is open to the internet and is said loudly at synthesis.

    versions: whether paths that name another version or a label reach it; the function may then invoke itself.
    """

    auth: Literal["iam", "jwt", "none"] = "iam"
    jwt: Jwt | None = None
    surplus: Literal["refuse", "ignore"] = "refuse"
    versions: bool = True
    dialects: tuple[str, ...] = tuple(DIALECTS)
