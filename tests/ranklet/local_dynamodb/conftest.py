from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dynamodb_helpers import client
from moto.server import ThreadedMotoServer

from ranklet.local.dynamodb import LocalDynamo


@pytest.fixture
def server() -> Iterator[LocalDynamo]:
    """A local DynamoDB that does not look at signatures."""
    with LocalDynamo() as local:
        yield local


@pytest.fixture
def ours(server: LocalDynamo) -> Any:
    return client(server.endpoint)


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def theirs(moto_endpoint: str) -> Iterator[Any]:
    """moto, emptied afterwards."""
    other = client(moto_endpoint)
    yield other
    for name in other.list_tables()["TableNames"]:
        other.delete_table(TableName=name)
