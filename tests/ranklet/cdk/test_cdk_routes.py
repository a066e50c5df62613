"""Routes: which paths lead to a model, and that none is open by accident."""

from __future__ import annotations

import json

import pytest
from cdk_project import JWT, Assembly, Synthesise, write_bundle, write_model

from ranklet.errors import ModelError
from ranklet.project import Project

STACKS = ["films", "towers", "public"]
PERMISSION = "AWS::Lambda::Permission"


def routes(assembly: Assembly, stack: str) -> list[dict[str, str]]:
    return assembly.properties(stack, "AWS::ApiGatewayV2::Route")


@pytest.mark.parametrize("stack", STACKS)
def test_model_has_its_prefix_and_the_fleet_wide_forms(assembly: Assembly, stack: str) -> None:
    assert {route["RouteKey"] for route in routes(assembly, stack)} == {
        f"ANY /{stack}",
        f"ANY /{stack}/{{proxy+}}",
        f"ANY /v1/models/{stack}",
        f"ANY /v1/models/{stack}:rank",
        f"ANY /v1/models/{stack}:predict",
        f"ANY /v1/models/{stack}:classify",
        f"ANY /v1/models/{stack}:regress",
        f"ANY /v1/models/{stack}/{{proxy+}}",
        f"ANY /v2/models/{stack}",
        f"ANY /v2/models/{stack}/{{proxy+}}",
        f"ANY /endpoints/{stack}/{{proxy+}}",
        f"ANY /model/{stack}",
        f"ANY /model/{stack}/{{proxy+}}",
    }


@pytest.mark.parametrize("stack", STACKS)
def test_all_routes_lead_to_the_alias_with_the_second_payload_format(assembly: Assembly, stack: str) -> None:
    integration = assembly.only(stack, "AWS::ApiGatewayV2::Integration")
    assert assembly.text(stack, integration["IntegrationUri"]) == "{AWS::Lambda::Alias}"
    assert (integration["IntegrationType"], integration["PayloadFormatVersion"]) == ("AWS_PROXY", "2.0")
    targets = {assembly.text(stack, route["Target"]) for route in routes(assembly, stack)}
    assert targets == {"integrations/{AWS::ApiGatewayV2::Integration}"}


def test_iam_is_the_default_on_every_route(assembly: Assembly) -> None:
    assert {route["AuthorizationType"] for route in routes(assembly, "films")} == {"AWS_IAM"}


def test_jwt_is_checked_on_every_route_for_issuer_and_audience(assembly: Assembly) -> None:
    authorizer = assembly.only("towers", "AWS::ApiGatewayV2::Authorizer")
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["JwtConfiguration"] == {"Issuer": "https://issuer.example", "Audience": ["ranking", "batch"]}
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    for route in routes(assembly, "towers"):
        assert route["AuthorizationType"] == "JWT"
        assert assembly.text("towers", route["AuthorizerId"]) == "{AWS::ApiGatewayV2::Authorizer}"


def warnings(assembly: Assembly, stack: str) -> str:
    """What the cdk command prints as warnings of a stack."""
    artifact = json.loads((assembly.folder / "manifest.json").read_text())["artifacts"][stack]
    entries = artifact.get("metadata", {})
    if "additionalMetadataFile" in artifact:
        entries = json.loads((assembly.folder / artifact["additionalMetadataFile"]).read_text())
    return "\n".join(
        str(one["data"]) for messages in entries.values() for one in messages if one["type"] == "aws:cdk:warning"
    )


def test_open_model_was_chosen_and_is_said_loudly(assembly: Assembly) -> None:
    assert {route["AuthorizationType"] for route in routes(assembly, "public")} == {"NONE"}
    assert "public is OPEN TO THE INTERNET" in warnings(assembly, "public")
    assert warnings(assembly, "films") == warnings(assembly, "towers") == ""


def test_jwt_without_an_issuer_is_refused(project: Project, synthesise: Synthesise) -> None:
    write_model(project, "films", more=JWT.split("[api.jwt]")[0])
    write_bundle(project, "films")
    with pytest.raises(ModelError, match=r"auth is jwt, so \[api\.jwt\] must name issuer and audience"):
        synthesise()


def test_function_that_decides_is_asked_on_every_route(doors: Assembly) -> None:
    authorizer = doors.only("http-asked", "AWS::ApiGatewayV2::Authorizer")
    assert (authorizer["AuthorizerType"], authorizer["EnableSimpleResponses"]) == ("REQUEST", True)
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert {route["AuthorizationType"] for route in routes(doors, "http-asked")} == {"CUSTOM"}
    owned = [doors.text("http-asked", one["FunctionName"]) for one in doors.properties("http-asked", PERMISSION)]
    assert set(owned) == {"{AWS::Lambda::Alias}"}  # a function of another account is given the permission there


def test_browsers_are_answered_by_the_shared_api_as_its_models_say(assembly: Assembly, doors: Assembly) -> None:
    cors = doors.only("ranklet-shared", "AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert (cors["AllowOrigins"], cors["AllowMethods"], cors["MaxAge"]) == (["https://c.example"], ["GET", "POST"], 60)
    assert "CorsConfiguration" not in assembly.only("ranklet-shared", "AWS::ApiGatewayV2::Api")


def test_route_that_pages_may_call_leaves_options_to_the_api(doors: Assembly) -> None:
    methods = {route["RouteKey"].partition(" ")[0] for route in routes(doors, "http-asked")}
    assert methods == {"GET", "POST"}
