"""The one file of prices that decisions and estimates use, as records."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec

Dollars = Annotated[float, msgspec.Meta(ge=0)]


class LambdaPrices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Per GB and second of a running function."""

    x86_64_gb_second: Dollars
    arm64_gb_second: Dollars


class DynamoPrices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Per read and write unit on demand; per GB of imported source, uncompressed; per GB and month of a table, and of
    its point-in-time recovery."""

    read_unit: Dollars
    write_unit: Dollars
    import_gb: Dollars
    storage_gb_month: Dollars
    backup_gb_month: Dollars


class S3Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Per GET; per GB and month."""

    get: Dollars
    storage_gb_month: Dollars


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All prices of `prices.toml`, of one region and month."""

    date: str
    region: str
    lambda_: LambdaPrices = msgspec.field(name="lambda")
    dynamodb: DynamoPrices
    s3: S3Prices


@cache
def load() -> Prices:
    """Read `prices.toml`, which lies at the root of the package."""
    path = Path(__file__).parents[1] / "prices.toml"
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Prices)
