"""What a REST API answers to a browser that asks before it calls: OPTIONS, without the function and without a key.

The answer to the call itself is the function's, whose entry point then adds its own header; API Gateway's refusals get
theirs here, so that a page learns why it was refused.
"""

from __future__ import annotations

from aws_cdk import aws_apigateway

from ranklet.constructs import runtime
from ranklet.settings.api import Api, Cors
from ranklet_runtime.origins import ORIGINS

HANDLER = "ranklet_runtime.origins.handler"
"""The function's entry point where its answers are for pages in a browser."""

METHODS = "GET,POST"
EMPTY = '{"statusCode": 204}'


def variables(api: Api) -> dict[str, str]:
    """What the function is told of it; the other kinds of API add the header themselves."""
    return {ORIGINS: " ".join(api.cors.origins)} if api.kind == "rest" and api.cors else {}


def handler(api: Api) -> str:
    """The function's entry point."""
    return HANDLER if variables(api) else runtime.HANDLER


def preflight(resource: aws_apigateway.IResource, cors: Cors) -> None:
    """Answer OPTIONS of a resource."""
    headers = {
        "Access-Control-Allow-Headers": f"'{','.join(cors.headers)}'",
        "Access-Control-Allow-Methods": f"'{METHODS}'",
        "Access-Control-Allow-Origin": f"'{cors.origins[0]}'",
        "Access-Control-Max-Age": f"'{cors.max_age}'",
        "Vary": "'Origin'",
    }
    named = {f"method.response.header.{name}": value for name, value in headers.items()}
    resource.add_method(
        "OPTIONS",
        aws_apigateway.MockIntegration(
            # Without it the binary media type */* makes the empty body of the answer bytes, and the answer a 500.
            content_handling=aws_apigateway.ContentHandling.CONVERT_TO_TEXT,
            request_templates={"application/json": EMPTY},
            passthrough_behavior=aws_apigateway.PassthroughBehavior.WHEN_NO_MATCH,
            integration_responses=[
                aws_apigateway.IntegrationResponse(
                    status_code="204",
                    content_handling=aws_apigateway.ContentHandling.CONVERT_TO_TEXT,
                    response_parameters=named,
                    response_templates={"application/json": _others(cors)} if len(cors.origins) > 1 else None,
                )
            ],
        ),
        authorization_type=aws_apigateway.AuthorizationType.NONE,
        api_key_required=False,
        method_responses=[
            aws_apigateway.MethodResponse(status_code="204", response_parameters=dict.fromkeys(named, True))
        ],
    )


def refusals(api: aws_apigateway.RestApi, cors: Cors) -> None:
    """Show API Gateway's own refusals to pages of the first origin; a header of it can name but one."""
    for name, kind in (
        ("Refused", aws_apigateway.ResponseType.DEFAULT_4_XX),
        ("Failed", aws_apigateway.ResponseType.DEFAULT_5_XX),
    ):
        api.add_gateway_response(
            name, type=kind, response_headers={"Access-Control-Allow-Origin": f"'{cors.origins[0]}'"}
        )


def _others(cors: Cors) -> str:
    """A template that names the origin that asked where it is one of several; the first one is the default."""
    known = " || ".join(f'$origin == "{origin}"' for origin in cors.origins[1:])
    return (
        '#set($origin = $input.params().header.get("Origin"))\n'
        '#if($origin == "") #set($origin = $input.params().header.get("origin")) #end\n'
        f"#if({known})\n"
        "#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)\n"
        "#end"
    )
