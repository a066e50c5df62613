"""No secret is written anywhere: not into a template or a function's environment, not into a log."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cdk_kinds import KINDS, write_kinds
from cdk_project import Assembly, new_project, stub_layers
from host_layer_kit import host_layer
from served_kit import write_served

from ranklet import app
from ranklet.local.cloud import LocalCloud
from ranklet.local.logs import LogLine

VARIABLES = {
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RANKLET_BUNDLE",
    "RANKLET_FUNCTION",
    "RANKLET_METRICS",
    "RANKLET_OBSERVE",
    "RANKLET_ORIGINS",
    "RANKLET_RUNTIME_CLIENT",
    "RANKLET_SHADOW",
    "RANKLET_SIGNING",  # an ARN
    "RANKLET_SNAPSHOTS",
    "RANKLET_TABLES",
    "RANKLET_VERSION",
    "RANKLET_VERSIONS",
}
"""All that functions are told. Whoever adds one says here that it holds no secret."""

SUSPECT = re.compile(r"secret|password|passwd|credential|private_?key|api_?key|access_?key|token", re.IGNORECASE)
SECRETS = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS access keys
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\."  # JSON web tokens
    r"|\b(?:gh[pousr]|github_pat)_\w{20,}"
    r"|\bxox[abprs]-\w{10,}"
    r"|://[^/\s:@]+:[^/\s:@]+@"  # a password in a URL
)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    root = tmp_path_factory.mktemp("secrets")
    project = new_project(root / "project")
    write_kinds(project)
    return Assembly(app.synthesise(project, out=root / "cdk.out", layer=stub_layers(root / "layers")))


def stacks(assembly: Assembly) -> list[str]:
    return sorted(path.name.removesuffix(".template.json") for path in assembly.folder.glob("*.template.json"))


def variables(assembly: Assembly) -> Iterator[tuple[str, Any]]:
    for stack in stacks(assembly):
        for function in assembly.properties(stack, "AWS::Lambda::Function"):
            yield from function.get("Environment", {}).get("Variables", {}).items()


def texts(value: Any) -> Iterator[str]:
    """Every text of a document, its keys too."""
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from texts(one)
        case dict():
            for key, one in value.items():
                yield key
                yield from texts(one)


def test_functions_are_told_nothing_but_what_is_listed(assembly: Assembly) -> None:
    names = {name for name, _ in variables(assembly)}
    assert names <= VARIABLES
    assert {"RANKLET_BUNDLE", "RANKLET_SNAPSHOTS", "RANKLET_TABLES", "RANKLET_VERSIONS"} <= names


def test_no_variable_is_called_like_a_secret(assembly: Assembly) -> None:
    assert not [name for name, _ in variables(assembly) if SUSPECT.search(name)]


def test_no_text_of_a_template_looks_like_a_secret(assembly: Assembly) -> None:
    assert len(stacks(assembly)) == len(KINDS) + 2
    for stack in stacks(assembly):
        assert not [text for text in texts(assembly.template(stack)) if SECRETS.search(text)]


def test_no_file_of_a_function_or_layer_looks_like_a_secret(assembly: Assembly) -> None:
    for path in assembly.folder.glob("asset.*/**/*"):
        if path.is_file():
            assert not SECRETS.search(path.read_bytes().decode("latin-1")), path.name


def test_keys_of_callers_are_made_by_aws_and_stand_in_no_template(assembly: Assembly) -> None:
    keys = [key for stack in stacks(assembly) for key in assembly.properties(stack, "AWS::ApiGateway::ApiKey")]
    assert keys and not [key for key in keys if "Value" in key]


def test_what_looks_like_a_secret_is_found() -> None:
    for secret in (
        "AKIA" + "Q" * 16,
        "-----BEGIN RSA PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x",
        "https://user:hunter2@example.com",
    ):
        assert SECRETS.search(f"a {secret} b")
    assert not SECRETS.search("https://example.com:8080/a@b 0123456789abcdef arn:aws:iam::aws:policy/x")


SECRET = {"AWS_SECRET_ACCESS_KEY": "functions-own-secret", "AWS_SESSION_TOKEN": "functions-own-token"}
CALLERS = "callers-own-secret"


def test_no_secret_of_function_or_caller_gets_into_the_log(tmp_path: Path) -> None:
    """Answers of every kind: a good one, faults of the caller, a store that does not answer, an unknown path."""
    project = new_project(tmp_path / "project")
    write_served(project, "stored", kind="dynamodb")
    out = app.synthesise(project, out=tmp_path / "cdk.out", layer=stub_layers(tmp_path / "layers"))
    layer, lines = host_layer(tmp_path / "layer"), list[LogLine]()
    headers = {
        "Authorization": f"Bearer {CALLERS}",
        "Cookie": f"session={CALLERS}",
        "X-Api-Key": CALLERS,
        "X-Amz-Security-Token": CALLERS,
    }
    good = json.dumps({"user": {"age": 1.0}, "items": {"id": [0, 3]}})
    asked = [("stored:rank", good), ("stored:rank", "{"), ("stored:rank", '{"items": {}}'), ("none:rank", good)]
    down = {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"}
    statuses = []
    for more in ({}, down):
        cloud = LocalCloud(
            out,
            tables=project.build / "tables",
            build=project.build,
            layers=lambda _: layer,
            environment={**SECRET, **more},
            log=lines.append,
        )
        with cloud.running() as running:
            for path, body in asked:
                with closing(http.client.HTTPConnection(running.url.split("/")[2], timeout=60)) as connection:
                    connection.request("POST", f"/v1/models/{path}", body, headers)
                    answer = connection.getresponse()
                    content = answer.read().decode()
                    statuses.append(answer.status)
                    assert not [secret for secret in (*SECRET.values(), CALLERS) if secret in content]
    log = "\n".join(line.text for line in lines)
    assert statuses[0] == 200 and {400, 404} <= set(statuses)
    assert not [secret for secret in (*SECRET.values(), CALLERS) if secret in log]
