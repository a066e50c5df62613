"""`ranklet rollback` against moto's Lambda, CloudFormation and DynamoDB."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from deploying_kit import FUNCTION, PLANTED, MotoAccount, deploy, pushed, run, shelved

from ranklet.deploying.rollback import choose
from ranklet.deploying.versions import Published
from ranklet.errors import DeployError


def live() -> str:
    return str(boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name="live")["FunctionVersion"])


def test_alias_goes_to_the_version_before_and_says_which_version_of_the_model_that_is(
    cloud: MotoAccount, project: Path
) -> None:
    deploy(versions=3)
    done = run("rollback", "films")
    assert done.code == 0, done.stderr
    assert live() == "2"
    assert "live went from version 3 (model version 4) to 2 (model version 3)" in done.stdout
    assert "forward again: ranklet rollback films --to 3" in done.stderr


def test_dry_run_moves_nothing_and_json_tells_both_versions(cloud: MotoAccount, project: Path) -> None:
    deploy(versions=3)
    done = run("rollback", "films", "--to", "1", "--dry-run", "--json").json
    assert live() == "3"
    assert done["from"] == {"function_version": "3", "version": "4"}
    assert done["to"] == {"function_version": "1", "version": "2"}
    assert done["done"] is False


def test_tables_of_that_version_are_looked_for_before_anything_moves(
    cloud: MotoAccount, project: Path, tmp_path: Path
) -> None:
    table = pushed(tmp_path)
    deploy(tables=table)
    assert run("rollback", "films", "--dry-run", "--json").json["tables"] == [table]
    dynamodb = boto3.client("dynamodb")
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=table)
    done = run("rollback", "films")
    assert done.code == 10
    assert table in done.stderr and "not whole any more" in done.stderr
    assert live() == "2"


def test_tables_may_lie_in_the_environments_bucket_of_snapshots(
    cloud: MotoAccount, project: Path, tmp_path: Path
) -> None:
    table = shelved(tmp_path, "/ranklet/prod/snapshots/bucket")
    deploy(tables=table, stack="prod-films")
    assert run("status", "films", "--env", "prod", "--json").json[0]["tables"] == {table: "complete (S3)"}
    done = run("rollback", "films", "--env", "prod")
    assert done.code == 0, done.stderr
    assert f"its tables are all there: {table}" in done.stderr


def test_provisioned_concurrency_is_said_to_move_along(cloud: MotoAccount, project: Path) -> None:
    deploy()
    PLANTED.answers["GetProvisionedConcurrencyConfig"] = {
        "RequestedProvisionedConcurrentExecutions": 5,
        "AvailableProvisionedConcurrentExecutions": 5,
        "Status": "READY",
    }
    done = run("rollback", "films")
    assert done.code == 0
    assert "5 environments are provisioned for the alias" in done.stderr


def test_release_that_is_shifting_requests_is_not_interfered_with(cloud: MotoAccount, project: Path) -> None:
    deploy()
    boto3.client("lambda").update_alias(
        FunctionName=FUNCTION, Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 0.9}}
    )
    done = run("rollback", "films")
    assert done.code == 10
    assert "live is shifting from version 2 (90% to 1)" in done.stderr
    assert run("rollback", "films", "--force").code == 0
    alias = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name="live")
    assert (alias["FunctionVersion"], alias["RoutingConfig"]["AdditionalVersionWeights"]) == ("1", {})


def test_environment_has_a_stack_of_its_own(cloud: MotoAccount, project: Path) -> None:
    deploy(stack="prod-films")
    done = run("rollback", "films")
    assert done.code == 10 and "there is no stack films in this region" in done.stderr
    done = run("rollback", "films", "--env", "prod")
    assert done.code == 0, done.stderr
    assert "ranklet rollback films --env prod --to 2" in done.stderr


def test_unknown_environment_and_model_are_named(cloud: MotoAccount, project: Path) -> None:
    done = run("rollback", "films", "--env", "qa")
    assert done.code == 2 and "no environment 'qa'" in done.stderr and "there are: prod" in done.stderr
    done = run("rollback", "songs")
    assert done.code == 2 and "no model songs" in done.stderr


VERSIONS = [Published(number, str(number), "") for number in (1, 2, 4)]


def test_the_newest_version_before_the_live_one_is_chosen() -> None:
    assert [one.number for one in choose(VERSIONS, 4, None)] == [4, 2]
    assert [one.number for one in choose(VERSIONS, 2, 4)] == [2, 4]


@pytest.mark.parametrize(
    ("live_now", "to", "said"),
    [(1, None, "no version before 1"), (4, 3, "no version 3; there are: 1"), (2, 2, "is live already")],
)
def test_versions_that_cannot_be_gone_to_are_refused(live_now: int, to: int | None, said: str) -> None:
    with pytest.raises(DeployError, match=said):
        choose(VERSIONS, live_now, to)
