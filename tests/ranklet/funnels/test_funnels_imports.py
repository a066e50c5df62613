"""What a funnel's cold start imports: nothing of the build, no AWS SDK, and in front of functions no model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ranklet.funnels import proof
from ranklet.funnels.building import stage_models
from ranklet.funnels.settings import load
from ranklet.local.event_v2 import event_v2
from ranklet.project import Project

NEVER = {
    "asyncio",
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "msgspec",
    "onnx",
    "onnxruntime",
    "pydantic",
    "ranklet",
}
SCRIPT = """
import json, sys
import ranklet_runtime.funnel.handler as entry
answers = [entry.handler(event, None) for event in json.load(open(sys.argv[1]))]
sys.stderr.write(json.dumps({"answers": answers, "all": sorted(sys.modules)}))
"""
PATH = "/films/v1/funnels/films:recommend"


def run(folder: Path, bundle: Path, events: list[Any], **environ: str) -> Any:
    (folder / "events.json").write_text(json.dumps(events))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder / "events.json")],
        env={**os.environ, "LAMBDA_TASK_ROOT": str(bundle), **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr.splitlines()[-1])


def event(body: Any) -> Any:
    return event_v2("POST", PATH, headers={"content-type": "application/json"}, body=json.dumps(body).encode())


def test_a_funnel_in_one_function_imports_no_sdk_and_nothing_of_the_build(built: Project, tmp_path: Path) -> None:
    models = stage_models(built, load(built.functions / "films"))
    with proof.ExitStack() as stack:
        environ = proof._environment(models, built.build / "tables", stack)
        found = run(tmp_path, built.bundle("films"), [event({"user": {"history": [101]}}), event([])], **environ)
    assert [answer["statusCode"] for answer in found["answers"]] == [200, 400]
    assert not {name.partition(".")[0] for name in found["all"]} & NEVER


def test_the_front_of_functions_apart_opens_no_model(
    here: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ranklet.funnels import building

    path = here.functions / "films" / "funnel.toml"
    path.write_text(path.read_text().replace("version = 2", 'version = 2\nfunctions = "each"'))
    made = building.build(here, here.functions / "films")
    stages = {
        name: f"arn:aws:lambda:eu-central-1:123456789012:function:{name}:live" for name in ("find", "warm", "hot")
    }
    found = run(
        tmp_path,
        made.folder,
        [event({"user": {"history": [101]}})],
        RANKLET_STAGES=json.dumps(stages),
        AWS_REGION="eu-central-1",
        AWS_ACCESS_KEY_ID="id",
        AWS_SECRET_ACCESS_KEY="key",
        AWS_ENDPOINT_URL_LAMBDA="http://127.0.0.1:9",
    )
    assert [answer["statusCode"] for answer in found["answers"]] == [503]
    assert "its function cannot be reached" in found["answers"][0]["body"]
    # That failure was logged, for which Powertools brings what is installed here of what it looks for.
    assert not {name.partition(".")[0] for name in found["all"]} & {"boto3", "onnxruntime", "ranklet"}
    assert not {"ranklet_runtime.scorer", "ranklet_runtime.engines", "ranklet_features.plan"} & set(found["all"])
