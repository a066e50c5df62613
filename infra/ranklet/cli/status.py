"""`ranklet status`: what is deployed, as AWS tells it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ranklet.cli import deploy_common as common
from ranklet.cli import terminal

if TYPE_CHECKING:
    from ranklet.deploying.status import Status


@click.command()
@click.argument("models", nargs=-1)
@common.where
@terminal.as_json
def status(models: tuple[str, ...], env: str | None, region: str | None, endpoint: str | None, as_json: bool) -> None:
    """Show what is deployed of MODELS (of all models here when none is named): versions, tables, alarms.

    \b
    ranklet status
    ranklet status movie-ftrl --env prod
    ranklet status --json | jq '.[] | select(.live != .newest) | .model'

    A version is one of the function; the model's own stands behind it. "held" says that a rollback keeps the alias away
    from what was deployed last.

    Needs cloudformation:DescribeStacks, ListStackResources, lambda:ListVersionsByFunction, ListAliases,
    GetFunctionConfiguration, GetProvisionedConcurrencyConfig, dynamodb:DescribeTable, DescribeContinuousBackups,
    ListTagsOfResource, GetItem, cloudwatch:DescribeAlarms; of tables in S3 ssm:GetParameter, s3:ListBucket, GetObject.
    Exit code 1 when a named model is not deployed, 10 when AWS refuses.
    """
    from ranklet.deploying import status as reading

    here, environment, account = common.opened(env, region, endpoint)
    found: dict[str, Status | None] = {}
    with terminal.progress("status") as progress:
        for folder in here.folders(models):
            progress(folder.name)
            found[folder.name] = reading.read(account, environment, folder.name)
    if as_json:
        terminal.emit([_document(model, one) for model, one in found.items()])
    else:
        where = f" in {environment.name}" if environment.name else ""
        columns = ["model", "stack", "live", "provisioned", "tables", "alarms", "url"]
        terminal.show(f"Deployed{where}", columns, [_row(model, one) for model, one in found.items()])
    if models and None in found.values():
        raise SystemExit(1)


def _document(model: str, one: Status | None) -> dict[str, Any]:
    """live, newest: versions of the function; null where nothing is deployed."""
    if one is None:
        return {"model": model, "deployed": False, "live": None, "newest": None}
    live = one.live
    return {
        "model": model,
        "deployed": True,
        "stack": one.there.stack,
        "status": one.there.status,
        "updated": one.there.updated.isoformat(),
        "function": one.there.function,
        "url": one.there.url,
        "live": str(live.number) if live else None,
        "newest": one.newest,
        "version": live.model if live else None,
        "aliases": [asdict(alias) for alias in one.aliases],
        "versions": [asdict(version) for version in one.versions],
        "tables": one.tables,
        "provisioned": asdict(one.provisioned) if one.provisioned else None,
        "alarms": one.alarms,
    }


def _row(model: str, one: Status | None) -> list[str]:
    if one is None:
        return [model, "not deployed", *[""] * 5]
    held = f", held: {one.newest} is deployed" if one.held_back else ""
    weights = [f"{share:.0%} to {number}" for alias in one.aliases for number, share in alias.weights.items()]
    provisioned = one.provisioned
    return [
        model,
        f"{one.there.stack}: {one.there.status}",
        f"{one.live}{held}{''.join(f', {weight}' for weight in weights)}" if one.live else "none",
        f"{provisioned.available} of {provisioned.requested} {provisioned.status}" if provisioned else "none",
        "not known" if one.tables is None else _counted(one.tables.values()) or "none",
        _counted(one.alarms.values()) or "none",
        one.there.url,
    ]


def _counted(states: Any) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(Counter(states).items()))
