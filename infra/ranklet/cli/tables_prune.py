"""`ranklet tables prune`: delete what no function names."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from ranklet.cli import tables_common as common
from ranklet.cli import tables_list, terminal

if TYPE_CHECKING:
    from ranklet.tables.prune import Verdict

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _age(ctx: click.Context, parameter: click.Parameter, text: str) -> timedelta:
    """`90m`, `36h`, `7d`; `0` for none."""
    if text == "0":
        return timedelta()
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no age; write 90m, 36h, 7d or 0")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


@click.command()
@click.argument("table", required=False)
@click.option(
    "--keep",
    type=click.IntRange(0),
    metavar="N",
    help="Of each function count only the newest N versions, beside those that an alias names [all that exist].",
)
@click.option(
    "--min-age", callback=_age, default="1d", show_default=True, help="Keep what is younger: 90m, 36h, 7d, or 0."
)
@click.option("--incomplete", is_flag=True, help="Delete interrupted loads too, once they are older than --min-age.")
@click.option("--bucket", help="Of snapshots; by default the one of the shared stack.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted and why, delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common.where
@terminal.as_json
def prune(
    table: str | None,
    keep: int | None,
    min_age: timedelta,
    incomplete: bool,
    bucket: str | None,
    dry_run: bool,
    yes: bool,
    region: str | None,
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Delete the versions (of all tables, or of TABLE) that no alias and no kept function version names.

    \b
    ranklet tables prune --dry-run
    ranklet tables prune --keep 3
    ranklet tables prune films --keep 3 --min-age 7d --yes --json

    Lambda keeps every version that was ever published, and each names its tables; --keep lets those of old versions go,
    to which there is no rollback afterwards. Kept besides: what a bundle of this checkout pins, what is young, what is
    being loaded, what ranklet did not make. Where a function's tables cannot be read nothing is deleted at all.
    Deletion protection is lifted; of a restorable table AWS keeps a last backup for 35 days. Functions are looked for
    in this account and region alone.

    Needs what `list` needs, and dynamodb:UpdateTable, DeleteTable, s3:DeleteObject. Exit code 1 when the question is
    answered with no, 7 when something cannot be read or deleted.
    """
    from ranklet.tables import deployed
    from ranklet.tables import prune as pruning

    aws = common.aws(region, endpoint)
    bucket = bucket or tables_list.bucket_of(aws)
    rules = pruning.Rules(keep, min_age, common.bundles(), incomplete)
    with terminal.progress("prune") as progress:
        progress("reading what is there")
        found = tables_list.versions(aws, table, bucket)
        progress("reading who names it")
        verdicts = pruning.plan(found, deployed.read(aws.functions), rules, datetime.now(UTC))
    doomed = [one for one in verdicts if one.delete]
    if dry_run or not doomed:
        _show(verdicts, as_json, "would be deleted" if dry_run else "deleted")
        return
    if not yes:
        _ask(doomed)
    services = pruning.Services(aws.functions, aws.dynamodb, aws.s3 if bucket else None, bucket)
    done = []
    with common.bars() as bar:
        moves = bar("deleting")
        for verdict in pruning.carry_out(verdicts, services, rules):
            done.append(verdict)
            moves(len(done), len(verdicts))
    _show(done, as_json, "deleted")


def _ask(doomed: list[Verdict]) -> None:
    for one in doomed:
        terminal.ERR.print(f"{one.version.physical}: {one.reason}", markup=False, soft_wrap=True)
    dollars = sum(one.version.dollars for one in doomed)
    click.confirm(f"Delete these {len(doomed)} versions (${dollars:.2f} a month)?", abort=True, err=True)


def _show(verdicts: list[Verdict], as_json: bool, deleted: str) -> None:
    if as_json:
        terminal.emit(
            [dataclasses.asdict(one.version) | {"delete": one.delete, "reason": one.reason} for one in verdicts]
        )
        return
    rows = [
        [
            one.version.physical + (" (S3)" if one.version.store == "s3" else ""),
            deleted if one.delete else "kept",
            one.reason,
            f"{one.version.dollars:.4f}",
        ]
        for one in verdicts
    ]
    terminal.show("Versions", ["version", "", "because", "$/month:"], rows)
