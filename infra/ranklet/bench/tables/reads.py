"""The client CPU of reading 100 rows over the network: ours, boto3's client, and Feast's DynamoDB online store.

Every way begins with the request's int64 ids and ends with float32 [100, dim] in their order. `canned`: over sockets
that answer from memory (`canned.py`). `wire`: over real sockets, from a server in another process; so is Feast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.bench import base
from ranklet.bench.base import Found, Progress, Row, Sample, Setting, Way
from ranklet.bench.tables import canned, data, feast, servers
from ranklet.bench.tables.data import Sheet
from ranklet_features.packing import from_bytes, unpack
from ranklet_features.spec import Table, VectorType
from ranklet_features.stores import open_store
from ranklet_features.stores.base import EmbeddingStore

N = 100
ROWS = 2_000
TAKES = 64
CALLS, WARM = 4, 1
DTYPES: Sequence[VectorType] = ("f32", "f16", "int8")

Read = Callable[[NDArray[np.int64]], NDArray[np.float32]]
Wanted = Sequence[NDArray[np.intp]]


def measure(setting: Setting, progress: Progress) -> Found:
    """Figures `read-…`. Raises BenchError where somebody's rows are wrong."""
    sheets = {dtype: data.sheet(rows=ROWS, dtype=dtype, placement="dynamodb") for dtype in DTYPES}
    wanted, peer = data.requests(ROWS, N), feast.python(setting, progress)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="ranklet-bench-")))
        for sheet in sheets.values():
            data.stage(sheet, folder / "tables")
        url = stack.enter_context(servers.running(folder / "tables"))
        control = {"take": data.taking(sheets["f32"], wanted, calls=TAKES).sample}
        quiet, wire = dict(control), dict(control)
        with canned.connecting(canned.Tape(url)):
            for dtype, sheet in sheets.items():
                quiet |= stack.enter_context(ours_and_boto3(sheet, wanted, url, dtype))
        progress(f"timing reads of {N} rows over canned sockets")
        taken = base.interleaved(quiet, setting)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="ranklet-bench-")))
        data.stage(sheets["f32"], folder / "tables")
        url = stack.enter_context(servers.running(folder / "tables"))
        wire |= stack.enter_context(ours_and_boto3(sheets["f32"], wanted, url, "wire"))
        progress("writing Feast's rows" if peer else "Feast is absent")
        if theirs := stack.enter_context(feast.running(peer, url, sheets["f32"].packed, wanted, folder)):
            wire |= _feasts(theirs, sheets["f32"], wanted)
        progress(f"timing reads of {N} rows from a server")
        met = base.interleaved(wire, setting)
    return Found([*_rows(taken), *_wire_rows(met)], [taken["take"], met["take"]])


def boto3_reader(table: Table, client: Any) -> Read:
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
    with closing(opened):
        yield opened


@contextmanager
def store(table: Table, url: str) -> Iterator[EmbeddingStore]:
    """Our store of an endpoint."""
    with closing(open_store(table, Path(), servers.environ(url))) as opened:
        yield opened


@contextmanager
def ours_and_boto3(sheet: Sheet, wanted: Wanted, url: str, name: str) -> Iterator[dict[str, Sample]]:
    """Both ways of reading a table, under `ours <name>` and `boto3 <name>`, connected and checked."""
    with store(sheet.table, url) as ours, client(url) as theirs:
        ways: Mapping[str, Read] = {
            f"ours {name}": lambda keys: ours.rows(keys).values,
            f"boto3 {name}": boto3_reader(sheet.table, theirs),
        }
        for way, run in ways.items():
            for places in wanted:
                base.equal(f"{way}, {N} rows", run(np.asarray(sheet.names(places))), sheet.exact(places))
        yield {
            way: Way(run, lambda turn: sheet.names(wanted[turn % len(wanted)]), CALLS, WARM).sample
            for way, run in ways.items()
        }


def _feasts(theirs: feast.Feast, sheet: Sheet, wanted: Wanted) -> dict[str, Sample]:
    for way in feast.WAYS:
        for number, places in enumerate(wanted):
            base.equal(f"{way}, {N} rows", theirs.answer(way, number), sheet.exact(places))
    return {way: theirs.sample(way, len(wanted)) for way in feast.WAYS}


def _rows(taken: Mapping[str, NDArray[np.float64]]) -> Iterator[Row]:
    for dtype in DTYPES:
        tail = "" if dtype == "f32" else f"-{dtype}"
        ours, theirs = taken[f"ours {dtype}"], taken[f"boto3 {dtype}"]
        yield base.ratio(f"read-cpu-vs-boto3{tail}", ours, theirs, n=N, peer="boto3")
        yield base.microseconds(f"read{tail}-us", ours, n=N)
    yield base.microseconds("boto3-us", taken["boto3 f32"], n=N, peer="boto3")


def _wire_rows(taken: Mapping[str, NDArray[np.float64]]) -> Iterator[Row]:
    ours = taken["ours wire"]
    yield base.ratio("read-cpu-vs-boto3-wire", ours, taken["boto3 wire"], n=N, peer="boto3")
    yield base.microseconds("read-wire-us", ours, n=N)
    for way in feast.WAYS:
        figure = f"read-cpu-vs-{way.replace(' ', '-').replace('_', '-')}"
        yield base.ratio(figure, ours, taken[way], n=N, peer=way) if way in taken else base.absent(figure, n=N)
        if way in taken:
            yield base.microseconds(f"{figure.removeprefix('read-cpu-vs-')}-us", taken[way], n=N, peer=way)
