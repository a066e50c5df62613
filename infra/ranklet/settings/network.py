"""Networks that exist already: what a function needs to run inside one, and what the shared stack adds to it.

Everything is named by its id, so that a synthesis looks nothing up and needs no account. Ids differ by account: they
belong into an environment's file, `[function.vpc]` and `[endpoints]`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Subnet = Annotated[str, msgspec.Meta(pattern=r"^subnet-[0-9a-f]{8,17}$")]
Group = Annotated[str, msgspec.Meta(pattern=r"^sg-[0-9a-f]{8,17}$")]
VpcId = Annotated[str, msgspec.Meta(pattern=r"^vpc-[0-9a-f]{8,17}$")]
RouteTable = Annotated[str, msgspec.Meta(pattern=r"^rtb-[0-9a-f]{8,17}$")]


class Vpc(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[function.vpc]`: private subnets, two or more for availability, and the security groups of the function.

    A function in a VPC reaches what the VPC reaches and no more: DynamoDB and S3 by gateway endpoints (`[endpoints]`)
    or a NAT gateway; Lambda, for requests to other versions and shadows, by an interface endpoint or NAT.
    """

    subnets: Annotated[tuple[Subnet, ...], msgspec.Meta(min_length=1, max_length=16)]
    security_groups: Annotated[tuple[Group, ...], msgspec.Meta(min_length=1, max_length=5)]


class Endpoints(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[endpoints]` of an environment: gateway endpoints of DynamoDB and S3, made by the shared stack at no cost.

    route_tables: of the functions' subnets. Leave `[endpoints]` out where the VPC has such endpoints: a route table
    takes one of each.
    """

    vpc: VpcId
    route_tables: Annotated[tuple[RouteTable, ...], msgspec.Meta(min_length=1)]
