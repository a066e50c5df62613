from __future__ import annotations

from collections.abc import Iterator

import pytest
from lifecycle_kit import Place
from moto.server import ThreadedMotoServer

from ranklet.local.dynamodb import LocalDynamo


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


@pytest.fixture
def moto(moto_server: str) -> Place:
    """All services, empty."""
    from http.client import HTTPConnection

    connection = HTTPConnection(moto_server.removeprefix("http://"), timeout=30)
    connection.request("POST", "/moto-api/reset")
    assert connection.getresponse().status == 200
    connection.close()
    return Place("moto", moto_server)


@pytest.fixture(params=["moto", "ours"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """The same calls against two servers."""
    if request.param == "moto":
        yield request.getfixturevalue("moto")
        return
    with LocalDynamo() as local:
        yield Place("ours", local.endpoint)
