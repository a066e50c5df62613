"""What signs a model's tokens: a secret of its own, or one that the author names, and the right to read it alone."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_iam, aws_kms, aws_secretsmanager
from constructs import Construct

from ranklet.settings.token import Token
from ranklet_runtime.tokens.keys import SECRET, SHORTEST

LENGTH = 64
"""Characters of a new key, letters and digits: 381 bits of chance."""


class TokenKey(Construct):
    """arn: of the secret or parameter. Its value is made by AWS and stands in no template.

    A new value (`aws secretsmanager put-secret-value`) signs within five minutes; the one before is taken meanwhile.
    key: what encrypts a secret of the model's own.
    """

    def __init__(self, scope: Construct, id: str, *, setting: Token, key: aws_kms.IKey | None) -> None:
        super().__init__(scope, id)
        self.arn = setting.key or self._made(key)
        self._action = "ssm:GetParameter" if ":ssm:" in (setting.key or "") else "secretsmanager:GetSecretValue"

    def _made(self, key: aws_kms.IKey | None) -> str:
        chance = aws_secretsmanager.SecretStringGenerator(
            password_length=max(LENGTH, SHORTEST), exclude_punctuation=True
        )
        return aws_secretsmanager.Secret(
            self,
            "Secret",
            description="Signs the tokens of a ranklet model",
            generate_secret_string=chance,
            encryption_key=key,
        ).secret_arn

    @property
    def variables(self) -> Mapping[str, str]:
        """By which the function finds it."""
        return {SECRET: self.arn}

    @property
    def right(self) -> aws_iam.PolicyStatement:
        """To read it, and nothing else."""
        return aws_iam.PolicyStatement(actions=[self._action], resources=[self.arn])
