"""Which versions nobody needs any more, and how they are deleted. In doubt a version is kept, with the reason.

A version is needed when a kept version of a function names it (`deployed`), or a bundle of this checkout pins it, as it
may be deployed next. Functions are read once more when the decision is to be carried out: between the question and the
answer somebody may have deployed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ranklet.errors import TableError
from ranklet.tables import deployed, snapshots_there, versions
from ranklet.tables.calls import refused, until_answered
from ranklet.tables.deployed import Naming
from ranklet.tables.versions import Version

MIN_AGE = timedelta(days=1)
"""Younger versions are kept: one that was pushed just now is deployed next."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a version, and why."""

    version: Version
    delete: bool
    reason: str


@dataclass(frozen=True)
class Rules:
    """What is kept. keep: newest versions of each function beside those with an alias, None for all that exist.

    bundles: model → physical names that its bundle here pins. incomplete: interrupted loads go too, once they are old.
    """

    keep: int | None = None
    min_age: timedelta = MIN_AGE
    bundles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    incomplete: bool = False


def plan(found: Sequence[Version], namings: Sequence[Naming], rules: Rules, now: datetime) -> list[Verdict]:
    """A verdict for every version. namings: every version of every function of ranklet's.

    Raises TableError where a kept function version's tables are not known: any table could be its own.
    """
    needed = deployed.kept(list(namings), rules.keep)
    if doubts := [one for one in needed if one.tables is None]:
        more = f" (and {len(doubts) - 1} more)" if len(doubts) > 1 else ""
        raise TableError(
            f"nothing is deleted: which tables {doubts[0]} needs is not known: {doubts[0].doubt}{more}. Deploy it "
            "again, or delete that version of the function; --keep counts only the newest and those with an alias"
        )
    return [_verdict(one, needed, namings, rules, now) for one in found]


@dataclass(frozen=True)
class Services:
    """boto3's clients, and the bucket of snapshots where there is one."""

    functions: Any
    dynamodb: Any
    s3: Any = None
    bucket: str | None = None


def carry_out(verdicts: Sequence[Verdict], services: Services, rules: Rules) -> Iterator[Verdict]:
    """Delete what is to be deleted, after asking once more who names it; each verdict as it was carried out.

    Raises TableError where AWS refuses; what is deleted by then stays deleted.
    """
    needed = deployed.kept(deployed.read(services.functions), rules.keep)
    for verdict in verdicts:
        meanwhile = next((one for one in needed if one.tables is None or verdict.version.physical in one.tables), None)
        if not verdict.delete:
            yield verdict
        elif meanwhile is not None:
            yield Verdict(verdict.version, False, f"{meanwhile} was deployed meanwhile")
        elif verdict.version.store == "s3":
            assert services.bucket is not None
            snapshots_there.delete(services.s3, services.bucket, verdict.version.physical)
            yield verdict
        else:
            yield _drop(verdict, services.dynamodb)


def _verdict(one: Version, needed: Sequence[Naming], namings: Sequence[Naming], rules: Rules, now: datetime) -> Verdict:
    keep = _reason_to_keep(one, needed, rules, now)
    if keep is not None:
        return Verdict(one, False, keep)
    if one.state == "incomplete":
        return Verdict(one, True, f"not whole, and older than {_span(rules.min_age)}")
    lost = [str(who) for who in namings if who.tables and one.physical in who.tables]
    reason = f"only {_few(lost)} could go back to it" if lost else "no function and no bundle names it"
    return Verdict(one, True, reason)


def _reason_to_keep(one: Version, needed: Sequence[Naming], rules: Rules, now: datetime) -> str | None:
    if one.state == "leaving":
        return "it is being deleted already"
    if one.state == "foreign":
        return "its row __ranklet__ or its tags do not say that ranklet made it"
    if one.state == "unreadable":
        return "its row __ranklet__ cannot be read"
    if users := [str(who) for who in needed if who.tables and one.physical in who.tables]:
        return f"named by {_few(users)}"
    if models := [model for model, pinned in dict(rules.bundles).items() if one.physical in pinned]:
        return f"pinned by the bundle of {_few(sorted(models))} in this checkout"
    if rules.min_age and now - one.created < rules.min_age:
        return f"younger than {_span(rules.min_age)}"
    if one.state == "incomplete" and not rules.incomplete:
        return "being loaded, or a load was interrupted; --incomplete deletes it"
    return None


def _drop(verdict: Verdict, client: Any) -> Verdict:
    """Delete a table, whose protection is lifted first; only if it is the very table that was judged."""
    from botocore.exceptions import ClientError

    version, name = verdict.version, verdict.version.physical
    now = versions.describe(client, name)
    if now is None or now.state == "leaving":
        return Verdict(version, False, "gone already")
    if (now.id, now.created, now.state) != (version.id, version.created, version.state):
        return Verdict(version, False, "it was changed meanwhile")
    try:
        if now.protected:
            until_answered(name, client.update_table, TableName=name, DeletionProtectionEnabled=False)
        until_answered(name, client.delete_table, TableName=name)
    except ClientError as error:
        if refused(error) == "ResourceInUseException":
            return Verdict(version, False, "AWS is still changing it; run prune again")
        raise TableError(f"{name} cannot be deleted: {error}") from error
    return verdict


def _span(age: timedelta) -> str:
    return f"{age / timedelta(hours=1):g} h"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
