"""REST APIs and function URLs as the CDK writes them, served on ports of their own beside the shared API."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_local_synthesised import MANIFEST, MODEL, ROOT

from ranklet import app, certificate, freshness
from ranklet.certificate import Certificate
from ranklet.local.cloud import LocalCloud
from ranklet.local.hosted import Hosted
from ranklet.local.logs import LogLine
from ranklet.local.template import read
from ranklet.project import Project

HANDLER = """
import base64, json

def handler(event, context):
    if event.get("path") == "/bytes":
        return {"statusCode": 200, "headers": {"content-type": "application/msgpack"}, "isBase64Encoded": True,
                "body": base64.b64encode(bytes([0, 255])).decode()}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
"""

KEYS = '[api]\nkind = "rest"\nauth = "key"\n[api.cors]\norigins = ["https://a.example", "https://b.example"]\n'
CHECKED = '[api]\nkind = "rest"\n[api.rest]\nvalidate = "body"\n'
ASKED = """[api]
kind = "rest"
auth = "lambda"
[api.authorizer]
function = "who"
identity = ["header.X-Who", "query.t"]
"""
URL = '[api]\nkind = "url"\n[api.cors]\norigins = ["https://a.example"]\n'
HTTP = '[api.cors]\norigins = ["*"]\n'
MODELS = {"keys": KEYS, "checked": CHECKED, "asked": ASKED, "url": URL, "films": HTTP}


def write(project: Project, name: str, more: str) -> None:
    folder = project.functions / name
    folder.mkdir(parents=True)
    plain = MODEL.replace('"films"', f'"{name}"').partition("[function]")[0]
    (folder / "model.toml").write_text(plain + more)
    bundle = project.bundle(name)
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").write_text(json.dumps({**MANIFEST, "model": name}))
    certificate.write(Certificate(certificate.digest(bundle), 1, 1e-6, {"native-json": 0.0}), bundle)
    freshness.mark(bundle, freshness.digest(folder))


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly of a model for every kind of API, with a stub in the place of the runtime."""
    root = tmp_path_factory.mktemp("project")
    project = Project(root)
    (root / "cdk.json").write_bytes((ROOT / "cdk.json").read_bytes())
    for name, more in MODELS.items():
        write(project, name, more)

    def layer(name: str, architecture: str) -> Path:
        folder = root / "layers" / f"{name}-{architecture}" / "python"
        package = folder / ("ranklet_runtime" if name == "inference" else f"ranklet_{name}")
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "handler.py").write_text(HANDLER)
        (package / "origins.py").write_text(HANDLER)
        return folder.parent

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDK_VALIDATION", "false")  # takes seconds, and is tested where the stacks are
        return app.synthesise(project, out=root / "cdk.out", layer=layer)


@pytest.fixture(scope="module")
def cloud(synthesised: Path) -> Iterator[Hosted]:
    lines: list[LogLine] = []
    local = LocalCloud(synthesised, layers=lambda name: None, auth="required", log=lines.append)
    with local.running() as running:
        yield running


def ask(url: str, path: str, *, method: str = "POST", body: bytes = b"{}", **headers: str) -> tuple[int, Any, bytes]:
    host, _, below = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, f"/{below}{path}" if below else path, body=body, headers=named)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_template_tells_which_model_has_a_door_of_its_own(synthesised: Path) -> None:
    deployment = read(synthesised)
    assert {route.function for route in deployment.routes} == {"films"}
    doors = {door.function: door for door in deployment.doors}
    assert set(doors) == {"keys", "checked", "asked", "url"}
    assert (doors["keys"].api.kind, doors["keys"].api.stage, doors["keys"].api.binary) == ("rest", "live", ("*/*",))
    assert {route.key for route in doors["keys"].routes} == {"ANY /", "ANY /{proxy+}"}
    assert {(route.auth, route.identity) for route in doors["keys"].routes} == {("API_KEY", ("header.x-api-key",))}
    assert {route.identity for route in doors["asked"].routes} == {("header.x-who", "query.t")}
    assert "*/*" not in doors["checked"].api.binary
    assert "POST /v1/models/checked:rank" in {route.key for route in doors["checked"].routes}
    assert (doors["url"].api.kind, [route.key for route in doors["url"].routes]) == ("url", ["$default"])
    assert read(synthesised, only=["url"]).doors == (doors["url"],)


