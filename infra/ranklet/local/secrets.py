"""Secrets Manager and SSM's parameters, as far as functions read keys from them: drawn anew for each cloud.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html,
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from contextlib import AsyncExitStack
from typing import Any

import orjson

from ranklet.local.function import Function
from ranklet.local.http1.message import Request, Response
from ranklet.local.http1.server import HOST, Server
from ranklet_runtime.tokens.keys import ENDPOINT, SECRET

TYPE = (("Content-Type", "application/x-amz-json-1.1"),)
CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


class LocalSecrets:
    """values: ARN → the values of its stages."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, str]] = {}
        self._server: Server | None = None

    async def start(self, stack: AsyncExitStack, functions: Collection[Function]) -> dict[str, str]:
        """Listen if one of the functions reads a key, until the stack is left; the variables by which it finds us."""
        arns = {function.environment[SECRET] for function in functions if SECRET in function.environment}
        if not arns:
            return {}
        for arn in arns:
            self.values.setdefault(arn, {CURRENT: _drawn()})
        if self._server is None:
            self._server = Server(self._answer)
            self._port = await self._server.start(0)
            stack.push_async_callback(self._server.close, grace_s=0.0)
        url = f"http://{HOST}:{self._port}"
        return {ENDPOINT: url, "AWS_ENDPOINT_URL_SSM": url}

    def rotate(self, arn: str) -> None:
        """A new value; the one before is the previous."""
        self.values[arn] = {CURRENT: _drawn(), PREVIOUS: self.values[arn][CURRENT]}

    async def _answer(self, request: Request) -> Response:
        action = (request.header("x-amz-target") or "").rpartition(".")[2]
        asked = orjson.loads(request.body)
        if action == "GetSecretValue":
            value = self.values.get(asked["SecretId"], {}).get(asked.get("VersionStage", CURRENT))
            return _absent("ResourceNotFoundException") if value is None else _json(200, {"SecretString": value})
        if action == "GetParameter":
            value = self.values.get(asked["Name"], {}).get(CURRENT)
            found = {"Parameter": {"Value": value}}
            return _absent("ParameterNotFound") if value is None else _json(200, found)
        return _absent("UnknownOperationException")


def _drawn() -> str:
    return secrets.token_hex(32)


def _absent(code: str) -> Response:
    return _json(400, {"__type": code})


def _json(status: int, document: Any) -> Response:
    return Response(status, TYPE, orjson.dumps(document))
