"""boto3 clients for the commands; boto3 costs half a second and is imported only here, when a command needs AWS."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ranklet.errors import TableError
from ranklet.tables.calls import check_sum

CONNECTIONS = 16
"""Calls of one command at the same time, at most."""


@dataclass(frozen=True)
class Aws:
    """Where and as whom a command calls: clients of one region, made when used.

    endpoint: another endpoint for every service, unless `AWS_ENDPOINT_URL_<SERVICE>` names one for it.
    """

    region: str | None = None
    endpoint: str | None = None

    @cached_property
    def dynamodb(self) -> Any:
        """DynamoDB, without boto3's own retries: the loader must see every throttle to find its rate."""
        client = self._client("dynamodb", retries=1)
        client.meta.events.register("before-parse.dynamodb", check_sum)
        return client

    @cached_property
    def functions(self) -> Any:
        """Lambda."""
        return self._client("lambda", retries=4)

    @cached_property
    def ssm(self) -> Any:
        """SSM's parameters."""
        return self._client("ssm", retries=4)

    @cached_property
    def s3(self) -> Any:
        """S3."""
        return self._client("s3", retries=4)

    def environ(self) -> dict[str, str]:
        """What Lambda would set for the function's own client: region, credentials and endpoint.

        Raises TableError where no credentials are configured.
        """
        import boto3

        session = boto3.Session(region_name=self.region)
        credentials = session.get_credentials()
        if credentials is None:
            raise TableError("no AWS credentials are configured: `aws configure sso`, or set AWS_PROFILE")
        frozen = credentials.get_frozen_credentials()
        given = {
            "AWS_REGION": session.region_name,
            "AWS_ACCESS_KEY_ID": frozen.access_key,
            "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
            "AWS_SESSION_TOKEN": frozen.token,
            "AWS_ENDPOINT_URL_DYNAMODB": _endpoint("dynamodb", self.endpoint, os.environ)
            or os.environ.get("AWS_ENDPOINT_URL"),
        }
        return {name: value for name, value in given.items() if value}

    def _client(self, service: str, *, retries: int) -> Any:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        config = Config(
            retries={"mode": "standard", "total_max_attempts": retries},
            max_pool_connections=CONNECTIONS,
            connect_timeout=5,
            read_timeout=20,
        )
        endpoint = _endpoint(service, self.endpoint, os.environ)
        try:
            return boto3.client(service, region_name=self.region, endpoint_url=endpoint, config=config)
        except (BotoCoreError, ValueError) as error:
            raise TableError(f"cannot call {service}: {error}; give --region, or correct --endpoint") from error


def _endpoint(service: str, endpoint: str | None, environ: Mapping[str, str]) -> str | None:
    return environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or endpoint
