"""The one file of prices that decisions and estimates use, as records."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec

from ranklet.errors import ModelError

Dollars = Annotated[float, msgspec.Meta(ge=0)]


class LambdaPrices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Per GB and second of a running function, per request; of provisioned concurrency; of SnapStart's snapshots."""

    x86_64_gb_second: Dollars
    arm64_gb_second: Dollars
    request: Dollars
    provisioned_gb_second: Dollars
    provisioned_duration_gb_second: Dollars
    snapstart_gb_second: Dollars
    snapstart_restore_gb: Dollars


class ApiPrices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Per request of an HTTP API and of a REST API."""

    http: Dollars
    rest: Dollars


class SageMakerPrices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Per hour of an instance of two vCPUs; of serverless inference per GB-second, and per GB in and out."""

    ml_c5_large_hour: Dollars
    serverless_gb_second: Dollars
    serverless_gb: Dollars


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
    api: ApiPrices
    sagemaker: SageMakerPrices
    dynamodb: DynamoPrices
    s3: S3Prices


def read(path: Path) -> Prices:
    """Read a file of the same form: of another region, or of prices that were agreed. Raises ModelError."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Prices)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ModelError(f"{path.name} is no file of prices: {error}; start from infra/ranklet/prices.toml") from error


@cache
def load() -> Prices:
    """Read `prices.toml`, which lies beside this module."""
    return read(Path(__file__).with_name("prices.toml"))
