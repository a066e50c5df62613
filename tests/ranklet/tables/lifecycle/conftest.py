from __future__ import annotations

from collections.abc import Iterator

import pytest
from lifecycle_kit import Place, emptied
from ministack_server import ministack_server
from moto.server import ThreadedMotoServer

from ranklet.local.dynamodb import LocalDynamo

MINISTACK = pytest.param("ministack", marks=pytest.mark.slow)


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """In an environment of its own, as it pins botocore."""
    with ministack_server(tmp_path_factory.mktemp("ministack")) as endpoint:
        yield endpoint


@pytest.fixture
def moto(moto_server: str) -> Place:
    """moto's services, empty."""
    return emptied("moto", moto_server, "/moto-api/reset")


@pytest.fixture(params=["moto", MINISTACK])
def cloud(request: pytest.FixtureRequest) -> Place:
    """All of AWS's services that are used, empty; the same calls against two servers."""
    if request.param == "moto":
        return request.getfixturevalue("moto")
    return emptied("ministack", request.getfixturevalue("ministack"), "/_ministack/reset")


@pytest.fixture(params=["moto", "ours", MINISTACK])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A DynamoDB, empty; the same calls against three servers."""
    if request.param == "moto":
        yield request.getfixturevalue("moto")
    elif request.param == "ministack":
        yield emptied("ministack", request.getfixturevalue("ministack"), "/_ministack/reset")
    else:
        with LocalDynamo() as local:
            yield Place("ours", local.endpoint)
