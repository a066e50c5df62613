"""Function URLs: on the alias, signed unless said otherwise, and without an API."""

from __future__ import annotations

from cdk_project import Assembly
from test_cdk_routes import warnings


def test_url_is_the_aliass_and_takes_signed_requests(doors: Assembly) -> None:
    url = doors.only("url", "AWS::Lambda::Url")
    assert (url["AuthType"], url["Qualifier"]) == ("AWS_IAM", "live")
    assert doors.text("url", url["TargetFunctionArn"]) == "{AWS::Lambda::Function.Arn}"
    assert doors.resources("url", "AWS::Lambda::Permission") == []
    kinds = {one["Type"] for one in doors.template("url")["Resources"].values()}
    assert not [kind for kind in kinds if "ApiGateway" in kind]


def test_url_answers_browsers_itself_where_asked(doors: Assembly) -> None:
    cors = doors.only("url", "AWS::Lambda::Url")["Cors"]
    assert (cors["AllowOrigins"], cors["AllowMethods"], cors["MaxAge"]) == (["https://a.example"], ["GET", "POST"], 600)
    assert "Cors" not in doors.only("open-url", "AWS::Lambda::Url")


def test_open_url_lets_anybody_in_and_is_said_loudly(doors: Assembly) -> None:
    assert doors.only("open-url", "AWS::Lambda::Url")["AuthType"] == "NONE"
    given = doors.properties("open-url", "AWS::Lambda::Permission")
    assert {one["Action"] for one in given} == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
    assert "open-url is OPEN TO THE INTERNET" in warnings(doors, "open-url")
    assert warnings(doors, "url") == ""


def test_stack_tells_where_to_call(doors: Assembly) -> None:
    value = doors.template("url")["Outputs"]["Rank"]["Value"]["Fn::Join"][1]
    assert value[0] == "https://"
    assert value[1]["Fn::Select"][1]["Fn::Split"][1] == {
        "Fn::GetAtt": [doors.logical("url", "AWS::Lambda::Url"), "FunctionUrl"]
    }
    assert value[2] == "/v1/models/url:rank"
