"""What opening a store may import: a function without DynamoDB tables never pays for sockets and TLS."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from snapshots_support import BUCKET, environ, staged
from stores_support import environment, make_table, write_resident

from ranklet.local.s3 import LocalS3

NETWORK = {"ssl", "_ssl", "socket", "http.client", "email", "urllib.request", "select"}
FOREIGN = {"boto3", "botocore", "urllib3", "requests", "pydantic", "asyncio", "ranklet", "hypothesis"}

SCRIPT = """
import json, sys, pathlib
from ranklet_features.spec import Table
import ranklet_features.stores
before = sorted(sys.modules)
table, environ = Table(**json.loads(sys.argv[1])), json.loads(sys.argv[3])
store = ranklet_features.stores.open_store(table, pathlib.Path(sys.argv[2]), environ)
after = sorted(sys.modules)
store.close()
print(json.dumps([before, after]))
"""


def imported(table: dict, folder: Path, environ: dict) -> tuple[set[str], set[str]]:
    command = [sys.executable, "-c", SCRIPT, json.dumps(table), str(folder), json.dumps(environ)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    before, after = json.loads(done.stdout)
    return set(before), set(after)


@pytest.mark.parametrize("placement", ["resident", "dynamodb"])
def test_only_a_dynamodb_store_imports_sockets_and_tls(tmp_path: Path, placement: str) -> None:
    table = make_table([1, 2], placement=placement)
    write_resident(tmp_path, table, [1, 2])
    environ = dict(environment("http://127.0.0.1:9"))
    before, after = imported(dataclasses.asdict(table), tmp_path, environ)
    assert not before & (NETWORK | FOREIGN)
    assert not after & FOREIGN
    assert bool(after & NETWORK) == (placement == "dynamodb")
    assert ("pybase64" in after) == (placement == "dynamodb" and sys.version_info >= (3, 12))


def test_a_fetched_table_adds_sockets_and_tls_and_no_library(tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    with LocalS3(bucket=BUCKET) as server:
        server.load(place)
        given = environ(server.endpoint, tmp_path / "tmp")
        before, after = imported(dataclasses.asdict(table), tmp_path, given)
    assert not before & (NETWORK | FOREIGN | {"ranklet_features.stores.snapshots"})
    assert not after & (FOREIGN | {"ranklet_features.stores.dynamodb"})
    assert after & NETWORK
    assert (
        not {name.partition(".")[0] for name in after}
        - sys.stdlib_module_names
        - {
            "numpy",
            "orjson",
            "ranklet_features",
        }
        - {name.partition(".")[0] for name in before}
    )