def test_rest_api_gets_bytes_below_its_stage_from_callers_with_a_key(cloud: Hosted) -> None:
    assert cloud.url_of("keys").endswith("/live") and cloud.url_of("keys") != cloud.url_of("films") == cloud.url
    for path in ("/v1/models/keys:rank", "/keys/v1/models/keys:rank", "/invocations"):
        status, _, answer = ask(cloud.url_of("keys"), path, x_api_key="k", content_type="application/json")
        event = json.loads(answer)
        assert (status, event["path"], event["httpMethod"]) == (200, path, "POST")
        assert (event["isBase64Encoded"], base64.b64decode(event["body"])) == (True, b"{}")
        assert (event["requestContext"]["stage"], event["resource"]) == ("live", "/{proxy+}")
    status, headers, answer = ask(cloud.url_of("keys"), "/v1/models/keys:rank")
    assert (status, answer, headers["x-amzn-errortype"]) == (403, b'{"message":"Forbidden"}', "ForbiddenException")


def test_rest_api_that_compares_json_gets_it_as_text_and_bytes_as_bytes(cloud: Hosted) -> None:
    url = cloud.url_of("checked")
    status, _, answer = ask(url, "/v1/models/checked:rank", authorization="signed", content_type="application/json")
    event = json.loads(answer)
    assert (status, event["body"], event["isBase64Encoded"]) == (200, "{}", False)
    assert event["resource"] == "/v1/models/checked:rank"
    assert not json.loads(ask(url, "/v1/models/checked:rank", authorization="signed")[2])["isBase64Encoded"]
    packed = ask(url, "/v1/models/checked:rank", authorization="signed", content_type="application/msgpack")
    assert json.loads(packed[2])["isBase64Encoded"] is True
    # API Gateway goes by what the caller accepts: who names no binary type gets base64.
    assert ask(url, "/bytes", authorization="signed", accept="application/msgpack")[2] == b"\x00\xff"
    assert ask(url, "/bytes", authorization="signed")[2] == base64.b64encode(b"\x00\xff")


def test_callers_bring_what_the_authorizer_decides_by(cloud: Hosted) -> None:
    url = cloud.url_of("asked")
    assert ask(url, "/ping?t=1", X_Who="me")[0] == 200
    for path, headers in (("/ping", {"X_Who": "me"}), ("/ping?t=1", {"authorization": "x"})):
        status, _, answer = ask(url, path, **headers)
        assert (status, answer) == (401, b'{"message":"Unauthorized"}')


def test_url_gets_every_path_in_the_second_payload_format(cloud: Hosted) -> None:
    status, _, answer = ask(cloud.url_of("url"), "/v1/models/url:rank?a=1", authorization="signed", body=b"\x00")
    event = json.loads(answer)
    assert (status, event["rawPath"], event["routeKey"]) == (200, "/v1/models/url:rank", "$default")
    assert event["requestContext"]["domainName"].endswith(".lambda-url.us-east-1.on.aws")
    assert (event["version"], event["isBase64Encoded"]) == ("2.0", True)
    assert ask(cloud.url_of("url"), "/ping")[::2] == (403, b'{"Message":"Forbidden"}')


def test_browsers_are_told_who_may_call_by_every_kind_of_api(cloud: Hosted) -> None:
    for name, origin, allowed in (
        ("keys", "https://b.example", "https://b.example"),
        ("keys", "https://c.example", None),
        ("url", "https://a.example", "https://a.example"),
        ("url", "https://b.example", None),
        ("films", "https://c.example", "*"),
    ):
        path = f"/v1/models/{name}:rank"
        status, headers, answer = ask(cloud.url_of(name), path, method="OPTIONS", origin=origin)
        assert (status, answer, headers["access-control-allow-origin"]) == (204, b"", allowed)
        assert headers["access-control-allow-methods"] == "GET,POST"
    shown = ask(cloud.url_of("url"), "/ping", authorization="signed", origin="https://a.example")[1]
    assert shown["access-control-allow-origin"] == "https://a.example"
    # The function adds it where the API is a REST API: the stub that stands for it does not.
    assert "access-control-allow-origin" not in ask(cloud.url_of("keys"), "/ping", x_api_key="k")[1]
    status, _, answer = ask(cloud.url_of("checked"), "/ping", method="OPTIONS", authorization="signed")
    assert (status, json.loads(answer)["httpMethod"]) == (200, "OPTIONS")
