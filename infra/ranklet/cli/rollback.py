"""`ranklet rollback`: the version before, by one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ranklet.cli import deploy_common as common
from ranklet.cli import terminal

if TYPE_CHECKING:
    from ranklet.deploying.rollback import Move


@click.command()
@click.argument("model")
@click.option("--to", type=click.IntRange(1), metavar="N", help="Version of the function [the one before].")
@click.option("--dry-run", is_flag=True, help="Say what would be done, do nothing.")
@click.option("--force", is_flag=True, help="Also amid a release, or where that version's tables are not known.")
@common.where
@terminal.as_json
def rollback(
    model: str,
    to: int | None,
    dry_run: bool,
    force: bool,
    env: str | None,
    region: str | None,
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Send MODEL's requests to an earlier version of its function: model and embeddings at once, within seconds.

    \b
    ranklet rollback movie-ftrl
    ranklet rollback movie-ftrl --env prod --to 7
    ranklet rollback movie-ftrl --dry-run --json

    Refused where a table that the version reads is not whole any more. With provisioned concurrency Lambda provisions
    the earlier version before it sends it requests, which takes a minute or two. The stack still names the newer
    version: the next `ranklet deploy` goes on from there.

    Needs cloudformation:DescribeStacks, lambda:ListVersionsByFunction, ListAliases, GetAlias, UpdateAlias,
    GetFunctionConfiguration, GetProvisionedConcurrencyConfig, dynamodb:DescribeTable, DescribeContinuousBackups,
    ListTagsOfResource, GetItem; of a model whose tables are in S3 ssm:GetParameter, s3:ListBucket, GetObject. Exit code
    10 when there is no such version, or AWS refuses.
    """
    from ranklet.deploying import rollback as rolling
    from ranklet.deploying import stack

    here, environment, account = common.opened(env, region, endpoint)
    here.folders([model])
    with terminal.progress("rollback") as progress:
        progress("looking at what is deployed")
        move = rolling.plan(account, environment, stack.found(account, environment, model), to=to, force=force)
        if not dry_run:
            progress(f"to version {move.after}")
            rolling.carry_out(account, move)
    if as_json:
        terminal.emit(_document(move, done=not dry_run))
        return
    verb = "would go" if dry_run else "went"
    click.echo(f"{move.there.function}: {move.now.name} {verb} from version {move.before} to {move.after}")
    for line in _notes(move, common.flag(environment)):
        terminal.ERR.print(line, markup=False, soft_wrap=True)


def _document(move: Move, *, done: bool) -> dict[str, Any]:
    return {
        "model": move.there.model,
        "function": move.there.function,
        "alias": move.now.name,
        "from": {"function_version": str(move.before.number), "version": move.before.model},
        "to": {"function_version": str(move.after.number), "version": move.after.model},
        "tables": sorted(move.tables),
        "provisioned": move.provisioned.requested if move.provisioned else 0,
        "done": done,
    }


def _notes(move: Move, flag: str) -> list[str]:
    """What else is to be known."""
    model = move.there.model
    notes = []
    if move.tables:
        notes.append(f"its tables are all there: {', '.join(sorted(move.tables))}")
    if move.provisioned:
        notes.append(
            f"{move.provisioned.requested} environments are provisioned for the alias: Lambda now does so for version "
            f"{move.after.number}, `ranklet status {model}{flag}` says when they are ready"
        )
    notes.append(f"forward again: ranklet rollback {model}{flag} --to {move.before.number}")
    return notes
