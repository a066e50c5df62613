"""Least privilege: each action and resource that is granted is used, and nothing else is granted."""

from __future__ import annotations

import pytest
from cdk_project import Assembly

LOGS = {(action, "{AWS::Logs::LogGroup.Arn}") for action in ("logs:CreateLogStream", "logs:PutLogEvents")}
OWN = {
    ("lambda:InvokeFunction", "{AWS::Lambda::Function.Arn}:*"),
    ("lambda:ListVersionsByFunction", "{AWS::Lambda::Function.Arn}"),
}
"""What passing a request on to another version takes; their numbers are not known when the template is written."""
TABLE = "arn:{AWS::Partition}:dynamodb:{AWS::Region}:{AWS::AccountId}:table/"


def as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def granted(assembly: Assembly, stack: str) -> set[tuple[str, str]]:
    """Every (action, resource) that a policy of the stack allows."""
    pairs = set()
    for policy in assembly.properties(stack, "AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in as_list(statement["Action"]):
                pairs |= {(str(action), assembly.text(stack, one)) for one in as_list(statement["Resource"])}
    return pairs


def test_function_writes_its_log_and_reads_its_pinned_tables(assembly: Assembly) -> None:
    assert granted(assembly, "films") == LOGS | OWN | {
        ("dynamodb:BatchGetItem", f"{TABLE}ranklet-item-0a1b2c"),
        ("dynamodb:BatchGetItem", f"{TABLE}ranklet-user-77"),
    }


@pytest.mark.parametrize("stack", ["towers", "public"])
def test_function_without_tables_writes_its_log_and_knows_its_versions(assembly: Assembly, stack: str) -> None:
    assert granted(assembly, stack) == LOGS | OWN


@pytest.mark.parametrize("stack", ["films", "towers", "public"])
def test_role_is_lambdas_alone_and_has_no_managed_policy(assembly: Assembly, stack: str) -> None:
    role = assembly.only(stack, "AWS::IAM::Role")
    assert set(role) == {"AssumeRolePolicyDocument"}
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize("stack", ["ranklet-shared", "films", "towers", "public"])
def test_no_grant_names_everything(assembly: Assembly, stack: str) -> None:
    for action, resource in granted(assembly, stack) - OWN:
        assert "*" not in action and "*" not in resource


def test_shared_stack_grants_nothing(assembly: Assembly) -> None:
    kinds = {one["Type"] for one in assembly.template("ranklet-shared")["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith("AWS::IAM::")}


@pytest.mark.parametrize("stack", ["films", "towers", "public"])
def test_only_the_api_may_invoke_and_only_through_the_models_routes(assembly: Assembly, stack: str) -> None:
    arn = "arn:{AWS::Partition}:execute-api:{AWS::Region}:{AWS::AccountId}:{/ranklet/api/id}/*/*"
    permissions = assembly.properties(stack, "AWS::Lambda::Permission")
    routes = {route["RouteKey"].split(" ")[1] for route in assembly.properties(stack, "AWS::ApiGatewayV2::Route")}
    assert {assembly.text(stack, one["SourceArn"]) for one in permissions} == {f"{arn}{path}" for path in routes}
    for one in permissions:
        assert (one["Action"], one["Principal"]) == ("lambda:InvokeFunction", "apigateway.amazonaws.com")
        assert assembly.text(stack, one["FunctionName"]) == "{AWS::Lambda::Alias}"
