"""A function's own URL: no API Gateway, nothing to pay beside Lambda, no more than IAM to guard it."""

from __future__ import annotations

from aws_cdk import Duration, Fn, aws_lambda
from constructs import Construct

from ranklet.constructs import open_access
from ranklet.model import Model
from ranklet.settings.api import Cors

METHODS = [aws_lambda.HttpMethod.GET, aws_lambda.HttpMethod.POST]


class ModelUrl(Construct):
    """The URL of an alias, which `url` is without a slash at its end. Every path below it reaches the function."""

    def __init__(self, scope: Construct, id: str, *, alias: aws_lambda.Alias, model: Model) -> None:
        super().__init__(scope, id)
        open_access.warn(self, model)
        kinds = aws_lambda.FunctionUrlAuthType
        url = aws_lambda.FunctionUrl(
            self,
            "Url",
            function=alias,
            auth_type=kinds.NONE if model.api.auth == "none" else kinds.AWS_IAM,
            cors=_cors(model.api.cors) if model.api.cors else None,
        ).url
        # AWS gives it with a slash, after which a path would begin with two.
        self.url = Fn.join("", ["https://", Fn.select(2, Fn.split("/", url))])


def _cors(cors: Cors) -> aws_lambda.FunctionUrlCorsOptions:
    return aws_lambda.FunctionUrlCorsOptions(
        allowed_origins=list(cors.origins),
        allowed_headers=list(cors.headers),
        allowed_methods=METHODS,
        max_age=Duration.seconds(cors.max_age),
    )
