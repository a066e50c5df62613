"""Reading a cloud assembly: functions, layers across stacks, aliases, routes; what is told when a part is missing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from local_helpers import model_template, write_manifest, write_stack

from ranklet.errors import LocalError
from ranklet.local.call import Api
from ranklet.local.function import Function, Layer
from ranklet.local.intrinsics import references
from ranklet.local.routes import Route
from ranklet.local.template import read


def change(assembly: Path, stack: str, edit: Callable[[dict[str, Any]], object]) -> None:
    """Rewrite one template's resources."""
    path = assembly / f"{stack}.template.json"
    template = json.loads(path.read_text())
    edit(template["Resources"])
    path.write_text(json.dumps(template))


def properties(resources: dict[str, Any], logical: str = "Function") -> dict[str, Any]:
    found: dict[str, Any] = resources[logical]["Properties"]
    return found


def test_assembly_becomes_functions_and_routes(assembly: Path) -> None:
    deployment = read(assembly)
    assert deployment.functions[0] == Function(
        name="first",
        handler="tiny.proxy",
        code=assembly / "asset.code",
        layers=(Layer("extra", assembly / "asset.layer"),),
        environment={"MODEL": "first", "WHERE": "us-east-1"},
        memory_mb=512,
        timeout_s=7.0,
        runtime="python3.13",
        version="1",
        alias="live",
    )
    assert [function.name for function in deployment.functions] == ["first", "second"]
    assert deployment.routes == tuple(
        Route(f"ANY {path}", name, auth="AWS_IAM")
        for name in ("first", "second")
        for path in (f"/{name}/{{proxy+}}", f"/v1/models/{name}:rank")
    )
    assert (deployment.api, deployment.skipped) == (Api(), ())


def test_records_are_frozen(assembly: Path) -> None:
    deployment = read(assembly)
    with pytest.raises(dataclasses.FrozenInstanceError):
        deployment.routes = ()  # type: ignore[misc]


def test_only_the_functions_wanted_are_read(assembly: Path) -> None:
    deployment = read(assembly, only=["second"])
    assert [function.name for function in deployment.functions] == ["second"]
    assert {route.function for route in deployment.routes} == {"second"}
    with pytest.raises(LocalError, match=r"no function 'third' in the assembly; there are first, second"):
        read(assembly, only=["third"])


def test_provisioned_and_reserved_concurrency_are_read(assembly: Path) -> None:
    template = model_template("first", "tiny.proxy", provisioned=3, ReservedConcurrentExecutions=5)
    write_stack(assembly, "first", template, assets={"code.zip": "asset.code"})
    function = read(assembly).functions[0]
    assert (function.provisioned, function.reserved) == (3, 5)


def test_lambdas_defaults_hold_where_the_template_is_silent(assembly: Path) -> None:
    def edit(resources: dict[str, Any]) -> None:
        for name in ("MemorySize", "Timeout", "Layers", "Environment"):
            del properties(resources)[name]
        del resources["Alias"], resources["Version"]
        properties(resources, "Integration")["IntegrationUri"] = {"Fn::GetAtt": ["Function", "Arn"]}

    change(assembly, "first", edit)
    deployment = read(assembly)
    function = deployment.functions[0]
    assert (function.memory_mb, function.timeout_s, function.layers, dict(function.environment)) == (128, 3.0, (), {})
    assert (function.alias, function.version) == (None, "$LATEST")
    assert function.arn("eu-west-1") == "arn:aws:lambda:eu-west-1:123456789012:function:first"
    assert [route.function for route in deployment.routes].count("first") == 2


def test_logging_settings_reach_the_runtime_client(assembly: Path) -> None:
    config = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "LogGroup": {"Ref": "Group"}}
    change(assembly, "first", lambda resources: properties(resources).update(LoggingConfig=config))
    environment = read(assembly).functions[0].environment
    assert (environment["AWS_LAMBDA_LOG_FORMAT"], environment["AWS_LAMBDA_LOG_LEVEL"]) == ("JSON", "WARN")
    assert environment["MODEL"] == "first"


def test_alias_is_in_the_arn(assembly: Path) -> None:
    assert read(assembly).functions[0].arn("us-east-1").endswith(":function:first:live")


