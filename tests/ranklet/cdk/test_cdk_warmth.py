"""What is kept ready: provisioned environments that scale, snapshots, or nothing, and what does not go together."""

from __future__ import annotations

import pytest
from cdk_project import Assembly, Synthesise, write_bundle, write_model

from ranklet.errors import ModelError
from ranklet.project import Project

SCALING = """
[warmth]
kind = "provisioned"
count = 2
max = 20
utilisation = 0.6

[[warmth.schedules]]
cron = "0 8 ? * MON-FRI *"
min = 10
timezone = "Europe/Vienna"

[[warmth.schedules]]
cron = "0 20 ? * MON-FRI *"
min = 2
max = 5
"""
TARGET, POLICY = "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"
KINDS = (TARGET, POLICY, "AWS::IAM::ServiceLinkedRole")


def synthesised(project: Project, synthesise: Synthesise, more: str, **context: str) -> Assembly:
    write_model(project, "films", more=more)
    write_bundle(project, "films")
    return synthesise(context)


def test_environments_follow_their_utilisation_and_the_clock(project: Project, synthesise: Synthesise) -> None:
    assembly = synthesised(project, synthesise, SCALING)
    alias = assembly.only("films", "AWS::Lambda::Alias")
    assert alias["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 2}
    target = assembly.only("films", TARGET)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 20)
    assert target["ScalableDimension"] == "lambda:function:ProvisionedConcurrency"
    keys = ("Schedule", "Timezone", "ScalableTargetAction")
    assert [{key: one.get(key) for key in keys} for one in target["ScheduledActions"]] == [
        {
            "Schedule": "cron(0 8 ? * MON-FRI *)",
            "Timezone": "Europe/Vienna",
            "ScalableTargetAction": {"MinCapacity": 10},
        },
        {
            "Schedule": "cron(0 20 ? * MON-FRI *)",
            "Timezone": "Etc/UTC",
            "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 5},
        },
    ]
    tracking = assembly.only("films", POLICY)["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 0.6
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"
    }


def test_a_local_aws_gets_the_environments_and_nothing_that_scales_them(
    project: Project, synthesise: Synthesise
) -> None:
    assembly = synthesised(project, synthesise, SCALING, target="local")
    assert assembly.only("films", "AWS::Lambda::Alias")["ProvisionedConcurrencyConfig"]
    assert not [one for kind in KINDS for one in assembly.resources("films", kind)]


def test_a_fixed_number_has_nothing_that_scales_it(assembly: Assembly) -> None:
    assert not [one for stack in ("films", "towers") for kind in KINDS for one in assembly.resources(stack, kind)]


def test_schedules_alone_track_no_utilisation(project: Project, synthesise: Synthesise) -> None:
    more = '[warmth]\nkind = "provisioned"\ncount = 3\nschedules = [{ cron = "0 8 * * ? *", min = 5, max = 9 }]\n'
    assembly = synthesised(project, synthesise, more)
    target = assembly.only("films", TARGET)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 3)
    assert not assembly.resources("films", POLICY)


def test_snapstart_is_of_published_versions_and_nothing_is_provisioned(
    project: Project, synthesise: Synthesise
) -> None:
    assembly = synthesised(project, synthesise, '[warmth]\nkind = "snapstart"\n[function]\narchitecture = "arm64"\n')
    assert assembly.only("films", "AWS::Lambda::Function")["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert "ProvisionedConcurrencyConfig" not in assembly.only("films", "AWS::Lambda::Alias")


def test_without_it_no_snapshot_is_taken(assembly: Assembly) -> None:
    for stack in ("films", "towers", "public"):
        assert "SnapStart" not in assembly.only(stack, "AWS::Lambda::Function")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('kind = "snapstart"\ncount = 2', r"count = 2 goes with kind = \"provisioned\" alone.*\$\.warmth"),
        ('kind = "provisioned"', r"count = 0 goes with kind = \"provisioned\" alone, where it is at least 1"),
        ('kind = "snapstart"\nmax = 2', r"max goes with kind = \"provisioned\" alone"),
        ("utilisation = 0.5", r"utilisation goes with kind"),
        ('kind = "provisioned"\ncount = 5\nmax = 4', r"max = 4 is below count = 5"),
        ('kind = "provisioned"\ncount = 5\nutilisation = 0.5', r"utilisation = 0.5 .*there is no max"),
        ('kind = "provisioned"\ncount = 5\nmax = 9\nutilisation = 0.95', r"\$\.warmth\.utilisation"),
        ('kind = "warm"', r"Invalid enum value 'warm' - at `\$\.warmth\.kind`"),
        ('schedules = [{ cron = "0 8 * * ? *", min = 1 }]', r"schedules goes with kind"),
    ],
)
def test_what_does_not_go_together_is_refused_by_its_field(
    project: Project, synthesise: Synthesise, more: str, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        synthesised(project, synthesise, f"[warmth]\n{more}\n")


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ('cron = "0 8 * * *", min = 1', r"not six fields.*\$\.warmth\.schedules\[0\]"),
        ('cron = "0 8 * * MON *", min = 1', r"exclude each other"),
        ('cron = "0 8 ? * ? *", min = 1', r"exclude each other"),
        ('cron = "0 8 * * ? *", min = 3, max = 2', r"max = 2 is below min = 3"),
        ('cron = "0 8 * * ? *", min = 0', r"\$\.warmth\.schedules\[0\]\.min"),
        ('cron = "0 8 * * ? *", min = 8', r"schedules\[0\]\.min = 8 is above the most there may be, 4"),
        ('cron = "0 8 * * ? *", min = 1, timezone = "Europe/Atlantis"', r"timezone = 'Europe/Atlantis'"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(
    project: Project, synthesise: Synthesise, schedule: str, message: str
) -> None:
    more = f'[warmth]\nkind = "provisioned"\ncount = 2\nmax = 4\nschedules = [{{ {schedule} }}]\n'
    with pytest.raises(ModelError, match=message):
        synthesised(project, synthesise, more)


def test_the_most_that_a_schedule_asks_for_must_be_within_what_is_reserved(
    project: Project, synthesise: Synthesise
) -> None:
    with pytest.raises(ModelError, match=r"\[warmth\] with up to 20 environments is above \[function\] reserved = 10"):
        synthesised(project, synthesise, f"[function]\nreserved = 10\n{SCALING}")


def test_snapshots_do_not_hold_a_larger_tmp(project: Project, synthesise: Synthesise) -> None:
    with pytest.raises(ModelError, match=r"\[function\] tmp = 1024 does not go with \[warmth\] kind = \"snapstart\""):
        synthesised(project, synthesise, '[function]\ntmp = 1024\n[warmth]\nkind = "snapstart"\n')
