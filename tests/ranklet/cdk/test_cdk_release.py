"""A gradual release in the template: what moves the alias, what may stop it, and who may do what."""

from __future__ import annotations

import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from cdk_project import GOLDEN, Assembly, Synthesise, prove, write_bundle, write_hook, write_model

from ranklet import certificate, releasing
from ranklet.errors import BundleError, ModelError
from ranklet.golden import Golden
from ranklet.local.intrinsics import references
from ranklet.local.template import read
from ranklet.model import load
from ranklet.project import Project

CANARY = '[release]\nstrategy = "canary"\npercent = 20\nminutes = 7\n'
GROUP, ALARM = "AWS::CodeDeploy::DeploymentGroup", "AWS::CloudWatch::Alarm"


def write(project: Project, more: str, *, histogram: bool = True) -> None:
    """A model with its bundle, and what its hook asks; without alarms but those of its release."""
    write_model(project, "films", more=f"{more}\n[watch.alarms]\non = false\n")
    bundle = write_bundle(project, "films")
    if histogram:
        found = releasing.histogram(GOLDEN)
        assert found is not None
        document = json.loads((bundle / "manifest.json").read_text())
        document["histogram"] = {"edges": found.edges, "counts": found.counts}
        (bundle / "manifest.json").write_text(json.dumps(document))
        prove(bundle)
    write_hook(project, "films")


def statements(assembly: Assembly, action: str) -> list[tuple[dict[str, Any], list[str]]]:
    """Policies that grant an action, and its resources as text."""
    found = []
    for policy in assembly.properties("films", "AWS::IAM::Policy"):
        for one in policy["PolicyDocument"]["Statement"]:
            actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
            if action in actions:
                resources = one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]]
                found.append((policy, [assembly.text("films", resource) for resource in resources]))
    return found


def hook_of(assembly: Assembly) -> dict[str, Any]:
    (hook,) = [
        one
        for one in assembly.properties("films", "AWS::Lambda::Function")
        if one["Handler"] == "ranklet_runtime.hook.handler"
    ]
    return hook


def test_without_release_nothing_of_it_is_in_the_template(project: Project, synthesise: Synthesise) -> None:
    write(project, "")
    assembly = synthesise()
    kinds = {one["Type"] for one in assembly.template("films")["Resources"].values()}
    assert not [kind for kind in kinds if "CodeDeploy" in kind]
    (alias,) = assembly.resources("films", "AWS::Lambda::Alias")
    assert "UpdatePolicy" not in alias
    (function,) = assembly.properties("films", "AWS::Lambda::Function")
    assert not {"RANKLET_OBSERVE", "RANKLET_SHADOW"} & set(function["Environment"]["Variables"])


