"""What `deploy`, `rollback`, `status` and `destroy` share: which environment, and clients for its account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ranklet import environment, project
from ranklet.cli import tables_common
from ranklet.environment import Environment
from ranklet.project import Project

if TYPE_CHECKING:
    from ranklet.deploying.account import Account

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Chosen:
    """What the command was told beside the models."""

    region: str | None
    endpoint: str | None
    target: str | None
    smoke: bool
    token: str | None
    bootstrap: bool
    forward: bool
    context: tuple[str, ...]


def where(command: F) -> F:
    """Add --env, --region and --endpoint."""
    env = click.option(
        "--env",
        "env",
        metavar="NAME",
        envvar="RANKLET_ENV",
        help="infra/environments/NAME.toml [RANKLET_ENV; none: names and settings of model.toml alone].",
    )
    return env(tables_common.where(command))


def opened(env: str | None, region: str | None, endpoint: str | None) -> tuple[Project, Environment, Account]:
    """The project around, the environment, and clients for the account that the AWS configuration names."""
    from ranklet.deploying.account import Account

    here = project.find()
    return here, environment.load(here, env), Account(region, endpoint)


def flag(chosen: Environment) -> str:
    """What a command line for the same environment has to say."""
    return f" --env {chosen.name}" if chosen.name else ""