@pytest.mark.parametrize(
    "uri",
    [
        {"Ref": "Alias"},
        {"Ref": "Version"},
        {"Fn::GetAtt": ["Alias", "Arn"]},
        {"Fn::GetAtt": "Function.Arn"},
        {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"},
        {
            "Fn::Join": [
                "",
                [
                    "arn:",
                    {"Ref": "AWS::Partition"},
                    ":apigateway:",
                    {"Ref": "AWS::Region"},
                    ":lambda:path/2015-03-31/functions/",
                    {"Ref": "Alias"},
                    "/invocations",
                ],
            ]
        },
    ],
)
def test_integration_leads_to_its_function_in_every_notation(assembly: Path, uri: Any) -> None:
    change(assembly, "first", lambda resources: properties(resources, "Integration").update(IntegrationUri=uri))
    assert [route.function for route in read(assembly).routes].count("first") == 2


def test_integration_has_its_payload_and_time(assembly: Path) -> None:
    def edit(resources: dict[str, Any]) -> None:
        integration = properties(resources, "Integration")
        integration.update(PayloadFormatVersion="1.0", TimeoutInMillis=1500)
        properties(resources, "Route0")["AuthorizationType"] = "JWT"

    change(assembly, "first", edit)
    route = read(assembly).routes[0]
    assert (route.payload, route.timeout_s, route.auth) == ("1.0", 1.5, "JWT")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (5, "5"),
        (True, "true"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "AWS::StackName"}, "first"),
        ({"Ref": "Table"}, "ranklet-items-1"),
        ({"Ref": "Given"}, "default"),
        ({"Ref": "ApiName"}, "shared-value"),
        ({"Fn::Sub": "${AWS::AccountId}-${Table}-${!Literal}"}, "123456789012-ranklet-items-1-${Literal}"),
        ({"Fn::Sub": ["${Own}/${Table}", {"Own": {"Ref": "AWS::Region"}}]}, "us-east-1/ranklet-items-1"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Table"}, {"Fn::Join": ["", ["b", "c"]]}]]}, "a-ranklet-items-1-bc"),
    ],
)
def test_variables_may_be_expressions(assembly: Path, value: Any, text: str) -> None:
    def edit(resources: dict[str, Any]) -> None:
        resources["Table"] = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "ranklet-items-1"}}
        properties(resources)["Environment"] = {"Variables": {"X": value}}

    change(assembly, "first", edit)
    path = assembly / "first.template.json"
    template = json.loads(path.read_text())
    template["Parameters"] |= {
        "Given": {"Type": "String", "Default": "default"},
        "ApiName": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/name"},
    }
    path.write_text(json.dumps(template))
    parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/name", "Value": "shared-value"}}
    change(assembly, "shared", lambda resources: resources.update(Name=parameter))
    assert read(assembly).functions[0].environment == {"X": text}


@pytest.mark.parametrize(
    "value", [{"Fn::GetAtt": ["Function", "Arn"]}, {"Ref": "Function"}, {"Fn::ImportValue": "x"}, {"Ref": "Nobody"}]
)
def test_variable_that_only_a_deployment_knows_is_told(assembly: Path, value: Any) -> None:
    change(assembly, "first", lambda resources: properties(resources).update(Environment={"Variables": {"X": value}}))
    with pytest.raises(LocalError, match=r"the variable X of first: .*only after a deployment"):
        read(assembly)


@pytest.mark.parametrize(
    "layer",
    [{"Ref": "Own"}, "{{resolve:ssm:/ranklet/layers/extra/x86_64}}", "{{resolve:ssm:/ranklet/layers/extra/x86_64:3}}"],
)
def test_layer_is_found_in_every_notation(assembly: Path, layer: Any) -> None:
    def edit(resources: dict[str, Any]) -> None:
        content = {"S3Bucket": "assets", "S3Key": "layer.zip"}
        resources["Own"] = {
            "Type": "AWS::Lambda::LayerVersion",
            "Properties": {"LayerName": "extra", "Content": content},
        }
        properties(resources)["Layers"] = [layer]

    change(assembly, "first", edit)
    assert read(assembly).functions[0].layers == (Layer("extra", assembly / "asset.layer"),)


def test_functions_of_one_stack_are_named_with_their_ids(assembly: Path) -> None:
    def edit(resources: dict[str, Any]) -> None:
        resources["Other"] = json.loads(json.dumps(resources["Function"]))

    change(assembly, "first", edit)
    assert [function.name for function in read(assembly).functions] == ["first/Function", "first/Other", "second"]


def test_function_that_is_no_python_is_left_out_with_its_routes(assembly: Path) -> None:
    change(assembly, "first", lambda resources: properties(resources).update(Runtime="nodejs22.x"))
    deployment = read(assembly)
    assert [function.name for function in deployment.functions] == ["second"]
    assert deployment.skipped[0] == "first/Function: nodejs22.x without a code asset is not played"
    assert [text for text in deployment.skipped if "Route" in text] == [
        f"first/Route{number}: it leads to no function that is played" for number in (0, 1)
    ]


def test_named_stage_is_read(assembly: Path) -> None:
    change(assembly, "shared", lambda resources: properties(resources, "Stage").update(StageName="prod"))
    assert read(assembly).api.stage == "prod"


def test_stack_may_have_a_name_of_its_own(assembly: Path) -> None:
    path = assembly / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["artifacts"]["first"]["properties"]["stackName"] = "renamed"
    path.write_text(json.dumps(manifest))
    assert read(assembly).functions[0].name == "renamed"


def test_missing_assembly_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="synthesise first"):
        read(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_damaged_assembly_is_told(assembly: Path, text: str) -> None:
    (assembly / "manifest.json").write_text(text)
    with pytest.raises(LocalError, match=r"manifest\.json"):
        read(assembly)


def test_missing_asset_is_told(assembly: Path) -> None:
    change(assembly, "first", lambda resources: properties(resources)["Code"].update(S3Key="gone.zip"))
    with pytest.raises(LocalError, match=r"the code of first: the assembly has no folder for the asset gone\.zip"):
        read(assembly)


def test_missing_shared_stack_is_told(assembly: Path) -> None:
    write_manifest(assembly, ["first"])
    with pytest.raises(LocalError, match="no stack of the assembly writes the SSM parameter /ranklet/layers/extra"):
        read(assembly)


def test_parameter_that_is_no_layer_is_told(assembly: Path) -> None:
    change(assembly, "shared", lambda resources: properties(resources, "ExtraParameter").update(Value="arn:aws:x"))
    with pytest.raises(LocalError, match="'arn:aws:x' in the stack shared is no layer"):
        read(assembly)


def test_references_are_found_in_the_order_of_the_expression() -> None:
    expression = {"Fn::Join": ["", [{"Ref": "A"}, {"Fn::GetAtt": ["B", "Arn"]}, {"Fn::Sub": "${C.Arn}${!D}"}]]}
    assert list(references(expression)) == ["A", "B", "C"]
