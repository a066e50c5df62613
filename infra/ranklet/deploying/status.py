"""What is deployed of a model, as CloudFormation, Lambda, DynamoDB and CloudWatch tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ranklet.deploying import stack, versions
from ranklet.deploying.account import Account, asked
from ranklet.deploying.stack import Deployed
from ranklet.deploying.versions import Alias, Provisioned, Published
from ranklet.environment import Environment
from ranklet.tables import deployed, snapshots_there
from ranklet.tables import versions as table_versions

AT_ONCE = 100
"""Alarms that one DescribeAlarms takes."""


@dataclass(frozen=True)
class Status:
    """One model. newest: the version that the stack published last, which a rollback leaves behind.

    tables: what the live version reads → its state, "gone" where nothing holds it; None where that is not known.
    provisioned: of the alias. alarms: name → OK, ALARM or INSUFFICIENT_DATA.
    """

    there: Deployed
    newest: str | None
    aliases: tuple[Alias, ...]
    versions: tuple[Published, ...]
    tables: Mapping[str, str] | None
    provisioned: Provisioned | None
    alarms: Mapping[str, str]

    @property
    def live(self) -> Published | None:
        """The version behind the alias that the API calls."""
        number = next((one.number for one in self.aliases if one.name == self.there.alias), None)
        return next((one for one in self.versions if one.number == number), None)

    @property
    def held_back(self) -> bool:
        """Whether the alias is at another version than the one that was deployed last."""
        return self.live is not None and self.newest is not None and str(self.live.number) != self.newest


def read(account: Account, environment: Environment, model: str) -> Status | None:
    """What is deployed; None where there is no stack, or it has no function. Raises DeployError, TableError."""
    there = stack.find(account, environment, model)
    if there is None:
        return None
    held = stack.resources(account, there.stack)
    alarms = [one.id for one in held if one.kind in stack.ALARMS and one.id]
    if not there.function:
        return Status(there, None, (), (), None, None, _alarms(account, alarms))
    known = tuple(versions.aliases(account, there.function))
    return Status(
        there=there,
        newest=stack.version(held, there.function),
        aliases=known,
        versions=tuple(versions.published(account, there.function)),
        tables=_tables(account, environment, there, known),
        provisioned=versions.provisioned(account, there.function, there.alias),
        alarms=_alarms(account, alarms),
    )


def _tables(
    account: Account, environment: Environment, there: Deployed, known: tuple[Alias, ...]
) -> dict[str, str] | None:
    live = next((str(one.number) for one in known if one.name == there.alias), None)
    naming = next((one for one in deployed.of(account.functions, there.function) if one.version == live), None)
    if naming is None or naming.tables is None:
        return None
    found = {name: table_versions.describe(account.dynamodb, name) for name in sorted(naming.tables)}
    states = {name: "gone" if one is None else str(one.state) for name, one in found.items()}
    bucket = deployed.bucket(account.ssm, environment.name) if "gone" in states.values() else None
    if bucket is not None:
        in_s3 = {one.physical: f"{one.state} (S3)" for one in snapshots_there.every(account.s3, bucket)}
        states |= {name: in_s3[name] for name, state in states.items() if state == "gone" and name in in_s3}
    return states


def _alarms(account: Account, names: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(names), AT_ONCE):
        chosen = names[start : start + AT_ONCE]
        told = asked(
            "cloudwatch:DescribeAlarms",
            account.cloudwatch.describe_alarms,
            AlarmNames=chosen,
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
        )
        for one in (*told.get("MetricAlarms", []), *told.get("CompositeAlarms", [])):
            found[one["AlarmName"]] = one["StateValue"]
    return dict(sorted(found.items()))
