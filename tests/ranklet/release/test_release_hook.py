"""The hook in the local cloud: a good version may have traffic, and one with other weights may not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import release_kit as kit
from release_kit import CodeDeploy

from ranklet.local.cloud import LocalCloud
from ranklet.local.function import Layer
from ranklet.local.logs import LogLine
from ranklet.pipeline import Built

EVENT = {"DeploymentId": "d-ABC", "LifecycleEventHookExecutionId": "hook-1"}
TARGET = "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus"


@contextmanager
def released(
    built: Built, everything: Layer, candidate: Path, folder: Path, *, version: str = "2", **fields: Any
) -> Iterator[tuple[dict[str, Any], CodeDeploy, list[str]]]:
    """What the hook says of a candidate while the version before is live, whom it told, and what was logged."""
    hook = kit.hook(kit.hook_folder(built), everything, version=version)
    lines: list[LogLine] = []
    with CodeDeploy() as codedeploy:
        cloud = LocalCloud(
            kit.deployment(built.folder, everything, hook),
            build=folder / "cloud",
            layers=lambda name: None,
            environment={"AWS_ENDPOINT_URL_CODEDEPLOY": codedeploy.url},
            log=lines.append,
        )
        with cloud.running() as running:
            running.deploy(kit.deployment(candidate, everything, **fields))
            running.move(kit.NAME, "1")
            invoked = running.invoke(kit.HOOK, EVENT)
            assert invoked.error is None, invoked.payload
            ((status, answer),) = kit.ask(running.url, [{"user": {"age": 30}, "items": {"price": [1.0]}}])
            assert status == 200
            assert answer["scores"] == pytest.approx([kit.score(30, 1.0)], abs=1e-6)
        yield json.loads(invoked.payload), codedeploy, [line.text for line in lines if line.function == kit.HOOK]


def test_good_version_is_let_through(built: Built, everything: Layer, tmp_path: Path) -> None:
    with released(built, everything, built.folder, tmp_path, version="1") as (said, codedeploy, lines):
        assert said == {"status": "Succeeded", "reasons": []}
        wanted = {"deploymentId": "d-ABC", "lifecycleEventHookExecutionId": "hook-1", "status": "Succeeded"}
        assert codedeploy.told == [(TARGET, wanted)]
        assert any('"status": "Succeeded"' in line for line in lines)


def test_version_with_wrong_weights_is_stopped_before_any_traffic(
    built: Built, everything: Layer, tmp_path: Path
) -> None:
    bad = kit.with_weights(built, tmp_path / "bad", bias=kit.BIAS + 0.001)
    with released(built, everything, bad, tmp_path) as (said, codedeploy, lines):
        assert [body["status"] for _, body in codedeploy.told] == ["Failed"]
        rows = json.loads((kit.hook_folder(built) / "golden.json").read_text())["rows"]
        assert len(said["reasons"]) == len(rows)
        assert said["reasons"][0].startswith("golden request 1: candidate 0 scores ")
        assert any("the trainer says" in line for line in lines)


def test_version_that_does_not_start_is_stopped(built: Built, everything: Layer, tmp_path: Path) -> None:
    broken = kit.with_weights(built, tmp_path / "broken", bias=0)
    (broken / "manifest.json").write_text("{}")
    with released(built, everything, broken, tmp_path) as (said, codedeploy, _):
        assert [body["status"] for _, body in codedeploy.told] == ["Failed"]
        assert "the version fails" in said["reasons"][0]


def test_version_that_refuses_the_requests_is_stopped(built: Built, everything: Layer, tmp_path: Path) -> None:
    other = kit.with_weights(built, tmp_path / "other", bias=kit.BIAS)
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["limits"]["items"] = 3
    (other / "manifest.json").write_text(json.dumps(manifest))
    with released(built, everything, other, tmp_path) as (said, codedeploy, _):
        assert [body["status"] for _, body in codedeploy.told] == ["Failed"]
        assert "it answers 413" in said["reasons"][0]


def test_hook_without_its_requests_says_so_and_fails(built: Built, everything: Layer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    lines: list[LogLine] = []
    with CodeDeploy() as codedeploy:
        cloud = LocalCloud(
            kit.deployment(built.folder, everything, kit.hook(tmp_path / "empty", everything, version="1")),
            build=tmp_path / "cloud",
            layers=lambda name: None,
            environment={"AWS_ENDPOINT_URL_CODEDEPLOY": codedeploy.url},
            log=lines.append,
        )
        with cloud.running() as running:
            said = json.loads(running.invoke(kit.HOOK, EVENT).payload)
        assert said["status"] == "Failed"
        assert "the check itself failed: FileNotFoundError" in said["reasons"][0]
        assert [body["status"] for _, body in codedeploy.told] == ["Failed"]
