"""What openapi.json says that a caller must bring, for every `[api] auth`."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from ranklet.model import Model, StepSource
from ranklet.openapi.document import document, schemes
from ranklet.settings.api import ALLOWED, Api, Authorizer, Jwt
from ranklet_features.spec import Input
from ranklet_runtime.manifest import Manifest

JWT = Jwt(issuer="https://issuer.example", audience=("ranking",))
ASKED = Authorizer(function="who", identity=("header.X-Who", "query.token"))

MANIFEST = {
    "format": 1,
    "model": "films",
    "version": "1",
    "inputs": {"age": {"side": "item"}},
    "features": {"age": {"kind": "dense", "of": ["age"]}},
    "tables": {},
    "steps": [{"engine": "linear", "rows": "item", "inputs": {"x": "age"}, "outputs": {"y": "score"}}],
    "score": "score",
    "dialects": ["native"],
    "limits": {"items": 10},
    "threads": 1,
}


def settings(kind: str, auth: str) -> Api:
    return msgspec.convert(
        {
            "kind": kind,
            "auth": auth,
            "jwt": msgspec.to_builtins(JWT) if auth == "jwt" else None,
            "authorizer": msgspec.to_builtins(ASKED) if auth == "lambda" else None,
        },
        Api,
    )


def test_signed_requests_are_for_the_service_that_is_called() -> None:
    for kind, service in (("http", "execute-api"), ("rest", "execute-api"), ("url", "lambda")):
        (scheme,) = schemes(settings(kind, "iam")).values()
        assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"
        assert scheme["description"].endswith(f"for the service {service}")


def test_keys_and_tokens_are_named() -> None:
    assert schemes(settings("http", "jwt"))["jwt"]["scheme"] == "bearer"
    key = schemes(settings("rest", "key"))["key"]
    assert (key["type"], key["in"], key["name"]) == ("apiKey", "header", "x-api-key")
    assert schemes(settings("http", "none")) == {}


def test_everything_that_an_authorizer_decides_by_is_asked_for() -> None:
    found = schemes(settings("rest", "lambda"))
    assert [(one["in"], one["name"]) for one in found.values()] == [("header", "X-Who"), ("query", "token")]


@pytest.mark.parametrize(("kind", "auth"), [(kind, auth) for kind, auths in ALLOWED.items() for auth in auths])
def test_document_asks_for_what_it_declares(kind: str, auth: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    step = StepSource(format="numpy", engine="linear", source="model.npz")
    model = Model(name="films", inputs={"age": Input("item")}, features={}, steps=(step,), api=settings(kind, auth))
    told = document(Manifest.read(tmp_path / "manifest.json"), model)
    declared = told.get("components", {}).get("securitySchemes", {})
    assert [set(one) for one in told.get("security", [])] == ([set(declared)] if declared else [])
    assert bool(declared) == (auth != "none")
