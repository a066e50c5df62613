"""Models that are reached in every way, for the tests of the templates."""

from __future__ import annotations

from pathlib import Path

from cdk_project import Assembly, never, new_project, stub_layers, write_bundle, write_model

from ranklet import app

KEYS = """
[api]
kind = "rest"
auth = "key"
[api.throttle]
rate = 50
burst = 20
[api.rest]
waf_rate = 1000
cidrs = ["203.0.113.0/24"]
validate = "body"
[api.rest.plan]
rate = 1.5
burst = 3
quota = 1000
period = "day"
[api.cors]
origins = ["https://a.example", "https://b.example"]
"""
PRIVATE = """
[api]
kind = "rest"
[api.rest]
vpc_endpoints = ["vpce-0123456789abcdef0"]
cidrs = ["10.0.0.0/8"]
accounts = ["210987654321"]
"""
ASKED = """
[api]
kind = "rest"
auth = "lambda"
[api.authorizer]
function = "who"
identity = ["header.X-Who", "query.t"]
ttl = 60
"""
HTTP_ASKED = """
[api]
auth = "lambda"
[api.authorizer]
function = "arn:aws:lambda:eu-west-1:210987654321:function:who"
[api.cors]
origins = ["https://c.example"]
max_age = 60
"""
URL = """
[api]
kind = "url"
[api.cors]
origins = ["https://a.example"]
"""
MODELS = {
    "keys": KEYS,
    "private": PRIVATE,
    "asked": ASKED,
    "plain": '[api]\nkind = "rest"\n',
    "open-rest": '[api]\nkind = "rest"\nauth = "none"\n',
    "http-asked": HTTP_ASKED,
    "url": URL,
    "open-url": '[api]\nkind = "url"\nauth = "none"\n',
}


def write(root: Path, **context: str) -> Assembly:
    """Synthesise them all below a folder."""
    project = new_project(root / "project")
    for name, more in MODELS.items():
        write_model(project, name, more=more)
        write_bundle(project, name)
    layer = stub_layers(root / "layers")
    return Assembly(app.synthesise(project, out=root / "cdk.out", build=never, layer=layer, context=context))
