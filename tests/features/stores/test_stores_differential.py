"""Random batches of reads through our client, beside boto3's answers on the same endpoint.

boto3 reads the items; what they hold is unpacked here by the formats' definitions (`packing.py`, `pages.py`), number by
number, so that neither our transport nor our unpacking is compared with itself.
"""

from __future__ import annotations

import dataclasses
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import orjson
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer
from stores_support import ACCESS_KEY, DIM, REGION, SECRET_KEY, TOKEN, environment, make_table

from ranklet.local.dynamodb import LocalDynamo
from ranklet.tables.push import push
from ranklet_features.packing import pack
from ranklet_features.spec import Table
from ranklet_features.stores import open_store
from ranklet_features.stores.aws.sigv4 import Credentials
from ranklet_features.stores.base import FOUND, MISSING

INTS = [-(2**63), *range(-40, 0, 3), *range(0, 500, 2), 10**12, 2**63 - 1]
TEXTS = sorted({"é", "日本", "🎬", '"', "\\", "\t", *(f"id-{i}" for i in range(230))})
TABLES: list[dict[str, Any]] = [
    *({"key": "int", "dtype": dtype, "page": page} for dtype in ("f32", "f16", "int8") for page in (1, 16)),
    *({"key": "string", "dtype": dtype, "page": 1} for dtype in ("f32", "int8")),
]
MINISTACK = "MINISTACK_ENDPOINT"
"""The environment variable with the URL of a running ministack, for the slow test."""


def client(endpoint: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        aws_session_token=TOKEN,
        config=Config(retries={"max_attempts": 3}),
    )


@pytest.fixture(scope="module")
def wire() -> Iterator[str]:
    with LocalDynamo(credentials=Credentials(ACCESS_KEY, SECRET_KEY, TOKEN), region=REGION) as server:
        yield server.endpoint


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def pushed(endpoint: str, folder: Path, fields: dict[str, Any]) -> Table:
    """A table of random rows, written by the build's own push through boto3."""
    keys: list[Any] = INTS if fields["key"] == "int" else TEXTS
    name = "-".join(map(str, fields.values()))
    table = make_table(keys, name=name, version=f"v{os.getpid()}", placement="dynamodb", **fields)
    values = np.random.default_rng(11).normal(size=(len(keys), DIM)).astype(np.float32)
    staged = folder / table.physical
    staged.mkdir()
    np.save(staged / "vectors.npy", pack(values, table.dtype))
    if table.key == "int":
        np.save(staged / "keys.npy", np.array(keys, np.int64))
    else:
        (staged / "keys.json").write_bytes(orjson.dumps(keys))
    (staged / "table.json").write_bytes(orjson.dumps(dataclasses.asdict(table)))
    boto = client(endpoint)
    push(staged, client=boto)
    boto.close()
    return table


def numbers(packed: bytes, dtype: str) -> list[float]:
    """The numbers of one packed row."""
    if dtype == "int8":
        (scale,) = struct.unpack_from("<f", packed)
        return [float(np.float32(scale) * np.float32(value)) for value in struct.unpack_from(f"<{DIM}b", packed, 4)]
    return list(struct.unpack(f"<{DIM}{'f' if dtype == 'f32' else 'e'}", packed))


def rows_of(item: dict[str, Any], table: Table) -> dict[str, list[float]]:
    """Key → numbers, of the rows in one item as boto3 gives it."""
    name, value = item["k"]["S"], item["v"]["B"]
    if table.page == 1:
        return {name: numbers(value, table.dtype)}
    (count,) = struct.unpack_from("<H", value)
    offsets = struct.unpack_from(f"<{count}H", value, 2)
    body = value[2 + 2 * count :]
    size = len(body) // count
    return {
        str(int(name[1:]) * table.page + offset): numbers(body[i * size : (i + 1) * size], table.dtype)
        for i, offset in enumerate(offsets)
    }


def read_with_boto(boto: Any, table: Table, keys: list[Any]) -> dict[str, list[float]]:
    names = [f"p{key // table.page}" if table.page > 1 else str(key) for key in keys]
    distinct = list(dict.fromkeys(names))
    found: dict[str, list[float]] = {}
    for start in range(0, len(distinct), 100):
        wanted = [{"k": {"S": name}} for name in distinct[start : start + 100]]
        answer = boto.batch_get_item(RequestItems={table.physical: {"Keys": wanted}})
        assert not answer["UnprocessedKeys"]
        for item in answer["Responses"][table.physical]:
            found |= rows_of(item, table)
    return found


def batches(key: str, count: int) -> Iterator[list[Any]]:
    """Present, absent and repeated keys; from none to more than three calls hold."""
    dice = np.random.default_rng(17)
    known: list[Any] = INTS if key == "int" else TEXTS
    other: list[Any] = [*range(-60, 560)] if key == "int" else [f"none-{i}" for i in range(400)]
    for n in (0, 1, 100, 101, 350, *dice.integers(1, 300, count).tolist()):
        drawn = [known if chosen else other for chosen in (dice.random(n) < 0.6).tolist()]
        keys = [source[int(dice.integers(len(source)))] for source in drawn]
        yield keys + keys[: n // 5]


def compare(endpoint: str, folder: Path, fields: dict[str, Any], count: int) -> None:
    table, boto = pushed(endpoint, folder, fields), client(endpoint)
    given = environment(endpoint)
    stores = [
        open_store(dataclasses.replace(table, cache_entries=entries), Path(), given) for entries in (0, 20, 5_000)
    ]
    for keys in batches(table.key, count):
        expected = read_with_boto(boto, table, keys)
        for store in stores:
            rows = store.rows(keys, deadline=time.monotonic() + 60)
            assert rows.status.tolist() == [FOUND if str(key) in expected else MISSING for key in keys]
            zeros = [0.0] * DIM
            assert rows.values.tolist() == [expected.get(str(key), zeros) for key in keys]
    for store in stores:
        store.close()
    boto.close()


@pytest.mark.parametrize("fields", TABLES, ids=lambda fields: "-".join(map(str, fields.values())))
@pytest.mark.parametrize("server", ["wire", "moto"])
def test_any_batch_reads_what_boto3_reads(
    request: pytest.FixtureRequest, tmp_path: Path, server: str, fields: dict[str, Any]
) -> None:
    compare(request.getfixturevalue(server), tmp_path, fields, 2)


@pytest.mark.slow
@pytest.mark.parametrize("fields", TABLES, ids=lambda fields: "-".join(map(str, fields.values())))
@pytest.mark.parametrize("server", ["wire", "moto", "ministack"])
def test_many_batches_read_what_boto3_reads(
    request: pytest.FixtureRequest, tmp_path: Path, server: str, fields: dict[str, Any]
) -> None:
    if server == "ministack":
        endpoint = os.environ.get(MINISTACK) or pytest.skip(f"{MINISTACK} names no running ministack")
    else:
        endpoint = request.getfixturevalue(server)
    compare(endpoint, tmp_path, fields, 20)
