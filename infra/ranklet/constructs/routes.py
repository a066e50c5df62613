"""The paths of a model on the shared API, each with its authorizer and the permission to invoke the alias."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, aws_apigatewayv2, aws_apigatewayv2_authorizers, aws_lambda
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct

from ranklet.constructs import authorizer, open_access
from ranklet.model import Model
from ranklet.settings.kind import Kind

METHODS = (aws_apigatewayv2.HttpMethod.GET, aws_apigatewayv2.HttpMethod.POST)
"""What the dialects answer. OPTIONS is none of them: the API answers it, unless a route takes it first, as ANY does."""


class ModelRoutes(Construct):
    """Routes to an alias: every dialect below the model's own prefix, and the fleet-wide forms as literal paths.

    All methods go to the function, which answers the wrong ones in the shape that the dialect's clients expect; where
    pages in a browser may call, GET and POST alone, as ANY would take OPTIONS, which asks before anybody has signed.
    Permission is given route by route. leading: the paths, where they are not those of a model (`paths`).
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        api: aws_apigatewayv2.IHttpApi,
        alias: aws_lambda.IAlias,
        model: Model,
        leading: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, id)
        open_access.warn(self, model)
        allowed = self._authorizer(model)
        integration = integrations.HttpLambdaIntegration("Alias", alias)
        methods = METHODS if model.api.cors else (aws_apigatewayv2.HttpMethod.ANY,)
        self.routes = [
            aws_apigatewayv2.HttpRoute(
                self,
                path if len(methods) == 1 else f"{method.value} {path}",
                http_api=api,
                route_key=aws_apigatewayv2.HttpRouteKey.with_(path, method),
                integration=integration,
                authorizer=allowed,
            )
            for path in leading or paths(model.name, model.kind, tokens=model.token is not None)
            for method in methods
        ]

    def _authorizer(self, model: Model) -> aws_apigatewayv2.IHttpRouteAuthorizer:
        if model.api.jwt is not None:
            return aws_apigatewayv2_authorizers.HttpJwtAuthorizer(
                f"{model.name}-jwt", model.api.jwt.issuer, jwt_audience=list(model.api.jwt.audience)
            )
        if model.api.authorizer is not None:
            asked = model.api.authorizer
            return aws_apigatewayv2_authorizers.HttpLambdaAuthorizer(
                f"{model.name}-lambda",
                authorizer.AuthorizerFunction(self, "Authorizer", function=asked.function).function,
                identity_source=authorizer.sources(asked.identity, authorizer.HTTP),
                response_types=[aws_apigatewayv2_authorizers.HttpLambdaResponseType.SIMPLE],
                results_cache_ttl=Duration.seconds(asked.ttl),
            )
        if model.api.auth == "none":
            return aws_apigatewayv2.HttpNoneAuthorizer()
        return aws_apigatewayv2_authorizers.HttpIamAuthorizer()


def paths(name: str, kind: Kind = "rank", *, tokens: bool = False) -> tuple[str, ...]:
    """The paths that lead to a model. API Gateway knows no `{model}:rank`, so each model brings its literal ones."""
    if kind == "retrieve":
        verbs = (f"/v1/models/{name}:retrieve", f"/v1/models/{name}:similar")
        return (f"/{name}", f"/{name}/{{proxy+}}", *verbs, f"/v1/models/{name}/{{proxy+}}")
    return (
        f"/{name}",
        f"/{name}/{{proxy+}}",
        f"/v1/models/{name}",
        f"/v1/models/{name}:rank",
        f"/v1/models/{name}:predict",
        f"/v1/models/{name}:classify",
        f"/v1/models/{name}:regress",
        *((f"/v1/models/{name}:prepare",) if tokens else ()),
        f"/v1/models/{name}/{{proxy+}}",
        f"/v2/models/{name}",
        f"/v2/models/{name}/{{proxy+}}",
        f"/endpoints/{name}/{{proxy+}}",
        f"/model/{name}",
        f"/model/{name}/{{proxy+}}",
    )
