"""`ranklet deploy` with a stand-in for the `cdk` command: its stages, its log, and what it says when `cdk` fails."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import boto3
import pytest
from deploying_kit import FUNCTION, PLANTED, MotoAccount, functions_arn, make_stack, resources, run
from deploying_kit import deploy as deployed_function

from ranklet import node

ROOT = Path(__file__).resolve().parents[3]
CDK = """
import json, os, sys
from pathlib import Path
Path("called.json").write_text(json.dumps({"words": sys.argv[1:], "region": os.environ.get("AWS_REGION")}))
print("\\x1b[32mmovie-ftrl: deploying\\x1b[0m")
if Path("fail").exists():
    print("Forbidden: you may not", file=sys.stderr)
    sys.exit(3)
"""


@pytest.fixture
def model(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A real model in the project, and a `cdk` that notes how it was called."""
    shutil.rmtree(project / "functions" / "films")
    shutil.copytree(ROOT / "functions" / "movie-ftrl", project / "functions" / "movie-ftrl")
    (tmp_path / "cdk.py").write_text(CDK)
    monkeypatch.setattr(node, "cdk_command", lambda: [sys.executable, str(tmp_path / "cdk.py")])
    return project


def stack(name: str) -> None:
    """The stack that `cdk` would have made, around the function that moto has."""
    deployed_function()
    alias = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name="live")
    url = "https://abc.execute-api.us-east-1.amazonaws.com/v1/models/movie-ftrl:rank"
    make_stack(name, {"Alias": alias["AliasArn"], "Rank": url})
    PLANTED.answers["ListStackResources"] = resources({"AWS::Lambda::Version": f"{functions_arn(alias)}:2"})


def test_deploys_what_was_proven_and_tells_the_url_and_the_way_back(cloud: MotoAccount, model: Path) -> None:
    stack("prod-movie-ftrl")
    words = ("--env", "prod", "--target", "local", "--region", "us-east-1", "--no-smoke")
    done = run("deploy", "movie-ftrl", *words, "--json")
    assert done.code == 0, done.stderr
    (one,) = done.json["models"]
    assert one["url"] == "https://abc.execute-api.us-east-1.amazonaws.com/v1/models/movie-ftrl:rank"
    assert (one["version"], one["function_version"], one["smoke"]) == ("1", "2", None)
    assert one["rollback"] == "ranklet rollback movie-ftrl --env prod"
    stages = [stage["stage"] for stage in done.json["stages"]]
    assert stages == ["account", "build movie-ftrl", "cdk deploy", "alias of movie-ftrl"]
    called = json.loads((model / "called.json").read_text())
    assert called["region"] == "us-east-1"
    assert called["words"][:2] == ["deploy", "movie-ftrl"]
    contexts = [
        word for before, word in zip(called["words"], called["words"][1:], strict=False) if before == "--context"
    ]
    assert contexts == ["models=movie-ftrl", "env=prod", "target=local"]
    (log,) = (model / ".build" / "deploy").glob("prod-*.log")
    assert "movie-ftrl: deploying" in log.read_text()


def test_what_a_rollback_holds_back_goes_live_only_when_that_is_asked_for(cloud: MotoAccount, model: Path) -> None:
    stack("movie-ftrl")
    boto3.client("lambda").update_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="1")
    done = run("deploy", "movie-ftrl", "--no-smoke")
    assert done.code == 10
    assert "a rollback holds live at version 1: it stays there" in done.stderr
    assert boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name="live")["FunctionVersion"] == "1"
    done = run("deploy", "movie-ftrl", "--no-smoke", "--forward")
    assert done.code == 0, done.stderr
    assert boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name="live")["FunctionVersion"] == "2"


def test_failure_of_cdk_shows_its_last_lines_and_where_the_log_is(cloud: MotoAccount, model: Path) -> None:
    (model / "fail").write_text("")
    done = run("deploy", "movie-ftrl", "--no-smoke")
    assert done.code == 10
    assert "cdk deploy ended with 3" in done.stderr and "Forbidden: you may not" in done.stderr
    assert "all are in .build/deploy/" in done.stderr
    assert "\x1b" not in done.stderr


def test_caller_without_a_token_is_refused_before_anything_is_deployed(cloud: MotoAccount, model: Path) -> None:
    path = model / "functions" / "movie-ftrl" / "model.toml"
    jwt = 'auth = "jwt"\n[api.jwt]\nissuer = "https://issuer.example"\naudience = ["ranking"]\n'
    path.write_text(path.read_text().replace('auth = "iam"\n', jwt))
    done = run("deploy", "movie-ftrl")
    assert done.code == 10
    assert "give --token or RANKLET_TOKEN" in done.stderr
    assert not (model / "called.json").exists()
