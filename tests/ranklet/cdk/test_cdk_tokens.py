"""Keys of tokens from the template to a served function: whose secret it is, which right, and what a client sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cdk_project import Assembly, new_project, stub_layers
from host_layer_kit import host_layer
from served_kit import write_served

from ranklet import app
from ranklet.client import Client, Refused
from ranklet.local.cloud import LocalCloud
from ranklet.local.hosted import Hosted
from ranklet.local.logs import LogLine
from ranklet.project import Project

PARAMETER = "arn:aws:ssm:eu-central-1:111122223333:parameter/ranklet/tokens"
KMS = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
KINDS = {
    "own": "[token]\n",
    "borrowed": f'[token]\nkey = "{PARAMETER}"\n',
    "sealed": f'[token]\n[function]\nkms_key = "{KMS}"\n',
    "plain": "",
}
USER, ITEMS = {"age": 1.0}, {"id": [0, 1, 2, 3]}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("tokens"))
    for name, more in KINDS.items():
        write_served(project, name, more=more)
    return project


@pytest.fixture(scope="module")
def assembly(project: Project) -> Assembly:
    out = project.root / "cdk.out"
    return Assembly(app.synthesise(project, out=out, layer=stub_layers(project.root / "layers")))


def statements(assembly: Assembly, model: str) -> list[Any]:
    policies = assembly.properties(model, "AWS::IAM::Policy")
    return [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]


def signing(assembly: Assembly, model: str) -> Any:
    """What the function is told of its key."""
    functions = assembly.properties(model, "AWS::Lambda::Function")
    (told,) = [one["Environment"]["Variables"].get("RANKLET_SIGNING") for one in functions]
    return told


def test_secret_is_drawn_by_aws_and_read_by_its_function_alone(assembly: Assembly) -> None:
    (secret,) = assembly.properties("own", "AWS::SecretsManager::Secret")
    assert secret["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 64}
    assert "SecretString" not in secret and "Name" not in secret
    told = signing(assembly, "own")
    rights = [one for one in statements(assembly, "own") if "secretsmanager" in str(one)]
    assert rights == [{"Action": "secretsmanager:GetSecretValue", "Effect": "Allow", "Resource": told}]
    assert assembly.template("own")["Outputs"]["TokenKey"]["Value"] == told


def test_key_of_ones_own_is_named_and_nothing_is_made(assembly: Assembly) -> None:
    assert assembly.properties("borrowed", "AWS::SecretsManager::Secret") == []
    assert signing(assembly, "borrowed") == PARAMETER
    rights = [one for one in statements(assembly, "borrowed") if "ssm" in str(one["Action"])]
    assert rights == [{"Action": "ssm:GetParameter", "Effect": "Allow", "Resource": PARAMETER}]


def test_secret_is_encrypted_with_the_functions_key_which_it_may_use(assembly: Assembly) -> None:
    (secret,) = assembly.properties("sealed", "AWS::SecretsManager::Secret")
    assert secret["KmsKeyId"] == KMS
    rights = [(one["Action"], one["Resource"]) for one in statements(assembly, "sealed")]
    assert ("kms:Decrypt", KMS) in rights


def test_model_without_tokens_has_no_key_and_no_path(assembly: Assembly) -> None:
    assert signing(assembly, "plain") is None
    assert assembly.properties("plain", "AWS::SecretsManager::Secret") == []
    routes = {model: str(assembly.properties(model, "AWS::ApiGatewayV2::Route")) for model in KINDS}
    assert "/v1/models/own:prepare" in routes["own"] and ":prepare" not in routes["plain"]


@pytest.fixture(scope="module")
def served(project: Project, assembly: Assembly, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    layer = host_layer(tmp_path_factory.mktemp("layer"))
    lines: list[LogLine] = []
    cloud = LocalCloud(assembly.folder, build=project.build, layers=lambda _: layer, log=lines.append)
    with cloud.running() as running:
        yield running


@pytest.mark.parametrize("model", ["own", "borrowed"])
def test_client_ranks_with_a_token_in_the_local_cloud(served: Hosted, model: str) -> None:
    with Client(served.url, model, deadline=30.0) as client:
        token = client.prepare(user=USER)
        assert token.expires_in == 60
        ranked, plain = client.rank(token=token, items=ITEMS), client.rank(user=USER, items=ITEMS)
        assert ranked.scores.tobytes() == plain.scores.tobytes()
        with pytest.raises(Refused) as refused:
            client.rank(token=token.token[:-2], items=ITEMS)
        assert (refused.value.status, refused.value.path) == (401, "$.token")


def test_token_of_another_model_of_the_cloud_is_refused(served: Hosted) -> None:
    """Each has a key of its own."""
    with Client(served.url, "own", deadline=30.0) as one, Client(served.url, "borrowed", deadline=30.0) as other:
        with pytest.raises(Refused) as refused:
            other.rank(token=one.prepare(user=USER), items=ITEMS)
        assert refused.value.status == 401


def test_key_is_drawn_for_each_cloud_and_in_no_file(served: Hosted, assembly: Assembly) -> None:
    values = served._cloud._secrets.values
    drawn = [value for stages in values.values() for value in stages.values()]
    assert len(set(drawn)) == len(drawn) == 3 and all(len(one) == 64 for one in drawn)
    for path in Path(assembly.folder).glob("*.json"):
        assert not any(one in path.read_text() for one in drawn)


def test_plain_event_of_a_token_is_json(served: Hosted) -> None:
    event = {
        "version": "2.0",
        "rawPath": "/own/v1/models/own:prepare",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST"}, "stage": "$default"},
        "body": json.dumps({"user": USER}),
        "isBase64Encoded": False,
    }
    answer = json.loads(served.invoke("own", event).payload)
    assert answer["statusCode"] == 200 and set(json.loads(answer["body"])) == {"token", "expires_in"}
