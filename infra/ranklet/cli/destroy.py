"""`ranklet destroy`: take a model away again."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from ranklet.cli import deploy_common as common
from ranklet.cli import tables_common, terminal
from ranklet.deployable import SHARED
from ranklet.environment import Environment
from ranklet.errors import DeployError
from ranklet.project import Project

if TYPE_CHECKING:
    from ranklet.deploying.account import Account
    from ranklet.deploying.destroy import Doomed
    from ranklet.tables.prune import Verdict


@click.command()
@click.argument("model")
@click.option("--tables", "with_tables", is_flag=True, help="Delete its tables too, those that nobody else names.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common.where
@terminal.as_json
def destroy(
    model: str,
    with_tables: bool,
    yes: bool,
    env: str | None,
    region: str | None,
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Delete MODEL's stack: function, versions, alias, routes, role, logs. Nobody can go back to it afterwards.

    \b
    ranklet destroy movie-ftrl
    ranklet destroy movie-ftrl --env dev --tables --yes
    ranklet destroy ranklet-shared --env dev

    Tables and snapshots stay unless --tables asks for them; those that another function names, or another bundle of
    this checkout pins, stay in any case. `ranklet-shared` goes when no model of this project is left; its layers and
    its bucket of snapshots stay, and are listed.

    Needs cloudformation:DescribeStacks, ListStackResources, GetTemplate, DeleteStack, lambda:ListVersionsByFunction,
    ListAliases, GetFunctionConfiguration, and with --tables what `ranklet tables prune` needs. Exit code 1 when the
    question is answered with no, 10 when AWS refuses.
    """
    from ranklet.deploying import destroy as destroying

    here, environment, account = common.opened(env, region, endpoint)
    with terminal.progress("destroy") as progress:
        progress("looking at what is deployed")
        doomed = _plan(here, environment, account, model)
    if not yes:
        _ask(doomed, with_tables=with_tables)
    with terminal.progress("destroy") as progress:
        destroying.carry_out(account, doomed.stack, progress=progress)
        verdicts = _prune(environment, account, model, doomed) if with_tables and doomed.tables else []
    if as_json:
        terminal.emit(_document(model, doomed, verdicts))
        return
    click.echo(f"the stack {doomed.stack} is deleted")
    for line in _left(doomed, verdicts):
        terminal.ERR.print(line, markup=False, soft_wrap=True)


def _plan(here: Project, environment: Environment, account: Account, model: str) -> Doomed:
    """What would go. Raises DeployError for the shared stack while a model needs it, ModelError for no model."""
    from ranklet.deploying import destroy as destroying
    from ranklet.deploying import stack

    if model == SHARED:
        for folder in here.folders():
            if stack.find(account, environment, folder.name) is not None:
                raise DeployError(f"{folder.name} is deployed and needs the shared stack: destroy the models first")
        return destroying.plan(account, environment.stack(SHARED))
    here.folders([model])
    there = stack.find(account, environment, model)
    return destroying.plan(account, environment.stack(model), there.function if there else "")


def _ask(doomed: Doomed, *, with_tables: bool) -> None:
    terminal.ERR.print(f"{doomed.stack}: {len(doomed.goes)} resources go", markup=False)
    for one in doomed.stays:
        terminal.ERR.print(f"stays: {one.kind} {one.id}", markup=False, soft_wrap=True)
    for table in doomed.tables:
        terminal.ERR.print(
            f"{'goes, unless another needs it' if with_tables else 'stays'}: table {table}", markup=False
        )
    click.confirm(f"Delete the stack {doomed.stack}?", abort=True, err=True)


def _prune(environment: Environment, account: Account, model: str, doomed: Doomed) -> list[Verdict]:
    """Delete the tables that only this model named, whatever their age."""
    from ranklet.tables import deployed, prune, snapshots_there, versions

    bucket = deployed.bucket(account.ssm, environment.name)
    described = [versions.describe(account.dynamodb, name) for name in doomed.tables]
    found = [one for one in described if one is not None]
    if bucket is not None:
        found += [one for one in snapshots_there.every(account.s3, bucket) if one.physical in doomed.tables]
    bundles = {name: pinned for name, pinned in tables_common.bundles().items() if name != model}
    rules = prune.Rules(min_age=timedelta(), bundles=bundles)
    verdicts = prune.plan(found, deployed.read(account.functions), rules, datetime.now(UTC))
    services = prune.Services(account.functions, account.dynamodb, account.s3 if bucket else None, bucket)
    return list(prune.carry_out(verdicts, services, rules))


def _document(model: str, doomed: Doomed, verdicts: list[Verdict]) -> dict[str, Any]:
    return {
        "model": model,
        "stack": doomed.stack,
        "deleted": len(doomed.goes),
        "kept": [dataclasses.asdict(one) for one in doomed.stays],
        "tables": [{"physical": name, **_fate(name, verdicts)} for name in doomed.tables],
    }


def _fate(name: str, verdicts: list[Verdict]) -> dict[str, Any]:
    one = next((one for one in verdicts if one.version.physical == name), None)
    return {"deleted": bool(one and one.delete), "reason": one.reason if one else "kept: --tables was not given"}


def _left(doomed: Doomed, verdicts: list[Verdict]) -> list[str]:
    """What is still there, and how it is got rid of."""
    lines = [f"kept: {one.kind} {one.id}" for one in doomed.stays]
    for name in doomed.tables:
        fate = _fate(name, verdicts)
        lines.append(f"table {name}: {'deleted' if fate['deleted'] else 'kept'}, {fate['reason']}")
    if doomed.tables and not verdicts:
        lines.append("`ranklet tables prune` deletes tables that no function names")
    return lines
