"""`[api.rest]`: what a REST API can and the others cannot: plans by key, a firewall, private endpoints, a policy."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

import msgspec

Endpoint = Annotated[str, msgspec.Meta(pattern=r"^vpce-[0-9a-f]{8,17}$")]
Account = Annotated[str, msgspec.Meta(pattern=r"^\d{12}$")]


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[api.rest.plan]`: what each key may ask: requests per second, at once, and in a period."""

    rate: Annotated[float, msgspec.Meta(gt=0)] | None = None
    burst: Annotated[int, msgspec.Meta(ge=1)] | None = None
    quota: Annotated[int, msgspec.Meta(ge=1)] | None = None
    period: Literal["day", "week", "month"] = "month"

    def __post_init__(self) -> None:
        if (self.rate is None) != (self.burst is None):
            raise ValueError("rate and burst go together: give both or neither")


class Rest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[api.rest]`: the REST API of a model.

    plan: of API keys. waf_rate: requests of one address within five minutes, above which the firewall blocks it.
    vpc_endpoints: the API is private, reached through these alone. cidrs: addresses that are let in, all others are
    refused. accounts: further accounts whose principals may sign. validate: `body` lets API Gateway compare JSON with
    the schemas of openapi.json before Lambda is paid for; what has no schema is the function's to check, as ever.
    """

    plan: Plan | None = None
    waf_rate: Annotated[int, msgspec.Meta(ge=10, le=2_000_000_000)] | None = None
    vpc_endpoints: tuple[Endpoint, ...] = ()
    cidrs: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    validate: Literal["none", "body"] = "none"

    def __post_init__(self) -> None:
        for cidr in self.cidrs:
            try:
                ip_network(cidr)
            except ValueError as error:
                raise ValueError(f"cidrs: {error}; write 203.0.113.0/24, say") from error
