"""REST APIs of models: paths, keys and plans, firewall, policy, validation, and nothing that was not asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cdk_project import Assembly
from test_cdk_routes import warnings

from ranklet.constructs.rest_validation import draft4

REST = ["keys", "private", "asked", "plain", "open-rest"]


def methods(assembly: Assembly, stack: str) -> dict[str, dict[str, Any]]:
    """`METHOD /path` → the method's properties."""
    parts = assembly.template(stack)["Resources"]

    def path(reference: Any) -> str:
        if "Fn::GetAtt" in reference:
            return ""
        resource = parts[reference["Ref"]]["Properties"]
        return f"{path(resource['ParentId'])}/{resource['PathPart']}"

    found = assembly.properties(stack, "AWS::ApiGateway::Method")
    return {f"{one['HttpMethod']} {path(one['ResourceId']) or '/'}": one for one in found}


@pytest.mark.parametrize("stack", REST)
def test_every_path_reaches_the_alias_and_nothing_is_on_the_shared_api(
    assembly: Assembly, doors: Assembly, stack: str
) -> None:
    found = methods(doors, stack)
    assert {"ANY /", "ANY /{proxy+}"} <= set(found)
    for name, one in found.items():
        if not name.startswith("OPTIONS "):
            assert one["Integration"]["Type"] == "AWS_PROXY"
            assert doors.text(stack, one["Integration"]["Uri"]).endswith("functions/{AWS::Lambda::Alias}/invocations")
    assert doors.resources(stack, "AWS::ApiGatewayV2::Route") == []
    assert "/ranklet/api/id" not in json.dumps(doors.template(stack))
    assert assembly.resources("films", "AWS::ApiGateway::RestApi") == []


def test_plain_rest_api_is_regional_takes_bytes_and_has_nothing_else(doors: Assembly) -> None:
    api = doors.only("plain", "AWS::ApiGateway::RestApi")
    assert (api["BinaryMediaTypes"], api["EndpointConfiguration"]) == (["*/*"], {"Types": ["REGIONAL"]})
    assert "Policy" not in api
    assert set(methods(doors, "plain")) == {"ANY /", "ANY /{proxy+}"}
    for kind in ("UsagePlan", "ApiKey", "RequestValidator", "Model", "Authorizer", "Account", "GatewayResponse"):
        assert doors.resources("plain", f"AWS::ApiGateway::{kind}") == []
    for kind in ("AWS::WAFv2::WebACL", "AWS::WAFv2::WebACLAssociation", "AWS::ApiGatewayV2::ApiMapping"):
        assert doors.resources("plain", kind) == []
    assert {one["AuthorizationType"] for one in methods(doors, "plain").values()} == {"AWS_IAM"}


def test_stage_is_logged_and_measured_and_throttled_where_asked(doors: Assembly) -> None:
    stage = doors.only("keys", "AWS::ApiGateway::Stage")
    (settings,) = stage["MethodSettings"]
    assert stage["StageName"] == "live"
    assert doors.text("keys", stage["AccessLogSetting"]["DestinationArn"]) == "{AWS::Logs::LogGroup.Arn}"
    assert "$context.requestId" in json.loads(stage["AccessLogSetting"]["Format"]).values()
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (50, 20)
    (unthrottled,) = doors.only("plain", "AWS::ApiGateway::Stage")["MethodSettings"]
    assert unthrottled["MetricsEnabled"] is True and "ThrottlingRateLimit" not in unthrottled


def test_role_for_the_logs_is_the_accounts_stays_and_comes_with_the_first_rest_api(
    assembly: Assembly, doors: Assembly
) -> None:
    (account,) = doors.resources("ranklet-shared", "AWS::ApiGateway::Account")
    assert account["DeletionPolicy"] == "Retain"
    assert assembly.resources("ranklet-shared", "AWS::ApiGateway::Account") == []


