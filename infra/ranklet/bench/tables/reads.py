"""The client CPU of reading 100 rows over the network: ours, boto3's client, and Feast's DynamoDB online store.

All read from one endpoint in another process, so that only the client's CPU time is counted. Every way begins with the
request's int64 ids and ends with float32 [100, dim] in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.bench import base
from ranklet.bench.base import Found, Progress, Row, Sample, Setting, Way
from ranklet.bench.tables import data, feast, servers
from ranklet.bench.tables.data import Sheet
from ranklet_features.packing import from_bytes, unpack
from ranklet_features.spec import Table, VectorType
from ranklet_features.stores import open_store
from ranklet_features.stores.base import EmbeddingStore

N = 100
ROWS = 2_000
TAKES = 64
DTYPES: Sequence[VectorType] = ("f32", "f16", "int8")


def measure(setting: Setting, progress: Progress) -> Found:
    """Figures `read-…`. Raises BenchError where somebody's rows are wrong."""
    sheets = {dtype: data.sheet(rows=ROWS, dtype=dtype, placement="dynamodb") for dtype in DTYPES}
    wanted = data.requests(ROWS, N)
    peer = feast.python(setting, progress)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="ranklet-bench-")))
        for sheet in sheets.values():
            data.stage(sheet, folder / "tables")
        urls = stack.enter_context(servers.running(folder / "tables"))
        ways: dict[str, Sample] = {"take": data.taking(sheets["f32"], wanted, calls=TAKES).sample}
        for dtype, sheet in sheets.items():
            ways |= stack.enter_context(_ours_and_boto3(sheet, wanted, urls.canned, dtype))
        ways |= stack.enter_context(_ours_and_boto3(sheets["f32"], wanted, urls.wire, "wire"))
        progress("writing Feast's rows" if peer else "Feast is absent")
        running = feast.running(peer, urls.canned, sheets["f32"].packed, wanted, folder)
        if (theirs := stack.enter_context(running)) is not None:
            ways |= _feasts(theirs, sheets["f32"], wanted)
        progress(f"timing reads of {N} rows")
        taken = base.interleaved(ways, setting)
    return Found([*_rows(taken), *_feast_rows(taken)], [taken["take"]])


def boto3_reader(table: Table, client: Any) -> Any:
    """The shortest code around boto3's client that gives float32 [n, dim] in the order of int64 ids."""

    def read(ids: NDArray[np.int64]) -> NDArray[np.float32]:
        names = list(map(str, ids.tolist()))
        found: dict[str, bytes] = {}
        asked: Any = {table.physical: {"Keys": [{"k": {"S": name}} for name in names]}}
        while asked:
            answer = client.batch_get_item(RequestItems=asked)
            found.update((item["k"]["S"], item["v"]["B"]) for item in answer["Responses"][table.physical])
            asked = answer.get("UnprocessedKeys")
        return unpack(from_bytes(b"".join([found[name] for name in names]), dtype=table.dtype, dim=table.dim))

    return read


@contextmanager
def client(url: str) -> Iterator[Any]:
    """boto3's client of an endpoint."""
    import boto3

    opened = boto3.client(
        "dynamodb",
        region_name=servers.REGION,
        endpoint_url=url,
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
    )
    yield opened
    opened.close()


@contextmanager
def store(table: Table, url: str) -> Iterator[EmbeddingStore]:
    """Our store of an endpoint."""
    opened = open_store(table, Path(), servers.Endpoints.environ(url))
    yield opened
    opened.close()


@contextmanager
def _ours_and_boto3(
    sheet: Sheet, wanted: Sequence[NDArray[np.intp]], url: str, name: str
) -> Iterator[dict[str, Sample]]:
    with store(sheet.table, url) as ours, client(url) as theirs:
        read = boto3_reader(sheet.table, theirs)
        ways = {f"ours {name}": lambda keys: ours.rows(keys).values, f"boto3 {name}": read}
        for way, run in ways.items():
            for places in wanted:
                base.equal(f"{way}, {N} rows", run(sheet.names(places)), sheet.exact(places))
        yield {way: Way(run, lambda turn: sheet.names(wanted[turn % len(wanted)])).sample for way, run in ways.items()}


def _feasts(theirs: feast.Feast, sheet: Sheet, wanted: Sequence[NDArray[np.intp]]) -> dict[str, Sample]:
    for way in feast.WAYS:
        for number, places in enumerate(wanted):
            base.equal(f"{way}, {N} rows", theirs.answer(way, number), sheet.exact(places))
    return {way: theirs.sample(way, len(wanted)) for way in feast.WAYS}


def _rows(taken: dict[str, NDArray[np.float64]]) -> Iterator[Row]:
    yield base.ratio("read-cpu-vs-boto3", taken["ours f32"], taken["boto3 f32"], n=N, peer="boto3")
    for dtype in ("f16", "int8"):
        ours, theirs = taken[f"ours {dtype}"], taken[f"boto3 {dtype}"]
        yield base.ratio(f"read-cpu-vs-boto3-{dtype}", ours, theirs, n=N, peer="boto3")
    yield base.ratio("read-cpu-vs-boto3-wire", taken["ours wire"], taken["boto3 wire"], n=N, peer="boto3")
    for dtype in DTYPES:
        yield base.microseconds(f"read-{dtype}-us", taken[f"ours {dtype}"], n=N)
    yield base.microseconds("boto3-read-f32-us", taken["boto3 f32"], n=N, peer="boto3")


def _feast_rows(taken: dict[str, NDArray[np.float64]]) -> Iterator[Row]:
    for way in feast.WAYS:
        figure = f"read-cpu-vs-{way.replace(' ', '-').replace('_', '-')}"
        if way in taken:
            yield base.ratio(figure, taken["ours f32"], taken[way], n=N, peer=way)
        else:
            yield base.absent(figure, n=N)
    if "feast" in taken:
        yield base.microseconds("feast-read-f32-us", taken["feast"], n=N, peer="feast")
