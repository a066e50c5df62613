"""A model that finds items deploys like any other: its verbs are routed, and it may read its fresh items alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cdk_project import Synthesise

from ranklet import pipeline
from ranklet.project import Project

NAME = "movie-recall"


@pytest.fixture
def recall(project: Project) -> Path:
    """The demo's model in a project of the test's own; it looks for fresh items."""
    folder = project.functions / NAME
    shutil.copytree(
        Path(__file__).parents[3] / "functions" / NAME, folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    text = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(text.replace("recall = 0.98", "recall = 0.98\nfresh_s = 60"))
    pipeline.build(folder, out=project.build)
    return folder


def test_verbs_are_routed_and_told(recall: Path, synthesise: Synthesise) -> None:
    stack = synthesise().template(NAME)
    found = stack["Resources"].values()
    keys = {
        one["Properties"]["RouteKey"].removeprefix("ANY ") for one in found if one["Type"] == "AWS::ApiGatewayV2::Route"
    }
    assert keys == {
        f"/{NAME}",
        f"/{NAME}/{{proxy+}}",
        f"/v1/models/{NAME}:retrieve",
        f"/v1/models/{NAME}:similar",
        f"/v1/models/{NAME}/{{proxy+}}",
    }
    assert str(stack["Outputs"]["Rank"]["Value"]).count(f"/v1/models/{NAME}:retrieve") == 1
    policies = [str(one["Properties"]) for one in found if one["Type"] == "AWS::IAM::Policy"]
    reading = [policy for policy in policies if "s3:GetObject" in policy]
    assert len(reading) == 1 and reading[0].count(f"fresh/{NAME}/") == 1