def test_callers_with_keys_have_a_plan(doors: Assembly) -> None:
    calls = {name: one for name, one in methods(doors, "keys").items() if not name.startswith("OPTIONS ")}
    assert {(one["ApiKeyRequired"], one["AuthorizationType"]) for one in calls.values()} == {(True, "NONE")}
    plan = doors.only("keys", "AWS::ApiGateway::UsagePlan")
    assert plan["Throttle"] == {"RateLimit": 1.5, "BurstLimit": 3}
    assert plan["Quota"] == {"Limit": 1000, "Period": "DAY"}
    assert doors.text("keys", plan["ApiStages"][0]["Stage"]) == "{AWS::ApiGateway::Stage}"
    assert "Value" not in doors.only("keys", "AWS::ApiGateway::ApiKey")
    assert doors.only("keys", "AWS::ApiGateway::UsagePlanKey")["KeyType"] == "API_KEY"
    assert doors.text("keys", doors.template("keys")["Outputs"]["ApiKeyId"]["Value"]) == "{AWS::ApiGateway::ApiKey}"


def test_firewall_blocks_an_address_that_asks_too_often_before_the_stage(doors: Assembly) -> None:
    (rule,) = doors.only("keys", "AWS::WAFv2::WebACL")["Rules"]
    assert rule["Statement"] == {"RateBasedStatement": {"AggregateKeyType": "IP", "Limit": 1000}}
    assert rule["Action"] == {"Block": {}}
    association = doors.only("keys", "AWS::WAFv2::WebACLAssociation")
    assert doors.text("keys", association["ResourceArn"]).endswith(
        "::/restapis/{AWS::ApiGateway::RestApi}/stages/{AWS::ApiGateway::Stage}"
    )


def test_addresses_that_are_not_listed_are_refused(doors: Assembly) -> None:
    allow, deny = doors.only("keys", "AWS::ApiGateway::RestApi")["Policy"]["Statement"]
    assert (allow["Effect"], allow["Principal"]) == ("Allow", {"AWS": "*"})
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}})


def test_private_api_is_reached_through_its_endpoints_by_the_accounts_that_may_sign(doors: Assembly) -> None:
    api = doors.only("private", "AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"] == {"Types": ["PRIVATE"], "VpcEndpointIds": ["vpce-0123456789abcdef0"]}
    allow, outside, elsewhere = api["Policy"]["Statement"]
    assert [doors.text("private", one) for one in allow["Principal"]["AWS"]] == [
        "arn:{AWS::Partition}:iam::{AWS::AccountId}:root",
        "arn:{AWS::Partition}:iam::210987654321:root",
    ]
    assert outside["Condition"] == {"StringNotEquals": {"aws:SourceVpce": ["vpce-0123456789abcdef0"]}}
    assert elsewhere["Condition"] == {"NotIpAddress": {"aws:VpcSourceIp": ["10.0.0.0/8"]}}
    assert {outside["Effect"], elsewhere["Effect"]} == {"Deny"}


def test_function_that_decides_is_asked_with_what_its_answer_depends_on(doors: Assembly) -> None:
    authorizer = doors.only("asked", "AWS::ApiGateway::Authorizer")
    assert (authorizer["Type"], authorizer["AuthorizerResultTtlInSeconds"]) == ("REQUEST", 60)
    assert authorizer["IdentitySource"] == "method.request.header.X-Who,method.request.querystring.t"
    assert ":function:who/invocations" in doors.text("asked", authorizer["AuthorizerUri"])
    for one in methods(doors, "asked").values():
        assert one["AuthorizationType"] == "CUSTOM"
        assert doors.text("asked", one["AuthorizerId"]) == "{AWS::ApiGateway::Authorizer}"
    allowed = [doors.text("asked", one["FunctionName"]) for one in doors.properties("asked", "AWS::Lambda::Permission")]
    assert len(allowed) == 2 and any(name.endswith(":function:who") for name in allowed)


def test_json_is_compared_with_the_models_schemas_and_bytes_pass(doors: Assembly) -> None:
    found = methods(doors, "keys")
    for path in ("/v1/models/keys:rank", "/keys/v1/models/keys:rank", "/v1/models/keys:predict"):
        assert set(found[f"POST {path}"]["RequestModels"]) == {"application/json"}
        assert doors.text("keys", found[f"POST {path}"]["RequestValidatorId"]) == "{AWS::ApiGateway::RequestValidator}"
        assert "RequestModels" not in found[f"ANY {path}"]
    validator = doors.only("keys", "AWS::ApiGateway::RequestValidator")
    assert (validator["ValidateRequestBody"], validator["ValidateRequestParameters"]) == (True, False)
    assert doors.only("keys", "AWS::ApiGateway::RestApi")["BinaryMediaTypes"] == ["application/msgpack"]
    rank = next(
        one["Schema"] for one in doors.properties("keys", "AWS::ApiGateway::Model") if one["Schema"]["title"] == "rank"
    )
    assert rank["$schema"].startswith("http://json-schema.org/draft-04/")
    assert rank["properties"]["items"]["properties"]["movie_id"] == {
        "type": "array",
        "items": {"type": "integer"},
        "maxItems": 10,
    }


