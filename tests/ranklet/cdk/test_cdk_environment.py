"""Templates of an environment: names, tags and settings; without one everything is as before."""

from __future__ import annotations

import json
import re

from cdk_project import FUNCTION, Synthesise, table, write_bundle, write_model

from ranklet.project import Project

PROD = """
log_days = 90

[tags]
team = "ranking"

[models.films.warmth]
kind = "none"

[models.films.function]
memory = 3008
"""


def prepare(project: Project) -> None:
    write_model(project, "films", more=FUNCTION)
    write_bundle(project, "films", tables={"item": table("item", placement="dynamodb")})
    folder = project.root / "infra" / "environments"
    folder.mkdir(parents=True)
    (folder / "prod.toml").write_text(PROD)


def test_environment_gives_names_tags_and_settings(project: Project, synthesise: Synthesise) -> None:
    prepare(project)
    plain, prod = synthesise(), synthesise({"env": "prod"})
    artifacts = json.loads((prod.folder / "manifest.json").read_text())["artifacts"]
    for name in ("films", "ranklet-shared"):
        assert artifacts[name]["properties"]["stackName"] == f"prod-{name}"
        assert artifacts[name]["properties"]["tags"] == {"team": "ranking"}
    assert prod.only("ranklet-shared", "AWS::ApiGatewayV2::Api")["Name"] == "ranklet-prod"
    function = prod.only("films", "AWS::Lambda::Function")
    assert function["MemorySize"] == 3008
    assert {"Key": "team", "Value": "ranking"} in function["Tags"]
    assert plain.only("films", "AWS::Lambda::Function")["MemorySize"] == 2048
    assert "ProvisionedConcurrencyConfig" in plain.only("films", "AWS::Lambda::Alias")
    assert "ProvisionedConcurrencyConfig" not in prod.only("films", "AWS::Lambda::Alias")
    days = {one["RetentionInDays"] for stack in ("films", "ranklet-shared") for one in groups(prod, stack)}
    assert days == {90}


def groups(assembly: object, stack: str) -> list[dict[str, int]]:
    return list(assembly.properties(stack, "AWS::Logs::LogGroup"))  # type: ignore[attr-defined]


def test_no_parameter_is_shared_between_environments(project: Project, synthesise: Synthesise) -> None:
    prepare(project)
    prod = synthesise({"env": "prod"})
    for stack in ("films", "ranklet-shared"):
        text = json.dumps(prod.template(stack))
        told = re.findall(r'"(/ranklet/[^"]*)"', text)
        assert told and all(name.startswith("/ranklet/prod/") for name in told), told


def test_no_environment_leaves_names_alone(project: Project, synthesise: Synthesise) -> None:
    prepare(project)
    plain = synthesise()
    artifacts = json.loads((plain.folder / "manifest.json").read_text())["artifacts"]
    assert "tags" not in artifacts["films"]["properties"]
    assert artifacts["films"]["properties"].get("stackName", "films") == "films"
    assert plain.only("ranklet-shared", "AWS::ApiGatewayV2::Api")["Name"] == "ranklet"