@pytest.mark.parametrize(
    ("more", "kind", "routing"),
    [
        (CANARY, "TimeBasedCanary", {"CanaryInterval": 7, "CanaryPercentage": 20}),
        ('[release]\nstrategy = "canary"', "TimeBasedCanary", {"CanaryInterval": 10, "CanaryPercentage": 10}),
        ('[release]\nstrategy = "linear"', "TimeBasedLinear", {"LinearInterval": 2, "LinearPercentage": 10}),
    ],
)
def test_codedeploy_moves_the_alias_as_model_toml_says(
    project: Project, synthesise: Synthesise, more: str, kind: str, routing: dict[str, int]
) -> None:
    write(project, more)
    assembly = synthesise()
    config = assembly.only("films", "AWS::CodeDeploy::DeploymentConfig")
    assert config["ComputePlatform"] == "Lambda"
    assert config["TrafficRoutingConfig"] == {"Type": kind, kind: routing}
    group = assembly.only("films", GROUP)
    assert group["AutoRollbackConfiguration"]["Enabled"]
    events = group["AutoRollbackConfiguration"]["Events"]
    assert set(events) == {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"}
    assert group["DeploymentStyle"] == {
        "DeploymentOption": "WITH_TRAFFIC_CONTROL",
        "DeploymentType": "BLUE_GREEN",
    }
    (alias,) = assembly.resources("films", "AWS::Lambda::Alias")
    policy = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert policy["DeploymentGroupName"] == {"Ref": assembly.logical("films", GROUP)}
    assert assembly.kind("films", policy["BeforeAllowTrafficHook"]["Ref"]) == "AWS::Lambda::Function"
    assert assembly.logical("films", GROUP) in alias["DependsOn"]


def test_it_goes_together_with_provisioned_concurrency_without_weights_in_the_template(
    project: Project, synthesise: Synthesise
) -> None:
    write(project, CANARY + '[warmth]\nkind = "provisioned"\ncount = 3\n')
    (alias,) = synthesise().resources("films", "AWS::Lambda::Alias")
    assert alias["Properties"]["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 3}
    assert "RoutingConfig" not in alias["Properties"]
    assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]


def test_a_local_cloud_gets_no_codedeploy_and_no_hook(project: Project, synthesise: Synthesise) -> None:
    write(project, CANARY)
    assembly = synthesise({"target": "local"})
    assert not assembly.resources("films", GROUP)
    assert not assembly.resources("films", ALARM)
    assert len(assembly.resources("films", "AWS::Lambda::Function")) == 1
    (alias,) = assembly.resources("films", "AWS::Lambda::Alias")
    assert "UpdatePolicy" not in alias


def test_local_cloud_plays_the_function_alone(project: Project, synthesise: Synthesise) -> None:
    write(project, CANARY + "[release.shadow]\nshare = 0.1\n")
    deployment = read(synthesise().folder)
    (function,) = deployment.functions
    assert (function.name, function.alias) == ("films", "live")
    assert function.environment["RANKLET_OBSERVE"] == "10"
    assert [reason.partition(": ")[2] for reason in deployment.skipped] == ["CodeDeploy, which asks it, is not played"]


def test_local_cloud_answers_with_a_candidate(project: Project, synthesise: Synthesise) -> None:
    write(project, "[release.shadow]\nshare = 0.1\nlive = 3\n")
    (function,) = read(synthesise().folder).functions
    assert (function.name, function.alias) == ("films", "live")


def test_the_hook_may_invoke_the_function_and_tell_the_group_and_nothing_else(
    project: Project, synthesise: Synthesise
) -> None:
    write(project, CANARY)
    assembly = synthesise()
    hook = hook_of(assembly)
    role = hook["Role"]["Fn::GetAtt"][0]
    ((tells, groups),) = statements(assembly, "codedeploy:PutLifecycleEventHookExecutionStatus")
    assert tells["Roles"] == [{"Ref": role}]
    assert len(groups) == 1
    assert ":deploymentgroup:" in groups[0]
    assert "*" not in groups[0]
    own = {
        action
        for policy in assembly.properties("films", "AWS::IAM::Policy")
        if policy["Roles"] == [{"Ref": role}]
        for one in policy["PolicyDocument"]["Statement"]
        for action in (one["Action"] if isinstance(one["Action"], list) else [one["Action"]])
    }
    assert own == {
        "codedeploy:PutLifecycleEventHookExecutionStatus",
        "lambda:InvokeFunction",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    variables = hook["Environment"]["Variables"]
    assert assembly.kind("films", variables["RANKLET_VERSION"]["Fn::GetAtt"][0]) == "AWS::Lambda::Version"
    checked = variables["RANKLET_FUNCTION"]["Ref"]
    assert (
        assembly.template("films")["Resources"][checked]["Properties"]["Handler"] == "ranklet_runtime.handler.handler"
    )


def test_the_alias_waits_for_what_the_hook_may_do(project: Project, synthesise: Synthesise) -> None:
    write(project, CANARY)
    assembly = synthesise()
    ((policy, _),) = statements(assembly, "codedeploy:PutLifecycleEventHookExecutionStatus")
    (alias,) = assembly.resources("films", "AWS::Lambda::Alias")
    resources = assembly.template("films")["Resources"]
    (name,) = [name for name, one in resources.items() if one.get("Properties") == policy]
    assert name in alias["DependsOn"]


def test_codedeploy_may_move_one_function_s_aliases_and_has_no_managed_policy(
    project: Project, synthesise: Synthesise
) -> None:
    write(project, CANARY)
    assembly = synthesise()
    ((_, resources),) = statements(assembly, "lambda:UpdateAlias")
    assert resources == ["{AWS::Lambda::Function.Arn}", "{AWS::Lambda::Function.Arn}:live"]
    assert all("ManagedPolicyArns" not in role for role in assembly.properties("films", "AWS::IAM::Role"))


def test_the_hook_s_code_is_the_golden_requests_alone(project: Project, synthesise: Synthesise) -> None:
    write(project, CANARY)
    assembly = synthesise()
    key = hook_of(assembly)["Code"]["S3Key"]
    assets = json.loads((assembly.folder / "films.assets.json").read_text())["files"]
    folder = assembly.folder / assets[key.removesuffix(".zip")]["source"]["path"]
    assert [path.name for path in folder.iterdir()] == ["golden.json"]
    document = json.loads((folder / "golden.json").read_text())
    assert document["path"] == "/v1/models/films:rank"
    assert len(document["rows"]) == releasing.MOST_ROWS
    assert document["bound"] == 1e-6


def test_alarms_look_at_the_new_version_alone(project: Project, synthesise: Synthesise) -> None:
    write(project, CANARY)
    assembly = synthesise()
    alarms = assembly.properties("films", ALARM)
    group = assembly.only("films", GROUP)
    assert len(group["AlarmConfiguration"]["Alarms"]) == len(alarms) == 6
    version = {"Fn::GetAtt": [assembly.logical("films", "AWS::Lambda::Version"), "Version"]}
    for alarm in alarms:
        assert alarm["TreatMissingData"] == "notBreaching"
        several = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
        for metric in several or [alarm]:
            names = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
            if metric["MetricName"] == "Throttles":
                continue
            if "release" in names:
                parts = names["release"]["Fn::Join"][1]
                assert (assembly.kind("films", parts[0]["Ref"]), parts[1:]) == ("AWS::Lambda::Function", [":", version])
            else:
                assert names["ExecutedVersion"] == version
        assert len(several) <= 10
    (slow,) = [alarm for alarm in alarms if alarm.get("MetricName") == "Duration"]
    assert slow["Threshold"] == 1000  # the default of [limits] deadline_ms
    assert slow["ExtendedStatistic"] == "p99"


def test_an_alarm_of_zero_is_none(project: Project, synthesise: Synthesise) -> None:
    off = "[release.alarms]\nerrors = 0\np99_ms = 0\nthrottles = 0\ndegraded = 0\nscore_shift = 0\n"
    write(project, CANARY + off)
    assembly = synthesise()
    assert not assembly.resources("films", ALARM)
    events = assembly.only("films", GROUP)["AutoRollbackConfiguration"]["Events"]
    assert "DEPLOYMENT_STOP_ON_ALARM" not in events


def test_without_a_histogram_there_is_no_alarm_on_it_and_that_is_said(project: Project, synthesise: Synthesise) -> None:
    write(project, CANARY, histogram=False)
    assembly = synthesise()
    assert len(assembly.resources("films", ALARM)) == 5
    report = (assembly.folder / "validation-report.json").read_text()
    assert "no alarm looks at their distribution" in report


def test_without_check_there_is_no_hook(project: Project, synthesise: Synthesise) -> None:
    write(project, CANARY + "check = false\n")
    assembly = synthesise()
    assert len(assembly.resources("films", "AWS::Lambda::Function")) == 1
    (alias,) = assembly.resources("films", "AWS::Lambda::Alias")
    assert "BeforeAllowTrafficHook" not in alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]


def test_a_shadow_may_invoke_the_candidate_alias_alone(project: Project, synthesise: Synthesise) -> None:
    write(project, "[api]\nversions = false\n[release.shadow]\nshare = 0.05\n")
    assembly = synthesise()
    ((_, resources),) = statements(assembly, "lambda:InvokeFunction")
    assert resources == ["{AWS::Lambda::Function.Arn}:candidate"]
    assert assembly.only("films", "AWS::Lambda::Function")["Environment"]["Variables"]["RANKLET_SHADOW"] == (
        "0.05@candidate"
    )
    assert [one["Name"] for one in assembly.properties("films", "AWS::Lambda::Alias")] == ["live"]


def test_with_a_live_version_what_is_deployed_is_the_candidate(project: Project, synthesise: Synthesise) -> None:
    write(project, "[release.shadow]\nshare = 0.05\nlive = 12\n")
    assembly = synthesise()
    aliases = {one["Name"]: one["FunctionVersion"] for one in assembly.properties("films", "AWS::Lambda::Alias")}
    version = {"Fn::GetAtt": [assembly.logical("films", "AWS::Lambda::Version"), "Version"]}
    assert aliases["candidate"] == version
    assert aliases["live"] == "12"
    retries = assembly.only("films", "AWS::Lambda::EventInvokeConfig")
    assert retries["MaximumRetryAttempts"] == 0
    assert "Candidate" in json.dumps(retries["Qualifier"])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('[release]\nstrategy = "blue-green"', "release.strategy"),
        ("[release]\npercent = 10", "percent goes with"),
        ("[release]\nminutes = 10", "minutes goes with"),
        ("[release]\ncheck = true", "check goes with"),
        ("[release.alarms]\nerrors = 2", "alarms goes with"),
        ('[release]\nstrategy = "canary"\npercent = 100', "release.percent"),
        ('[release]\nstrategy = "linear"\nminutes = 0', "release.minutes"),
        ('[release]\nstrategy = "linear"\nevery = 0', "release.every"),
        ('[release]\nstrategy = "linear"\npercent = 1\nminutes = 30', "minutes = 30 and percent = 1 take 2970 minutes"),
        ("[release.shadow]\nshare = 0.0", "release.shadow.share"),
        ("[release.shadow]\nshare = 1.5", "release.shadow.share"),
        ("[release.shadow]\nlive = 3", "share"),
        ('[release]\nstrategy = "canary"\n[release.shadow]\nshare = 0.1\nlive = 3', "shadow.live keeps the alias"),
        ('[release]\nstrategy = "canary"\n[release.alarms]\ndegraded = 101', "release.alarms.degraded"),
    ],
)
def test_what_does_not_go_together_is_refused_by_its_field(project: Project, more: str, words: str) -> None:
    folder = write_model(project, "films", more=more)
    with pytest.raises(ModelError) as raised:
        load(folder)
    assert words in str(raised.value)