def test_words_of_later_drafts_are_left_out_of_schemas_and_names_of_inputs_are_not() -> None:
    schema = {
        "type": ["object", "null"],
        "description": "told",
        "properties": {"format": {"type": "integer", "minimum": -(2**63), "maximum": 9, "default": 3}},
        "prefixItems": [],
        "oneOf": ({"required": ("format",)}, {"enum": [None, "a"]}),
        "additionalProperties": False,
    }
    assert draft4(schema) == {
        "type": ["object", "null"],
        "properties": {"format": {"type": "integer", "maximum": 9}},
        "oneOf": [{"required": ["format"]}, {"enum": [None, "a"]}],
        "additionalProperties": False,
    }


def test_changed_schema_is_deployed(doors: Assembly) -> None:
    """A deployment is a picture of the API: without a new one AWS goes on with the old schema."""
    (deployment,) = doors.resources("keys", "AWS::ApiGateway::Deployment")
    models = {name for name, one in doors.template("keys")["Resources"].items() if one["Type"].endswith("::Model")}
    assert models <= set(deployment["DependsOn"])


def test_browsers_are_answered_before_they_call_by_the_api_and_afterwards_by_the_function(doors: Assembly) -> None:
    found = methods(doors, "keys")
    asked = found["OPTIONS /{proxy+}"]
    assert (asked["AuthorizationType"], asked["ApiKeyRequired"]) == ("NONE", False)
    assert (asked["Integration"]["Type"], asked["Integration"]["ContentHandling"]) == ("MOCK", "CONVERT_TO_TEXT")
    (answer,) = asked["Integration"]["IntegrationResponses"]
    assert answer["ResponseParameters"]["method.response.header.Access-Control-Allow-Origin"] == "'https://a.example'"
    assert "https://b.example" in answer["ResponseTemplates"]["application/json"]
    assert all(f"OPTIONS {name.partition(' ')[2]}" in found for name in found)
    function = doors.only("keys", "AWS::Lambda::Function")
    assert function["Handler"] == "ranklet_runtime.origins.handler"
    assert function["Environment"]["Variables"]["RANKLET_ORIGINS"] == "https://a.example https://b.example"
    assert len(doors.resources("keys", "AWS::ApiGateway::GatewayResponse")) == 2
    for stack in ("plain", "http-asked", "url"):
        other = doors.only(stack, "AWS::Lambda::Function")
        assert other["Handler"] == "ranklet_runtime.handler.handler"
        assert "RANKLET_ORIGINS" not in other["Environment"]["Variables"]


def test_open_rest_api_is_said_loudly(doors: Assembly) -> None:
    assert "open-rest is OPEN TO THE INTERNET" in warnings(doors, "open-rest")
    assert warnings(doors, "plain") == warnings(doors, "keys") == ""


def test_stack_tells_where_to_call(doors: Assembly) -> None:
    assert doors.text("plain", doors.template("plain")["Outputs"]["Rank"]["Value"]) == (
        "https://{AWS::ApiGateway::RestApi}.execute-api.{AWS::Region}.{AWS::URLSuffix}/live/v1/models/plain:rank"
    )
    assert set(doors.template("plain")["Outputs"]) == {"Rank", "Alias"}


def test_stand_in_for_aws_gets_no_firewall(tmp_path_factory: pytest.TempPathFactory) -> None:
    import api_models

    local = api_models.write(tmp_path_factory.mktemp("local"), target="local")
    assert local.resources("keys", "AWS::WAFv2::WebACL") == []
    assert local.resources("keys", "AWS::WAFv2::WebACLAssociation") == []
    assert local.resources("keys", "AWS::ApiGateway::UsagePlan") != []
