"""One domain for all models."""

from __future__ import annotations

import pytest
from cdk_project import Assembly, Synthesise, write_bundle, write_model

from ranklet.errors import ModelError
from ranklet.project import Project

STACK = "ranklet-shared"


def rank(assembly: Assembly, stack: str) -> str:
    return assembly.text(stack, assembly.template(stack)["Outputs"]["Rank"]["Value"])


def test_shared_api_is_at_the_root_of_the_domain(doors_on_a_domain: Assembly) -> None:
    domain = doors_on_a_domain.only(STACK, "AWS::ApiGatewayV2::DomainName")
    assert domain["DomainName"] == "rank.example.com"
    (settings,) = domain["DomainNameConfigurations"]
    assert (settings["EndpointType"], settings["SecurityPolicy"]) == ("REGIONAL", "TLS_1_2")
    assert doors_on_a_domain.text(STACK, settings["CertificateArn"]) == "{/ranklet/domain/certificate}"
    mapping = doors_on_a_domain.only(STACK, "AWS::ApiGatewayV2::ApiMapping")
    assert (mapping["Stage"], "ApiMappingKey" in mapping) == ("$default", False)
    target = doors_on_a_domain.template(STACK)["Outputs"]["DomainTarget"]["Value"]
    assert doors_on_a_domain.text(STACK, target) == "{AWS::ApiGatewayV2::DomainName.RegionalDomainName}"
    assert rank(doors_on_a_domain, "http-asked") == "https://rank.example.com/v1/models/http-asked:rank"


def test_rest_api_is_below_its_models_name_unless_it_is_private(doors_on_a_domain: Assembly) -> None:
    mapping = doors_on_a_domain.only("keys", "AWS::ApiGatewayV2::ApiMapping")
    assert (mapping["DomainName"], mapping["ApiMappingKey"], mapping["Stage"]) == ("rank.example.com", "keys", "live")
    assert doors_on_a_domain.text("keys", mapping["ApiId"]) == "{AWS::ApiGateway::RestApi}"
    assert rank(doors_on_a_domain, "keys") == "https://rank.example.com/keys/v1/models/keys:rank"
    assert doors_on_a_domain.resources("private", "AWS::ApiGatewayV2::ApiMapping") == []
    assert ".execute-api." in rank(doors_on_a_domain, "private")
    assert doors_on_a_domain.resources("url", "AWS::ApiGatewayV2::ApiMapping") == []


def test_without_a_domain_there_is_none(doors: Assembly) -> None:
    for stack in (STACK, "keys"):
        assert doors.resources(stack, "AWS::ApiGatewayV2::ApiMapping") == []
    assert doors.resources(STACK, "AWS::ApiGatewayV2::DomainName") == []


def test_domain_comes_from_the_environment_and_its_certificate_from_the_command_line(
    project: Project, synthesise: Synthesise
) -> None:
    write_model(project, "films")
    write_bundle(project, "films")
    folder = project.root / "infra" / "environments"
    folder.mkdir(parents=True)
    (folder / "prod.toml").write_text('domain = "rank.example.org"\n')
    arn = "arn:aws:acm:eu-west-1:123456789012:certificate/0a"
    named = synthesise({"env": "prod", "certificate": arn})
    (settings,) = named.only(STACK, "AWS::ApiGatewayV2::DomainName")["DomainNameConfigurations"]
    assert settings["CertificateArn"] == arn
    looked_up = synthesise({"env": "prod"})
    (settings,) = looked_up.only(STACK, "AWS::ApiGatewayV2::DomainName")["DomainNameConfigurations"]
    assert looked_up.text(STACK, settings["CertificateArn"]) == "{/ranklet/prod/domain/certificate}"


def test_environment_names_what_belongs_to_its_account(project: Project, synthesise: Synthesise) -> None:
    write_model(project, "films", more='[api]\nkind = "rest"\n[api.rest]\nwaf_rate = 100\n')
    write_bundle(project, "films")
    folder = project.root / "infra" / "environments"
    folder.mkdir(parents=True)
    (folder / "prod.toml").write_text('[models.films.api.rest]\nvpc_endpoints = ["vpce-0123456789abcdef0"]\n')
    (folder / "open.toml").write_text('[models.films.api]\nauth = "none"\n')
    (folder / "odd.toml").write_text("[models.films.api.throttle]\nrate = 0\nburst = 1\n")
    api = synthesise({"env": "prod"}).only("films", "AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"]["VpcEndpointIds"] == ["vpce-0123456789abcdef0"]
    assert api["Name"] == "ranklet-films-prod"
    with pytest.raises(ModelError, match=r"environment open: api\.auth is part of the bundle"):
        synthesise({"env": "open"})
    with pytest.raises(ModelError, match=r"environment odd: .*`\$\.models\.films\.api\.throttle\.rate`"):
        synthesise({"env": "odd"})
