"""`ranklet status` and `ranklet destroy` against moto."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from deploying_kit import FUNCTION, PLANTED, MotoAccount, deploy, make_stack, pushed, resources, run, shelved


def alarm() -> None:
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName="films-errors",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        MetricName="Errors",
        Namespace="AWS/Lambda",
        Period=60,
        Statistic="Sum",
        Threshold=1,
    )
    boto3.client("cloudwatch").set_alarm_state(AlarmName="films-errors", StateValue="ALARM", StateReason="test")


def test_status_shows_versions_tables_and_alarms(cloud: MotoAccount, project: Path, tmp_path: Path) -> None:
    table = pushed(tmp_path)
    deploy(versions=2, live=1, tables=table)
    alarm()
    (one,) = run("status", "--json").json
    assert (one["live"], one["newest"], one["version"]) == ("1", "2", "2")
    assert one["tables"] == {table: "complete"}
    assert one["alarms"] == {"films-errors": "ALARM"}
    assert one["provisioned"] is None
    assert one["url"] == "https://abc.execute-api.us-east-1.amazonaws.com"
    assert [version["number"] for version in one["versions"]] == [1, 2]
    shown = run("status", "films").stdout
    assert "1 ALARM" in shown and "1 complete" in shown and "held: 2" in shown


def test_what_is_not_deployed_is_said_and_a_named_one_ends_with_1(cloud: MotoAccount, project: Path) -> None:
    assert run("status", "--json").json == [{"model": "films", "deployed": False, "live": None, "newest": None}]
    assert run("status").code == 0
    assert run("status", "films").code == 1


def test_refused_call_names_the_action(cloud: MotoAccount, project: Path) -> None:
    deploy()
    PLANTED.answers["ListStackResources"] = ("AccessDenied", "not authorised")
    done = run("status", "films")
    assert done.code == 10
    assert "cloudformation:ListStackResources was refused" in done.stderr and "Traceback" not in done.stderr


def test_destroy_asks_and_a_no_changes_nothing(cloud: MotoAccount, project: Path) -> None:
    deploy()
    done = run("destroy", "films", answer="n\n")
    assert done.code == 1
    assert "Delete the stack films?" in done.stderr
    assert run("status", "films", "--json").json[0]["deployed"] is True


def test_destroy_lists_what_stays_and_keeps_tables(cloud: MotoAccount, project: Path, tmp_path: Path) -> None:
    table = pushed(tmp_path)
    deploy(tables=table)
    PLANTED.answers["ListStackResources"] = resources({"AWS::X::Kept": "kept-1", "AWS::Lambda::Version": "v"})
    done = run("destroy", "films", "--yes", "--json").json
    assert [one["id"] for one in done["kept"]] == ["kept-1"]
    assert done["deleted"] == 1
    assert done["tables"] == [{"physical": table, "deleted": False, "reason": "kept: --tables was not given"}]
    assert table in boto3.client("dynamodb").list_tables()["TableNames"]
    assert run("status", "--json").json[0]["deployed"] is False


def test_destroy_deletes_its_tables_when_they_are_asked_for(cloud: MotoAccount, project: Path, tmp_path: Path) -> None:
    table = pushed(tmp_path)
    deploy(tables=table)
    # moto's stack does not hold the function, which goes with it in AWS.
    PLANTED.answers["DeleteStack"] = lambda: boto3.client("lambda").delete_function(FunctionName=FUNCTION)
    done = run("destroy", "films", "--yes", "--tables", "--json").json
    assert done["tables"] == [{"physical": table, "deleted": True, "reason": "no function and no bundle names it"}]
    assert table not in boto3.client("dynamodb").list_tables()["TableNames"]


def test_destroy_keeps_tables_that_another_function_names(cloud: MotoAccount, project: Path, tmp_path: Path) -> None:
    table = pushed(tmp_path)
    deploy(tables=table)
    done = run("destroy", "films", "--yes", "--tables", "--json").json
    assert done["tables"][0]["deleted"] is False and "named by" in done["tables"][0]["reason"]


def test_shared_stack_goes_last(cloud: MotoAccount, project: Path) -> None:
    deploy()
    make_stack("ranklet-shared", {})
    done = run("destroy", "ranklet-shared", "--yes")
    assert done.code == 10 and "films is deployed and needs the shared stack" in done.stderr
    assert run("destroy", "films", "--yes").code == 0
    assert run("destroy", "ranklet-shared", "--yes").code == 0


def test_destroying_what_is_not_there_is_refused(cloud: MotoAccount, project: Path) -> None:
    done = run("destroy", "films", "--yes")
    assert done.code == 10 and "there is no stack films" in done.stderr


def test_tables_are_listed_of_the_environments_bucket(
    cloud: MotoAccount, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = shelved(tmp_path, "/ranklet/prod/snapshots/bucket")
    assert run("tables", "list", "--json").json == []
    monkeypatch.setenv("RANKLET_ENV", "prod")
    assert [one["physical"] for one in run("tables", "list", "--json").json] == [table]
