"""The handler of the function that is measured against: ours, whose tables are read by boto3's client.

It runs inside a function: no module of the bench is there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ranklet_runtime import first

first.settle()

import boto3  # noqa: E402
import numpy as np  # noqa: E402

from ranklet_features.packing import from_bytes, unpack  # noqa: E402
from ranklet_features.spec import Table  # noqa: E402
from ranklet_features.stores import dynamodb  # noqa: E402
from ranklet_features.stores.base import FOUND, MISSING, Keys, Rows  # noqa: E402

client = boto3.client("dynamodb", endpoint_url=os.environ.get("AWS_ENDPOINT_URL_DYNAMODB"))


class Boto3Store:
    """Up to 100 rows a call, as the service allows."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        names = list(map(str, np.asarray(keys).tolist()))
        found: dict[str, bytes] = {}
        distinct = list(dict.fromkeys(names))
        for begin in range(0, len(distinct), 100):
            some = distinct[begin : begin + 100]
            asked: Any = {self.table.physical: {"Keys": [{"k": {"S": name}} for name in some]}}
            while asked:
                answer = client.batch_get_item(RequestItems=asked)
                found.update((item["k"]["S"], item["v"]["B"]) for item in answer["Responses"][self.table.physical])
                asked = answer.get("UnprocessedKeys")
        status = np.array([FOUND if name in found else MISSING for name in names], np.uint8)
        nothing = bytes(4 * self.table.dim)
        packed = from_bytes(b"".join(found.get(name, nothing) for name in names), dtype="f32", dim=self.table.dim)
        return Rows(unpack(packed), status)

    def close(self) -> None:
        client.close()


def open_table(table: Table, folder: Path, environ: Mapping[str, str]) -> Boto3Store:
    return Boto3Store(table)


dynamodb.open_table = open_table  # type: ignore[assignment]

from ranklet_runtime.handler import handler  # noqa: E402

__all__ = ["handler"]
