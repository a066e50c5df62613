"""The published versions of a model's function, and which of them its alias sends requests to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ranklet.deploying.account import Account, asked, pages
from ranklet.deploying.stack import Deployed
from ranklet.errors import DeployError

DESCRIBED = re.compile(r"(?P<model>\S+) version (?P<version>[^\s,]+)(?:,|$)")
"""The function's description, as the stack writes it."""


@dataclass(frozen=True)
class Published:
    """One version of the function. model: the version of the model that it is, None where its description says none."""

    number: int
    model: str | None
    published: str

    def __str__(self) -> str:
        """`4 (model version 2)`."""
        return f"{self.number} (model version {self.model or 'unknown'})"


@dataclass(frozen=True)
class Alias:
    """Where an alias sends requests. weights: further versions with their share. revision: changes with the alias."""

    name: str
    number: int
    revision: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Provisioned:
    """Provisioned environments of an alias. status: IN_PROGRESS, READY or FAILED."""

    requested: int
    available: int
    status: str


def published(account: Account, function: str) -> list[Published]:
    """All versions, the oldest first."""
    shown = pages(
        "lambda:ListVersionsByFunction",
        account.functions,
        "list_versions_by_function",
        "Versions",
        FunctionName=function,
    )
    found = [_published(one) for one in shown if one["Version"] != "$LATEST"]
    return sorted(found, key=lambda one: one.number)


def aliases(account: Account, function: str) -> list[Alias]:
    """All aliases."""
    shown = pages("lambda:ListAliases", account.functions, "list_aliases", "Aliases", FunctionName=function)
    return [_alias(one) for one in shown]


def alias(account: Account, there: Deployed) -> Alias:
    """The one that the API calls. Raises DeployError where it is gone."""
    shown = asked(
        "lambda:GetAlias",
        account.functions.get_alias,
        absent=("ResourceNotFoundException",),
        FunctionName=there.function,
        Name=there.alias,
    )
    if shown is None:
        raise DeployError(f"{there.function} has no alias {there.alias}, though its stack made one; deploy it again")
    return _alias(shown)


def move(account: Account, there: Deployed, now: Alias, number: int) -> None:
    """Send all requests of the alias to a version, unless somebody changed it since `now`. Raises DeployError."""
    unchanged: dict[str, Any] = {"RevisionId": now.revision} if now.revision else {}
    asked(
        "lambda:UpdateAlias",
        account.functions.update_alias,
        FunctionName=there.function,
        Name=there.alias,
        FunctionVersion=str(number),
        RoutingConfig={"AdditionalVersionWeights": {}},
        **unchanged,
    )


def provisioned(account: Account, function: str, qualifier: str) -> Provisioned | None:
    """What is provisioned for an alias; None for nothing."""
    shown = asked(
        "lambda:GetProvisionedConcurrencyConfig",
        account.functions.get_provisioned_concurrency_config,
        absent=("ProvisionedConcurrencyConfigNotFoundException",),
        FunctionName=function,
        Qualifier=qualifier,
    )
    if shown is None:
        return None
    return Provisioned(
        shown["RequestedProvisionedConcurrentExecutions"],
        shown.get("AvailableProvisionedConcurrentExecutions", 0),
        shown["Status"],
    )


def _published(shown: Mapping[str, Any]) -> Published:
    said = DESCRIBED.match(shown.get("Description", ""))
    return Published(int(shown["Version"]), said["version"] if said else None, shown.get("LastModified", ""))


def _alias(shown: Mapping[str, Any]) -> Alias:
    weights = (shown.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return Alias(shown["Name"], int(shown["FunctionVersion"]), shown.get("RevisionId", ""), dict(weights))
