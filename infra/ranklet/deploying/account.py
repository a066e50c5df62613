"""Clients for an account, one call until it is answered, and who is calling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ranklet.errors import DeployError, TableError
from ranklet.tables.calls import Again, attempt, refused
from ranklet.tables.clients import Aws

RETRIES = 4


class Account(Aws):
    """The clients of `ranklet tables`, and those that a deployment needs beside them."""

    @cached_property
    def cloudformation(self) -> Any:
        """CloudFormation."""
        return self._client("cloudformation", retries=RETRIES)

    @cached_property
    def cloudwatch(self) -> Any:
        """CloudWatch."""
        return self._client("cloudwatch", retries=RETRIES)

    @cached_property
    def sts(self) -> Any:
        """STS."""
        return self._client("sts", retries=RETRIES)


@dataclass(frozen=True)
class Caller:
    """Who calls: the account, the role or user, and the region. Known to nobody but the AWS configuration."""

    account: str
    arn: str
    region: str


def caller(account: Account) -> Caller:
    """Who is calling. Raises DeployError without credentials."""
    told = asked("sts:GetCallerIdentity", account.sts.get_caller_identity)
    return Caller(told["Account"], told["Arn"], account.sts.meta.region_name)


def asked(what: str, call: Callable[..., Any], *, absent: tuple[str, ...] = (), **parameters: Any) -> Any:
    """One answered call; None where AWS answers with one of the codes `absent`. what: the action, for the message.

    Raises DeployError where it is refused or there is no answer.
    """
    from botocore.exceptions import ClientError

    try:
        return attempt(call, **parameters)
    except ClientError as error:
        if refused(error) in absent:
            return None
        raise DeployError(f"{what} was refused: {error}") from error
    except Again as error:
        raise DeployError(f"{what} was not answered: {error}") from error
    except TableError as error:
        raise DeployError(str(error)) from error


def pages(what: str, client: Any, operation: str, field: str, **parameters: Any) -> Iterator[Any]:
    """Everything of a listing that comes in pages. Raises as `asked` does."""
    paginator = client.get_paginator(operation)
    found = asked(what, lambda: [one for page in paginator.paginate(**parameters) for one in page.get(field, [])])
    yield from found
