"""Functions inside a VPC, keys of one's own, and traces: there when asked for, absent otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from cdk_project import Assembly, Synthesise, write_bundle, write_model
from test_cdk_lint import lint
from test_cdk_warmth import SCALING

from ranklet.errors import ModelError
from ranklet.project import Project

VPC = """
[function.vpc]
subnets = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
security_groups = ["sg-0123456789abcdef0"]
"""
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ENDPOINTS = """
[endpoints]
vpc = "vpc-0123456789abcdef0"
route_tables = ["rtb-0123456789abcdef0"]
"""


def synthesised(project: Project, synthesise: Synthesise, more: str = "", **context: str) -> Assembly:
    write_model(project, "films", more=more)
    write_bundle(project, "films")
    return synthesise(context)


def in_environment(project: Project, name: str, text: str) -> None:
    folder = project.root / "infra" / "environments"
    folder.mkdir(parents=True)
    (folder / f"{name}.toml").write_text(text)


def statements(assembly: Assembly, action: str) -> list[dict[str, Any]]:
    return [
        one
        for policy in assembly.properties("films", "AWS::IAM::Policy")
        for one in policy["PolicyDocument"]["Statement"]
        if action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    ]


def test_function_joins_the_subnets_with_its_security_groups(project: Project, synthesise: Synthesise) -> None:
    assembly = synthesised(project, synthesise, VPC)
    assert assembly.only("films", "AWS::Lambda::Function")["VpcConfig"] == {
        "SubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        "SecurityGroupIds": ["sg-0123456789abcdef0"],
    }


def test_lambda_may_join_it_and_its_own_code_may_not(project: Project, synthesise: Synthesise) -> None:
    assembly = synthesised(project, synthesise, VPC)
    allow, deny = sorted(statements(assembly, "ec2:CreateNetworkInterface"), key=lambda one: one["Effect"])
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert allow["Action"] == deny["Action"]
    assert not [action for action in allow["Action"] if "*" in action]
    (source,) = deny["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]
    assert assembly.text("films", source) == "{AWS::Lambda::Function.Arn}"


def test_the_right_to_join_is_there_before_the_function(project: Project, synthesise: Synthesise) -> None:
    assembly = synthesised(project, synthesise, VPC)
    (function,) = assembly.resources("films", "AWS::Lambda::Function")
    policies = {
        name
        for name, one in assembly.template("films")["Resources"].items()
        if one["Type"] == "AWS::IAM::Policy" and "ec2:" in str(one) and "Deny" not in str(one)
    }
    assert policies <= set(function["DependsOn"])


def test_ids_may_stand_in_an_environments_file(project: Project, synthesise: Synthesise) -> None:
    in_environment(project, "prod", VPC)
    assembly = synthesised(project, synthesise, env="prod")
    assert len(assembly.only("films", "AWS::Lambda::Function")["VpcConfig"]["SubnetIds"]) == 2


def test_shared_stack_makes_the_endpoints_that_an_environment_asks_for(
    project: Project, synthesise: Synthesise
) -> None:
    in_environment(project, "prod", ENDPOINTS)
    assembly = synthesised(project, synthesise, env="prod")
    found = assembly.properties("ranklet-shared", "AWS::EC2::VPCEndpoint")
    assert sorted(assembly.text("ranklet-shared", one["ServiceName"]) for one in found) == [
        "com.amazonaws.{AWS::Region}.dynamodb",
        "com.amazonaws.{AWS::Region}.s3",
    ]
    for one in found:
        assert one["VpcEndpointType"] == "Gateway"
        assert (one["VpcId"], one["RouteTableIds"]) == ("vpc-0123456789abcdef0", ["rtb-0123456789abcdef0"])


def test_a_key_encrypts_environment_and_log_and_the_function_may_decrypt(
    project: Project, synthesise: Synthesise
) -> None:
    assembly = synthesised(project, synthesise, f'[function]\nkms_key = "{KEY}"\n')
    assert assembly.only("films", "AWS::Lambda::Function")["KmsKeyArn"] == KEY
    assert assembly.only("films", "AWS::Logs::LogGroup")["KmsKeyId"] == KEY
    assert [one["Resource"] for one in statements(assembly, "kms:Decrypt")] == [KEY]


def test_x_ray_traces_where_it_is_asked_for(project: Project, synthesise: Synthesise) -> None:
    assembly = synthesised(project, synthesise, "[function]\ntracing = true\n")
    assert assembly.only("films", "AWS::Lambda::Function")["TracingConfig"] == {"Mode": "Active"}
    (statement,) = statements(assembly, "xray:PutTraceSegments")
    assert statement["Action"] == ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]


def test_the_runtime_client_is_awss_own_where_it_is_asked_for(project: Project, synthesise: Synthesise) -> None:
    assembly = synthesised(project, synthesise, '[function]\nclient = "stock"\n')
    variables = assembly.only("films", "AWS::Lambda::Function")["Environment"]["Variables"]
    assert variables["RANKLET_RUNTIME_CLIENT"] == "stock"


def test_nothing_of_it_is_there_unasked(assembly: Assembly) -> None:
    for stack in ("films", "towers", "public"):
        function = assembly.only(stack, "AWS::Lambda::Function")
        assert not {"VpcConfig", "KmsKeyArn", "TracingConfig"} & set(function)
        assert "RANKLET_RUNTIME_CLIENT" not in function["Environment"]["Variables"]
        text = str(assembly.template(stack))
        assert not [word for word in ("kms:", "xray:", "ec2:", "KmsKeyId") if word in text]
    assert not assembly.resources("ranklet-shared", "AWS::EC2::VPCEndpoint")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ('[function.vpc]\nsubnets = ["subnet-1"]\nsecurity_groups = ["sg-01234567"]\n', "vpc.subnets[0]"),
        ('[function.vpc]\nsubnets = []\nsecurity_groups = ["sg-01234567"]\n', "vpc.subnets"),
        ('[function.vpc]\nsubnets = ["subnet-01234567"]\n', "vpc"),
        ('[function.vpc]\nsubnets = ["subnet-01234567"]\nsecurity_groups = ["x"]\n', "vpc.security_groups[0]"),
        ('[function]\nkms_key = "alias/ranklet"\n', "kms_key"),
        ('[function]\ntracing = "yes"\n', "tracing"),
        ("[function]\nmemory = 64\n", "memory"),
        ("[function]\ntimeout = 30\n", "timeout"),
        ("[function]\nreserved = 0\n", "reserved"),
        ("[function]\ntmp = 256\n", "tmp"),
        ('[function]\narchitecture = "riscv"\n', "architecture"),
        ('[function]\nclient = "curl"\n', "client"),
    ],
)
def test_what_aws_would_refuse_is_refused_by_its_field(
    project: Project, synthesise: Synthesise, more: str, field: str
) -> None:
    with pytest.raises(ModelError) as refused:
        synthesised(project, synthesise, more)
    assert f"`$.function.{field}`" in str(refused.value)


def test_an_endpoint_of_no_vpc_is_refused_by_its_field(project: Project, synthesise: Synthesise) -> None:
    in_environment(project, "prod", '[endpoints]\nvpc = "10.0.0.0/16"\nroute_tables = ["rtb-01234567"]\n')
    with pytest.raises(ModelError, match=r"\$\.endpoints\.vpc"):
        synthesised(project, synthesise, env="prod")


def test_cfn_lint_finds_nothing_in_what_scales_is_joined_and_locked(project: Project, synthesise: Synthesise) -> None:
    in_environment(project, "prod", ENDPOINTS)
    more = f'{SCALING}\n[function]\nkms_key = "{KEY}"\ntracing = true\n{VPC}'
    write_model(project, "snapped", more='[warmth]\nkind = "snapstart"\n')
    write_bundle(project, "snapped")
    lint(synthesised(project, synthesise, more, env="prod").folder)