def test_a_check_without_the_native_form_is_refused(project: Project, synthesise: Synthesise) -> None:
    write(project, CANARY + '[api]\ndialects = ["tfserving"]\n')
    with pytest.raises(ModelError, match=r"\[release\] check asks in the native form"):
        synthesise()


def test_requests_of_another_build_are_refused(project: Project, synthesise: Synthesise) -> None:
    write(project, CANARY)
    (project.bundle("films") / "weights.npz").write_bytes(b"\x01" * 64)
    prove(project.bundle("films"))
    with pytest.raises(BundleError, match="of another build; run `ranklet build films`"):
        synthesise()


def test_no_requests_are_refused(project: Project, synthesise: Synthesise) -> None:
    write(project, CANARY)
    (project.build / releasing.HOOKS / "films" / "golden.json").unlink()
    with pytest.raises(BundleError, match="run `ranklet build films`"):
        synthesise()


def test_requests_that_are_too_large_stay_behind(project: Project, tmp_path: Path) -> None:
    model = load(write_model(project, "films", more=CANARY))
    bundle = write_bundle(project, "films")
    large = Golden({"age": "x" * releasing.MOST_BYTES}, {}, {"movie_id": [1]}, (0.5,))
    releasing.write(model, [large], certificate.read(bundle), tmp_path / "hook")
    with pytest.raises(BundleError, match="every golden request is larger"):
        releasing.hook(model, certificate.read(bundle), tmp_path / "hook")
    releasing.write(model, [large, GOLDEN[0]], certificate.read(bundle), tmp_path / "hook")
    document = json.loads((tmp_path / "hook" / "golden.json").read_text())
    assert [row["scores"] for row in document["rows"]] == [list(GOLDEN[0].scores)]


@pytest.mark.parametrize(
    "more",
    [
        '[warmth]\nkind = "provisioned"\ncount = 3\nmax = 9\n[release.shadow]\nshare = 0.1\n',
        '[warmth]\nkind = "snapstart"\n[api]\nkind = "url"\n',
        '[api]\nkind = "rest"\n',
    ],
)
def test_cfn_lint_finds_nothing_and_nothing_waits_for_itself(
    project: Project, synthesise: Synthesise, more: str
) -> None:
    write(project, CANARY + more)
    assembly = synthesise()
    script = "import sys; from cfnlint.runner import main; sys.exit(main())"
    options = ["--ignore-checks", "W3005", "--regions", "us-east-1", "--", str(assembly.folder / "films.template.json")]
    done = subprocess.run([sys.executable, "-c", script, *options], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    waits = {
        name: set(references(one.get("Properties"))) | set(references(one.get("UpdatePolicy"))) | set(_depends(one))
        for name, one in assembly.template("films")["Resources"].items()
    }
    assert list(TopologicalSorter(waits).static_order())


def _depends(resource: dict[str, Any]) -> list[str]:
    names = resource.get("DependsOn", [])
    return [names] if isinstance(names, str) else names
