"""Move a model's alias to an earlier version of its function.

Each version pins its own tables, so model and embeddings go back as one; no data moves and nothing is built.

CloudFormation is not told: the stack still names the newer version. The next deployment of another version goes on from
there; one of the same version leaves the alias where it is, unless `ranklet deploy --forward` asks for it.

With provisioned concurrency the environments belong to the alias: Lambda provisions them anew for the earlier version.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ranklet.deploying import versions
from ranklet.deploying.account import Account
from ranklet.deploying.stack import Deployed
from ranklet.deploying.versions import Alias, Provisioned, Published
from ranklet.environment import Environment
from ranklet.errors import DeployError
from ranklet.tables import deployed, snapshots_there
from ranklet.tables import versions as table_versions
from ranklet.tables.deployed import Naming


@dataclass(frozen=True)
class Move:
    """A rollback that may be carried out. tables: what the earlier version reads, which is all there."""

    there: Deployed
    now: Alias
    before: Published
    after: Published
    tables: frozenset[str]
    provisioned: Provisioned | None


def plan(
    account: Account, environment: Environment, there: Deployed, *, to: int | None = None, force: bool = False
) -> Move:
    """Decide where to, and look whether that version can still serve.

    to: the version of the function, by default the one before. force: also while a release is shifting requests, and
    where the tables of that version are not known.
    Raises DeployError where there is no such version, a table of it is gone, or a release is under way; and for a
    funnel whose stages have functions of their own.
    """
    if stages := there.outputs.get("Stages"):
        raise DeployError(
            f"{there.model} has a function for each of {stages}, and the alias in front of them alone would go back: "
            "deploy the version before again, from its commit"
        )
    present, now = versions.published(account, there.function), versions.alias(account, there)
    if now.weights and not force:
        shares = ", ".join(f"{share:.0%} to {number}" for number, share in sorted(now.weights.items()))
        raise DeployError(
            f"{there.function}: {now.name} is shifting from version {now.number} ({shares}): stop that release first "
            "(CodeDeploy then rolls back by itself), or --force sends all requests to one version"
        )
    before, after = choose(present, now.number, to)
    tables = _tables(account, there, after, force=force)
    if gone := _gone(account, environment, tables):
        raise DeployError(
            f"version {after} reads {', '.join(gone)}, which is not whole any more: it would answer with defaults. "
            f"Push it again from that version (`ranklet tables push {there.model}`), or choose another by --to"
        )
    return Move(there, now, before, after, tables, versions.provisioned(account, there.function, there.alias))


def carry_out(account: Account, move: Move) -> Alias:
    """Move the alias, and read it back. Raises DeployError where somebody moved it meanwhile."""
    versions.move(account, move.there, move.now, move.after.number)
    now = versions.alias(account, move.there)
    if now.number != move.after.number:
        raise DeployError(f"{move.there.function}: {now.name} is at version {now.number}; somebody moved it meanwhile")
    return now


def choose(present: Sequence[Published], live: int, to: int | None) -> tuple[Published, Published]:
    """The version that is live, and the one to go to: `to`, or the newest before it. Raises DeployError for none."""
    numbers = {one.number: one for one in present}
    told = ", ".join(map(str, present)) or "none"
    before = numbers.get(live, Published(live, None, ""))
    if to is not None and to not in numbers:
        raise DeployError(f"there is no version {to}; there are: {told}")
    if to == live:
        raise DeployError(f"version {before} is live already; there are: {told}")
    older = [number for number in numbers if number < live]
    if to is None and not older:
        raise DeployError(f"there is no version before {before}, which is live; there are: {told}")
    return before, numbers[max(older) if to is None else to]


def _tables(account: Account, there: Deployed, after: Published, *, force: bool) -> frozenset[str]:
    naming = next((one for one in _namings(account, there) if one.version == str(after.number)), None)
    if naming is None or naming.tables is None:
        if force:
            return frozenset()
        doubt = naming.doubt if naming else "it is not listed"
        raise DeployError(f"which tables version {after} reads is not known: {doubt}; --force goes there all the same")
    return naming.tables


def _namings(account: Account, there: Deployed) -> list[Naming]:
    return list(deployed.of(account.functions, there.function))


def _gone(account: Account, environment: Environment, tables: frozenset[str]) -> list[str]:
    """Those that neither DynamoDB nor the bucket of snapshots holds whole."""
    found = {name: table_versions.describe(account.dynamodb, name) for name in sorted(tables)}
    gone = [name for name, one in found.items() if one is None or one.state != "complete"]
    bucket = deployed.bucket(account.ssm, environment.name) if gone else None
    if bucket is None:
        return gone
    whole = {one.physical for one in snapshots_there.every(account.s3, bucket) if one.state == "complete"}
    return [name for name in gone if name not in whole]
