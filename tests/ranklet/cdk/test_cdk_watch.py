"""`[watch]` in the templates: alarms, dashboards and queries, all held to what the runtime really writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from cdk_project import Assembly, Synthesise, manifest, prove, table, write_bundle, write_model
from emitted import REFERENCE, WATCH, Emitted, emitted

from ranklet.constructs.queries import OF_HEALTH, QUERIES
from ranklet.errors import ModelError
from ranklet.project import Project

ALARM, TOPIC, DASHBOARD = "AWS::CloudWatch::Alarm", "AWS::SNS::Topic", "AWS::CloudWatch::Dashboard"
QUERY = "AWS::Logs::QueryDefinition"
SHARED = "ranklet-shared"
PROVISIONED = '[warmth]\nkind = "provisioned"\ncount = 2\n'
ALWAYS = {"Errors", "Faults", "Throttles", "P99", "NonFiniteScores"}
OF_TABLES = {"DegradedRequests", "UnavailableRequests"}

Metric = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Emitted:
    return emitted(tmp_path_factory.mktemp("emitted") / "bundle")


@pytest.fixture
def watched(project: Project, synthesise: Synthesise) -> Assembly:
    """A model with everything that can be looked at."""
    write(project, PROVISIONED, tables=True, watch={**WATCH, "references": {"movie_id": REFERENCE}})
    return synthesise()


def write(project: Project, more: str = "", *, tables: bool = False, watch: dict[str, Any] | None = None) -> None:
    write_model(project, "films", more=more)
    pinned = {"item": table("item", placement="dynamodb")} if tables else {}
    bundle = write_bundle(project, "films", tables=pinned)
    if watch is not None:
        document = {**manifest("films", engine="linear", tables=pinned), "watch": watch}
        (bundle / "manifest.json").write_text(json.dumps(document))
        prove(bundle)


def alarms(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """Alarms by the name of their construct."""
    found = assembly.resources("films", ALARM)
    return {one["Metadata"]["aws:cdk:path"].split("/")[-2]: one["Properties"] for one in found}


def of_alarm(alarm: dict[str, Any]) -> Iterator[Metric]:
    if "Metrics" not in alarm:
        yield alarm["Namespace"], alarm["MetricName"], {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
    for one in alarm.get("Metrics", ()):
        if "MetricStat" in one:
            metric = one["MetricStat"]["Metric"]
            yield (
                metric["Namespace"],
                metric["MetricName"],
                {each["Name"]: each["Value"] for each in metric["Dimensions"]},
            )


def body(assembly: Assembly, stack: str) -> dict[str, Any]:
    text: dict[str, Any] = json.loads(
        assembly.text(stack, assembly.only(stack, DASHBOARD)["DashboardBody"]).replace("\n", " ")
    )
    return text


def of_dashboard(dashboard: dict[str, Any]) -> Iterator[Metric]:
    for widget in dashboard["widgets"]:
        for row in widget["properties"].get("metrics", ()):
            if isinstance(row[0], str):
                parts = [part for part in row if isinstance(part, str)]
                yield parts[0], parts[1], dict(zip(parts[2::2], parts[3::2], strict=True))


def test_every_alarm_tells_the_topic_and_says_what_no_data_means(watched: Assembly) -> None:
    found = alarms(watched)
    assert found.keys() == ALWAYS | OF_TABLES | {"Spillover", "Drift-movie_id"}
    for alarm in found.values():
        for actions in (alarm["AlarmActions"], alarm["OKActions"]):
            assert [watched.text("films", one) for one in actions] == ["{/ranklet/alarms/topic}"]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmDescription"].startswith("films: ")
        assert alarm["Threshold"] > 0
        assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]
        assert "AlarmName" not in alarm


def test_metrics_of_alarms_and_dashboards_are_those_that_are_written(watched: Assembly, real: Emitted) -> None:
    named = [metric for alarm in alarms(watched).values() for metric in of_alarm(alarm)]
    named += [*of_dashboard(body(watched, "films")), *of_dashboard(body(watched, SHARED))]
    ours = {(name, tuple(sorted(by))) for namespace, name, by in named if namespace == "ranklet"}
    assert len(ours) > 30
    assert "RANKLET_METRICS" not in watched.only("films", "AWS::Lambda::Function")["Environment"]["Variables"]
    assert ours <= real.metrics, ours - real.metrics
    assert all(by["model"] == "films" for namespace, _, by in named if namespace == "ranklet")


def test_lambdas_own_metrics_are_those_of_the_alias(watched: Assembly) -> None:
    """Names: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"""
    named = [metric for alarm in alarms(watched).values() for metric in of_alarm(alarm)]
    lambdas = [(name, by) for namespace, name, by in named if namespace == "AWS/Lambda"]
    assert {name for name, _ in lambdas} == {
        "Errors",
        "Invocations",
        "Throttles",
        "Duration",
        "ProvisionedConcurrencySpilloverInvocations",
    }
    for _, by in lambdas:
        assert watched.text("films", by["FunctionName"]) == "{AWS::Lambda::Function}"
        assert watched.text("films", by["Resource"]) == "{AWS::Lambda::Function}:live"


def test_shares_are_of_all_requests_and_nothing_where_there_was_none(watched: Assembly) -> None:
    (expression,) = [one for one in alarms(watched)["Faults"]["Metrics"] if "Expression" in one]
    assert expression["Expression"] == "100 * FILL(part, 0) / part_of"
    metrics = {name for _, name, _ in of_alarm(alarms(watched)["Faults"])}
    assert metrics == {"Faults", "Requests"}


def test_what_a_model_does_not_have_raises_no_alarm(project: Project, synthesise: Synthesise) -> None:
    write(project)
    found = alarms(synthesise())
    assert found.keys() == ALWAYS
    assert found["P99"]["Threshold"] == 1000  # [limits] deadline_ms


def test_thresholds_are_the_authors_and_none_is_no_alarm(project: Project, synthesise: Synthesise) -> None:
    write(project, "[watch.alarms]\nerrors = 5.0\np99_ms = 80\nthrottles = 0\nfaults = 0\n")
    found = alarms(synthesise())
    assert found.keys() == {"Errors", "P99", "NonFiniteScores"}
    assert (found["Errors"]["Threshold"], found["P99"]["Threshold"]) == (5, 80)
    assert found["P99"]["ExtendedStatistic"] == "p99"


def test_all_of_it_can_be_turned_off(project: Project, synthesise: Synthesise) -> None:
    write(project, "[watch]\ndashboard = false\nqueries = false\n[watch.alarms]\non = false\n")
    assembly = synthesise()
    for kind in (ALARM, DASHBOARD, QUERY, TOPIC):
        assert assembly.resources("films", kind) == []
        assert assembly.resources(SHARED, kind) == []


def test_a_topic_of_ones_own_is_told_and_none_is_made(project: Project, synthesise: Synthesise) -> None:
    arn = "arn:aws:sns:eu-central-1:123456789012:oncall"
    write(project, f'[watch]\ntopic = "{arn}"\n')
    assembly = synthesise()
    assert {tuple(alarm["AlarmActions"]) for alarm in alarms(assembly).values()} == {(arn,)}
    assert assembly.resources(SHARED, TOPIC) == []


def test_the_topic_takes_alarms_of_this_account_by_tls_alone(project: Project, synthesise: Synthesise) -> None:
    write(project)
    assembly = synthesise({"alarm_email": "oncall@example.com"})
    subscription = assembly.only(SHARED, "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "oncall@example.com")
    deny, allow = assembly.only(SHARED, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert (allow["Effect"], allow["Action"]) == ("Allow", "sns:Publish")
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_without_a_mail_nobody_is_subscribed(watched: Assembly) -> None:
    assert watched.resources(SHARED, "AWS::SNS::Subscription") == []


def test_the_fleets_dashboard_has_all_models_whichever_are_synthesised(
    project: Project, synthesise: Synthesise
) -> None:
    write(project)
    write_model(project, "towers")
    write_model(project, "quiet", more="[watch]\ndashboard = false\n")
    assembly = synthesise({"models": "films"})
    models = {by["model"] for namespace, _, by in of_dashboard(body(assembly, SHARED)) if namespace == "ranklet"}
    assert models == {"films", "towers"}


def test_a_dashboard_shows_what_the_model_has(watched: Assembly) -> None:
    titles = [one["properties"].get("title") for one in body(watched, "films")["widgets"]]
    assert titles == [
        "Alarms",
        "Requests",
        "Latency, milliseconds",
        "Faults",
        "Time by phase, p50, microseconds",
        "Requests with defaults",
        "Environments",
        "Table item: rows",
        "Table item: reads",
        "Inputs, percent",
        "Inputs against training (PSI)",
    ]


def test_queries_read_this_models_log_in_a_folder_of_its_stack(watched: Assembly) -> None:
    found = {one["Name"]: one for one in watched.properties("films", QUERY)}
    assert found.keys() == {f"films/{name}" for name in QUERIES | OF_HEALTH}
    for one in found.values():
        assert [watched.text("films", name) for name in one["LogGroupNames"]] == ["{AWS::Logs::LogGroup}"]


OWN = {"count", "sum", "avg", "max", "by", "bin", "as", "desc", "and", "or", "like", "ispresent", "limit", "h"}
COMMANDS = {"fields", "filter", "stats", "sort"}


def test_queries_name_fields_that_are_written(real: Emitted) -> None:
    known = set(OWN | COMMANDS)
    for one in (*real.lines, *real.documents):
        known |= set(_fields(one))
    known |= {"exception"}  # of Powertools' Logger, with an error of ours
    for name, text in (QUERIES | OF_HEALTH).items():
        plain = re.sub(r'"[^"]*"|/[^/]*/(?= *\n|$)|@\w+', " ", text)
        aliases = set(re.findall(r"\bas (\w+)", plain))
        words = {word for word in re.findall(r"[A-Za-z_][\w.]*", plain) if not word.isdigit()}
        assert words - aliases <= known, (name, words - aliases - known)


def _fields(document: dict[str, Any], before: str = "") -> Iterator[str]:
    """As Logs Insights discovers them: `a.b` of objects, `a.0` of lists."""
    for name, value in document.items():
        yield before + name
        if isinstance(value, dict):
            yield from _fields(value, f"{before}{name}.")
        elif isinstance(value, list):
            yield from (f"{before}{name}.{at}" for at in range(len(value)))


def test_a_stand_in_for_aws_gets_no_queries_and_no_formulas(project: Project, synthesise: Synthesise) -> None:
    write(project, tables=True)
    assembly = synthesise({"target": "local"})
    assert assembly.resources("films", QUERY) == []
    assert alarms(assembly).keys() == {"Throttles", "P99", "NonFiniteScores"}


def test_an_environment_changes_thresholds_and_not_what_the_bundle_holds(
    project: Project, synthesise: Synthesise
) -> None:
    write(project)
    folder = project.root / "infra" / "environments"
    folder.mkdir(parents=True)
    (folder / "prod.toml").write_text("[watch]\nalarms = { p99_ms = 70 }\n")
    assembly = synthesise({"env": "prod"})
    stack = next(path.name.removesuffix(".template.json") for path in assembly.folder.glob("*films.template.json"))
    durations = [one for one in assembly.properties(stack, ALARM) if one.get("MetricName") == "Duration"]
    assert [one["Threshold"] for one in durations] == [70]
    # In one account the metrics of several environments would be the same ones.
    called = {by["model"] for _, _, by in of_dashboard(body(assembly, stack)) if "model" in by}
    function = assembly.only(stack, "AWS::Lambda::Function")
    assert called == {function["Environment"]["Variables"]["RANKLET_METRICS"]} == {"prod-films"}
    (folder / "prod.toml").write_text("[watch]\nsample = 1.0\n")
    with pytest.raises(ModelError, match=r"prod: watch.sample is part of the bundle"):
        synthesise({"env": "prod"})
