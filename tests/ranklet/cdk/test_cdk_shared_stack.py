"""What all models share: the API and the layers."""

from __future__ import annotations

import json

import pytest
from cdk_project import Assembly, Synthesise, write_bundle, write_model

from ranklet.errors import ModelError
from ranklet.project import Project

STACK = "ranklet-shared"


def test_api_has_one_default_stage_with_throttling_metrics_and_access_log(assembly: Assembly) -> None:
    assert assembly.only(STACK, "AWS::ApiGatewayV2::Api")["ProtocolType"] == "HTTP"
    stage = assembly.only(STACK, "AWS::ApiGatewayV2::Stage")
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
    assert stage["DefaultRouteSettings"] == {
        "DetailedMetricsEnabled": True,
        "ThrottlingRateLimit": 1000,
        "ThrottlingBurstLimit": 500,
    }
    log = stage["AccessLogSettings"]
    assert assembly.text(STACK, log["DestinationArn"]) == "{AWS::Logs::LogGroup.Arn}"
    assert {"$context.requestId", "$context.status", "$context.error.message"} <= set(
        json.loads(log["Format"]).values()
    )


def test_access_log_ends(assembly: Assembly) -> None:
    assert assembly.only(STACK, "AWS::Logs::LogGroup")["RetentionInDays"] == 30


def test_shared_api_has_no_route_of_its_own(assembly: Assembly) -> None:
    assert assembly.resources(STACK, "AWS::ApiGatewayV2::Route") == []


def test_every_layer_is_there_for_every_architecture_that_a_model_has(assembly: Assembly) -> None:
    versions = assembly.properties(STACK, "AWS::Lambda::LayerVersion")
    assert all(one["CompatibleRuntimes"] == ["python3.13"] for one in versions)
    found = sorted((one["Description"].split()[1].rstrip(","), one["CompatibleArchitectures"]) for one in versions)
    assert found == [(name, [machine]) for name in ("features", "inference", "onnx") for machine in ("arm64", "x86_64")]


def test_layer_holds_python_alone_at_its_root(assembly: Assembly) -> None:
    for one in assembly.resources(STACK, "AWS::Lambda::LayerVersion"):
        asset = assembly.folder / one["Metadata"]["aws:asset:path"]
        assert [path.name for path in asset.iterdir()] == ["python"]


def test_old_layer_versions_stay_for_models_that_still_name_them(assembly: Assembly) -> None:
    for one in assembly.resources(STACK, "AWS::Lambda::LayerVersion"):
        assert one["DeletionPolicy"] == one["UpdateReplacePolicy"] == "Retain"


def test_parameters_tell_the_api_and_each_layer(assembly: Assembly) -> None:
    told = {
        one["Name"]: assembly.text(STACK, one["Value"]) for one in assembly.properties(STACK, "AWS::SSM::Parameter")
    }
    assert told.pop("/ranklet/api/id") == "{AWS::ApiGatewayV2::Api}"
    assert told.pop("/ranklet/snapshots/bucket") == "{AWS::S3::Bucket}"
    assert told.pop("/ranklet/alarms/topic") == "{AWS::SNS::Topic}"
    assert told == {
        f"/ranklet/layers/{name}/{machine}": "{AWS::Lambda::LayerVersion}"
        for name in ("features", "inference", "onnx")
        for machine in ("x86_64", "arm64")
    }
    layers = [
        one["Value"]["Ref"] for one in assembly.properties(STACK, "AWS::SSM::Parameter") if "/layers/" in one["Name"]
    ]
    assert len(set(layers)) == 6


def test_architecture_of_a_model_that_is_left_out_keeps_its_layers(project: Project, synthesise: Synthesise) -> None:
    """Deploying one model must not take the layers of the others away."""
    write_model(project, "films")
    write_bundle(project, "films")
    write_model(project, "towers", more='[function]\narchitecture = "arm64"\n')
    chosen = synthesise({"models": "films"})
    assert len(chosen.resources(STACK, "AWS::Lambda::LayerVersion")) == 6


def test_throttling_follows_the_context(project: Project, synthesise: Synthesise) -> None:
    write_model(project, "films")
    write_bundle(project, "films")
    settings = synthesise({"rate": "20", "burst": 10}).only(STACK, "AWS::ApiGatewayV2::Stage")["DefaultRouteSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (20, 10)


@pytest.mark.parametrize(("value", "why"), [("many", "no whole number"), ("0", "would let nobody in")])
def test_throttling_that_makes_no_sense_is_refused(
    project: Project, synthesise: Synthesise, value: str, why: str
) -> None:
    write_model(project, "films")
    write_bundle(project, "films")
    with pytest.raises(ModelError, match=why):
        synthesise({"rate": value})
