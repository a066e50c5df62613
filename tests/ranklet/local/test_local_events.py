"""Events as API Gateway's documentation shows them, and which bodies arrive as base64."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ranklet.local.call import Api, Call, forwarded, is_text, new_request_id, new_trace_id
from ranklet.local.event_v1 import build_v1
from ranklet.local.event_v2 import build_v2, event_v2
from ranklet.local.http1.message import Headers

NOW = 1_583_348_638.390
HEADERS: Headers = (
    ("Host", "local.execute-api.us-east-1.amazonaws.com"),
    ("Header1", "value1"),
    ("header2", "value1"),
    ("Header2", "value2"),
    ("Cookie", "cookie1=a; cookie2=b"),
    ("User-Agent", "agent"),
    ("Content-Type", "text/plain"),
)


def call(**fields: Any) -> Call:
    given = {
        "method": "POST",
        "target": "/my/path?parameter1=value1&parameter1=value2&parameter2=value",
        "headers": HEADERS,
        "body": b"Hello from Lambda!",
        "source_ip": "192.0.2.1",
        "request_id": "JKJaXmPLvHcESHA=",
        "now": NOW,
    }
    return Call(**{**given, **fields})


# The shape of the developer guide's example of format 2.0, without what only a mutual TLS or an authorizer adds.
V2 = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/my/path",
    "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
    "cookies": ["cookie1=a", "cookie2=b"],
    "headers": {
        "host": "local.execute-api.us-east-1.amazonaws.com",
        "header1": "value1",
        "header2": "value1,value2",
        "user-agent": "agent",
        "content-type": "text/plain",
    },
    "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
    "requestContext": {
        "accountId": "123456789012",
        "apiId": "local",
        "domainName": "local.execute-api.us-east-1.amazonaws.com",
        "domainPrefix": "local",
        "http": {
            "method": "POST",
            "path": "/my/path",
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "agent",
        },
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": "$default",
        "stage": "$default",
        "time": "04/Mar/2020:19:03:58 +0000",
        "timeEpoch": 1583348638390,
    },
    "pathParameters": {"parameter1": "value1"},
    "body": "Hello from Lambda!",
    "isBase64Encoded": False,
}


def test_event_of_format_2_is_the_documented_one() -> None:
    event = build_v2(call(), Api(), route_key="$default", parameters={"parameter1": "value1"})
    assert event == V2
    assert json.loads(json.dumps(event)) == event


def test_format_2_leaves_out_what_is_empty() -> None:
    event = build_v2(
        call(method="GET", target="/", headers=(("Host", "x"),), body=b""), Api(), route_key="GET /", parameters={}
    )
    assert not {"cookies", "queryStringParameters", "pathParameters", "body", "stageVariables"} & set(event)
    assert event["rawQueryString"] == ""
    assert event["isBase64Encoded"] is False
    assert event["requestContext"]["http"]["userAgent"] == ""


def test_format_2_decodes_the_path_and_keeps_the_query_as_sent() -> None:
    event = build_v2(call(target="/a%20b/%C3%A9%2Fc?q=%20x&r=a%2Cb&s"), Api(), route_key="$default", parameters={})
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/a b/é/c"
    assert event["rawQueryString"] == "q=%20x&r=a%2Cb&s"
    assert event["queryStringParameters"] == {"q": " x", "r": "a,b", "s": ""}


def test_format_2_path_ends_at_a_decoded_question_mark() -> None:
    assert build_v2(call(target="/a%3Fb"), Api(), route_key="$default", parameters={})["rawPath"] == "/a"


def test_path_that_is_no_utf8_is_still_text() -> None:
    event = build_v2(call(target="/%ff?q=%fe"), Api(), route_key="$default", parameters={})
    assert json.loads(json.dumps(event, ensure_ascii=False).encode()) == event


def test_named_stage_stands_in_the_path_of_format_2() -> None:
    event = build_v2(call(target="/prod/a"), Api(stage="prod"), route_key="$default", parameters={})
    assert (event["rawPath"], event["requestContext"]["stage"]) == ("/prod/a", "prod")


IDENTITY_OF_REST = {
    "accessKey": None,
    "accountId": None,
    "caller": None,
    "cognitoAuthenticationProvider": None,
    "cognitoAuthenticationType": None,
    "cognitoIdentityId": None,
    "cognitoIdentityPoolId": None,
    "principalOrgId": None,
    "sourceIp": "192.0.2.1",
    "user": None,
    "userAgent": "agent",
    "userArn": None,
}

V1_OF_REST = {
    "resource": "/my/{proxy+}",
    "path": "/my/path",
    "httpMethod": "POST",
    "headers": {
        "Host": "local.execute-api.us-east-1.amazonaws.com",
        "Header1": "value1",
        "header2": "value1",
        "Header2": "value2",
        "Cookie": "cookie1=a; cookie2=b",
        "User-Agent": "agent",
        "Content-Type": "text/plain",
    },
    "multiValueHeaders": {
        "Host": ["local.execute-api.us-east-1.amazonaws.com"],
        "Header1": ["value1"],
        "header2": ["value1"],
        "Header2": ["value2"],
        "Cookie": ["cookie1=a; cookie2=b"],
        "User-Agent": ["agent"],
        "Content-Type": ["text/plain"],
    },
    "queryStringParameters": {"parameter1": "value2", "parameter2": "value"},
    "multiValueQueryStringParameters": {"parameter1": ["value1", "value2"], "parameter2": ["value"]},
    "requestContext": {
        "accountId": "123456789012",
        "apiId": "local",
        "deploymentId": "local",
        "domainName": "local.execute-api.us-east-1.amazonaws.com",
        "domainPrefix": "local",
        "extendedRequestId": "JKJaXmPLvHcESHA=",
        "httpMethod": "POST",
        "identity": IDENTITY_OF_REST,
        "path": "/prod/my/path",
        "protocol": "HTTP/1.1",
        "requestTime": "04/Mar/2020:19:03:58 +0000",
        "requestTimeEpoch": 1583348638390,
        "resourceId": "local",
        "resourcePath": "/my/{proxy+}",
        "stage": "prod",
    },
    "pathParameters": {"proxy": "path"},
    "stageVariables": None,
    "body": base64.b64encode(b"Hello from Lambda!").decode(),
    "isBase64Encoded": True,
}


def test_event_of_a_rest_api_is_the_documented_one() -> None:
    target = "/prod/my/path?parameter1=value1&parameter1=value2&parameter2=value"
    event = build_v1(
        call(target=target),
        Api(kind="rest", stage="prod"),
        route_key="POST /my/{proxy+}",
        path="/my/path",
        parameters={"proxy": "path"},
    )
    assert len(event["requestContext"].pop("requestId")) == 36
    assert event == V1_OF_REST


def test_event_of_format_1_from_an_http_api_has_its_own_fields() -> None:
    event = build_v1(call(), Api(), route_key="$default", path="/my/path", parameters={})
    context = event.pop("requestContext")
    assert event["version"] == "1.0"
    assert (event["resource"], event["body"], event["isBase64Encoded"]) == ("$default", "Hello from Lambda!", False)
    assert event["pathParameters"] is event["stageVariables"] is None
    assert context["authorizer"] == {"claims": None, "scopes": None}
    assert context["identity"] == {**IDENTITY_OF_REST, "clientCert": None}
    assert (context["resourceId"], context["requestId"]) == (None, "JKJaXmPLvHcESHA=")


def test_format_1_has_null_for_what_is_empty() -> None:
    bare = call(method="GET", target="/", headers=(("Host", "x"),), body=b"")
    event = build_v1(bare, Api(kind="rest", stage="prod"), route_key="GET /", path="/", parameters={})
    for name in (
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "body",
    ):
        assert event[name] is None
    assert event["isBase64Encoded"] is False


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/plain", True),
        ("text/csv; charset=latin-1", True),
        ("application/json", True),
        ("Application/JSON;charset=UTF-8", True),
        (" application/xml ", True),
        ("application/javascript", True),
        ("application/octet-stream", False),
        ("application/msgpack", False),
        ("application/x-www-form-urlencoded", False),
        ("application/vnd.api+json", False),
        ("application/jsonlines", False),
        ("image/png", False),
        ("json", False),
        ("", False),
        (None, False),
    ],
)
def test_body_is_text_for_few_types_and_base64_otherwise(content_type: str | None, text: bool) -> None:
    assert is_text(content_type) is text
    headers = (("content-type", content_type),) if content_type is not None else ()
    event = build_v2(call(headers=headers, body=b"{}"), Api(), route_key="$default", parameters={})
    assert (event["body"], event["isBase64Encoded"]) == (("{}", False) if text else ("e30=", True))


def test_text_that_is_no_utf8_is_replaced_not_refused() -> None:
    event = build_v2(call(body=b"a\xff"), Api(), route_key="$default", parameters={})
    assert event["body"] == "a�"


def test_front_adds_its_headers_and_drops_those_of_the_connection() -> None:
    sent: Headers = (
        ("Host", "x"),
        ("Connection", "keep-alive"),
        ("Transfer-Encoding", "chunked"),
        ("Expect", "100-continue"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Own", "1"),
    )
    seen = dict(forwarded(sent, source_ip="127.0.0.1", port=8080, length=5))
    trace = seen.pop("X-Amzn-Trace-Id")
    assert trace.startswith("Root=1-") and len(trace) == len("Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e")
    assert seen == {
        "Host": "x",
        "X-Own": "1",
        "Content-Length": "5",
        "X-Forwarded-For": "10.0.0.1, 127.0.0.1",
        "X-Forwarded-Port": "8080",
        "X-Forwarded-Proto": "http",
    }


def test_callers_trace_is_kept() -> None:
    sent = (("x-amzn-trace-id", "Root=1-a-b"),)
    assert dict(forwarded(sent, source_ip="127.0.0.1", port=1, length=0))["x-amzn-trace-id"] == "Root=1-a-b"


def test_ids_have_the_shape_of_the_real_ones() -> None:
    assert len(new_request_id()) == len("JKJaXmPLvHcESHA=") and new_request_id().endswith("=")
    assert new_request_id() != new_request_id()
    assert new_trace_id() != new_trace_id()


def test_event_can_be_made_without_a_front() -> None:
    event = event_v2("POST", "/v1/models/m:rank?a=b", headers={"Content-Type": "application/json"}, body=b"{}")
    assert (event["rawPath"], event["rawQueryString"], event["body"]) == ("/v1/models/m:rank", "a=b", "{}")
    assert event["headers"]["content-type"] == "application/json"
    assert event["headers"]["content-length"] == "2"
    assert "body" not in event_v2("GET", "/")
