"""cdk-nag's AwsSolutions rules find nothing that was not accepted with a reason, over models of every kind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cdk_kinds import write_kinds
from cdk_project import (
    Synthesise,
    never,
    new_project,
    stub_layers,
    write_bundle,
    write_model,
)

from ranklet import app, nag
from ranklet.project import Project

ENVIRONMENT = """
alarm_email = "on-call@example.com"
domain = "rank.example.com"
[tags]
team = "ranking"
[endpoints]
vpc = "vpc-0123456789abcdef0"
route_tables = ["rtb-0123456789abcdef0"]
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the validation of one synthesis of all kinds says."""
    root = tmp_path_factory.mktemp("nag")
    project = new_project(root / "project")
    write_kinds(project)
    (project.root / "infra" / "environments").mkdir(parents=True)
    (project.root / "infra" / "environments" / "prod.toml").write_text(ENVIRONMENT)
    context = {"nag": "true", "env": "prod"}
    out = app.synthesise(
        project, out=root / "cdk.out", context=context, build=never, layer=stub_layers(root / "layers")
    )
    found: dict[str, Any] = json.loads((out / "validation-report.json").read_text())
    return found


def findings(report: dict[str, Any], key: str) -> list[dict[str, Any]]:
    (pack,) = [one for one in report["pluginReports"] if one["pluginName"] == nag.PACK]
    return list(pack.get(key, ()))


def test_rules_find_nothing_that_was_not_accepted(report: dict[str, Any]) -> None:
    assert findings(report, "violations") == []


def test_all_that_was_accepted_is_there_and_has_its_reason(report: dict[str, Any]) -> None:
    assert {one["reason"] for one in findings(report, "suppressedViolations")} == {
        accepted.reason for accepted in nag.ACCEPTED
    }


def test_no_reason_is_a_phrase() -> None:
    assert all(len(accepted.reason) > 60 for accepted in nag.ACCEPTED)
    assert len({accepted.reason for accepted in nag.ACCEPTED}) == len(nag.ACCEPTED)


def test_finding_that_was_not_accepted_fails_the_synthesis(
    synthesise: Synthesise, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(project, "films")
    write_bundle(project, "films")
    monkeypatch.setattr(nag, "ACCEPTED", [one for one in nag.ACCEPTED if one.rule != "S1"])
    with pytest.raises(RuntimeError, match="server access logs disabled") as refused:
        synthesise({"nag": "true"})
    assert str(refused.value).count("ERROR") == 1


def test_without_the_context_no_rule_runs(synthesise: Synthesise, project: Project) -> None:
    write_model(project, "films")
    write_bundle(project, "films")
    assert not (synthesise().folder / "validation-report.json").exists()
