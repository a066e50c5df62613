"""SnapStart here: hooks run around the snapshot, and credentials come from where they do not expire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from local_helpers import invocation, model_template, write_manifest, write_stack

from ranklet.local import template
from ranklet.local.environment import Launch
from ranklet.local.function import Invoked
from ranklet.local.logs import LogLine
from ranklet.local.pool import Pool

Launcher = Callable[..., Launch]


def ask(launch: Launch, *events: str | None) -> list[Invoked]:
    async def run() -> list[Invoked]:
        pool = Pool(launch)
        try:
            await pool.start()
            return [await pool.invoke(invocation(event)) for event in events]
        finally:
            await pool.close()

    return asyncio.run(run())


def test_hooks_run_once_before_and_after_the_snapshot(launch: Launcher, lines: list[LogLine]) -> None:
    first, second = ask(launch("restoring.handler", snapstart=True), None, None)
    for answer in (first, second):
        assert json.loads(answer.payload) == {
            "seen": ["before the snapshot", "after the restore"],
            "fields": ["AccessKeyId", "Expiration", "SecretAccessKey", "Token"],
            "own": False,
        }
    assert [line.text for line in lines if "Type: snap-start" in line.text]


def test_credentials_are_shown_to_who_has_the_token(launch: Launcher) -> None:
    (answer,) = ask(launch("restoring.handler", snapstart=True), "another")
    assert answer.error == "Unhandled"
    assert b"403" in answer.payload


def test_hook_that_fails_after_the_restore_fails_the_request(launch: Launcher) -> None:
    (answer,) = ask(launch("restoring.failing", snapstart=True, environment={"REFUSE": "1"}), None)
    assert answer.error == "Unhandled"
    assert json.loads(answer.payload)["errorMessage"] == "not from this snapshot"


def test_template_says_which_functions_start_so(assembly: Path) -> None:
    changed = model_template("second", "tiny.importing")
    for resource in changed["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"]["SnapStart"] = {"ApplyOn": "PublishedVersions"}
    write_stack(assembly, "second", changed, assets={"code.zip": "asset.code"})
    write_manifest(assembly, ["shared", "first", "second"])
    assert {one.name: one.snapstart for one in template.read(assembly).functions} == {"first": False, "second": True}
