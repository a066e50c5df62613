"""The paths of a model on the shared API, each with its authorizer and the permission to invoke the alias."""

from __future__ import annotations

from aws_cdk import Annotations, aws_apigatewayv2, aws_apigatewayv2_authorizers, aws_lambda
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct

from ranklet.errors import ModelError
from ranklet.model import Model


class ModelRoutes(Construct):
    """Routes to an alias: every dialect below the model's own prefix, and the fleet-wide forms as literal paths.

    All methods go to the function, which answers the wrong ones in the shape that the dialect's clients expect.
    Permission is given route by route.
    """

    def __init__(
        self, scope: Construct, id: str, *, api: aws_apigatewayv2.IHttpApi, alias: aws_lambda.IAlias, model: Model
    ) -> None:
        super().__init__(scope, id)
        authorizer = self._authorizer(model)
        integration = integrations.HttpLambdaIntegration("Alias", alias)
        self.routes = [
            aws_apigatewayv2.HttpRoute(
                self,
                path,
                http_api=api,
                route_key=aws_apigatewayv2.HttpRouteKey.with_(path, aws_apigatewayv2.HttpMethod.ANY),
                integration=integration,
                authorizer=authorizer,
            )
            for path in paths(model.name)
        ]

    def _authorizer(self, model: Model) -> aws_apigatewayv2.IHttpRouteAuthorizer:
        if model.api.auth == "iam":
            return aws_apigatewayv2_authorizers.HttpIamAuthorizer()
        if model.api.auth == "none":
            Annotations.of(self).add_warning_v2(
                "ranklet:open", f"{model.name} is OPEN TO THE INTERNET: [api] auth is none; anyone may call and you pay"
            )
            return aws_apigatewayv2.HttpNoneAuthorizer()
        if model.api.jwt is None:
            raise ModelError(f"{model.name}/model.toml: [api] auth is jwt, so [api.jwt] must name issuer and audience")
        return aws_apigatewayv2_authorizers.HttpJwtAuthorizer(
            f"{model.name}-jwt", model.api.jwt.issuer, jwt_audience=list(model.api.jwt.audience)
        )


def paths(name: str) -> tuple[str, ...]:
    """The paths that lead to a model. API Gateway knows no `{model}:rank`, so each model brings its literal ones."""
    return (
        f"/{name}",
        f"/{name}/{{proxy+}}",
        f"/v1/models/{name}",
        f"/v1/models/{name}:rank",
        f"/v1/models/{name}:predict",
        f"/v1/models/{name}:classify",
        f"/v1/models/{name}:regress",
        f"/v1/models/{name}/{{proxy+}}",
        f"/v2/models/{name}",
        f"/v2/models/{name}/{{proxy+}}",
        f"/endpoints/{name}/{{proxy+}}",
        f"/model/{name}",
        f"/model/{name}/{{proxy+}}",
    )
