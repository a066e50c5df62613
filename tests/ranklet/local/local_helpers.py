"""Helpers of the local cloud's tests: events, process ids, and the parts of a hand-written cloud assembly."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ranklet.local.runtime_api import Invocation

HANDLERS = Path(__file__).parent / "handlers"


def invocation(event: Any = None) -> Invocation:
    """One event for an environment."""
    return Invocation(
        request_id=str(uuid.uuid4()),
        payload=json.dumps(event).encode(),
        arn="arn:aws:lambda:us-east-1:123456789012:function:tiny",
        trace_id="Root=1-5f84c7a3-1a2b3c4d5e6f708192a3b4c5",
    )


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return not Path("/proc").is_dir()


def gone(pid: int, within_s: float = 5.0) -> bool:
    """Whether a process has ended, waiting for it for a while."""
    end = time.monotonic() + within_s
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


async def eventually(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    """Whether a condition came true, waiting for it for a while."""
    end = time.monotonic() + within_s
    while not condition() and time.monotonic() < end:
        await asyncio.sleep(0.01)
    return condition()


def copy_handlers(target: Path) -> None:
    """The handlers as a code asset."""
    target.mkdir(parents=True)
    for source in HANDLERS.glob("*.py"):
        (target / source.name).write_bytes(source.read_bytes())


def shared_layer(folder: Path) -> None:
    """The asset of the layer `extra`."""
    python = folder / "asset.layer" / "python"
    python.mkdir(parents=True)
    (python / "layered.py").write_text("WHO = 'asset'\n")


def write_manifest(folder: Path, stacks: list[str]) -> None:
    """manifest.json naming each stack and its assets."""
    artifacts: dict[str, Any] = {"Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}}}
    for name in stacks:
        artifacts[f"{name}.assets"] = {"type": "cdk:asset-manifest", "properties": {"file": f"{name}.assets.json"}}
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "properties": {"templateFile": f"{name}.template.json"},
        }
    (folder / "manifest.json").write_text(json.dumps({"version": "55.0.0", "artifacts": artifacts}))


def write_stack(
    folder: Path, name: str, template: Mapping[str, Any], *, assets: Mapping[str, str] | None = None
) -> None:
    """Template and asset manifest of one stack; the layer's asset is always listed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.template.json").write_text(json.dumps(template))
    files = {
        key: {
            "source": {"path": path, "packaging": "zip"},
            "destinations": {"here": {"bucketName": "assets", "objectKey": key}},
        }
        for key, path in {"layer.zip": "asset.layer", **(assets or {})}.items()
    }
    (folder / f"{name}.assets.json").write_text(json.dumps({"version": "55.0.0", "files": files, "dockerImages": {}}))


def shared_template() -> dict[str, Any]:
    """An HTTP API with its stage, and a layer told through an SSM parameter."""
    return {
        "Resources": {
            "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "shared", "ProtocolType": "HTTP"}},
            "Stage": {
                "Type": "AWS::ApiGatewayV2::Stage",
                "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
            },
            "ExtraLayer": {
                "Type": "AWS::Lambda::LayerVersion",
                "Properties": {"Content": {"S3Bucket": "assets", "S3Key": "layer.zip"}},
            },
            "ExtraParameter": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {
                    "Name": "/ranklet/layers/extra/x86_64",
                    "Type": "String",
                    "Value": {"Ref": "ExtraLayer"},
                },
            },
        }
    }


def model_template(name: str, handler: str, *, provisioned: int = 0, **properties: Any) -> dict[str, Any]:
    """A function behind the alias `live`, and its routes."""
    alias: dict[str, Any] = {
        "FunctionName": {"Ref": "Function"},
        "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
        "Name": "live",
    }
    if provisioned:
        alias["ProvisionedConcurrencyConfig"] = {"ProvisionedConcurrentExecutions": provisioned}
    return {
        "Parameters": {
            "ExtraLayerArn": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/ranklet/layers/extra/x86_64"},
            "ApiId": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/ranklet/api/id"},
        },
        "Resources": {
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Code": {"S3Bucket": "assets", "S3Key": "code.zip"},
                    "Handler": handler,
                    "Runtime": "python3.13",
                    "MemorySize": 512,
                    "Timeout": 7,
                    "Layers": [{"Ref": "ExtraLayerArn"}],
                    "Environment": {"Variables": {"MODEL": name, "WHERE": {"Ref": "AWS::Region"}}},
                    **properties,
                },
            },
            "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}}},
            "Alias": {"Type": "AWS::Lambda::Alias", "Properties": alias},
            "Integration": {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": {"Ref": "ApiId"},
                    "IntegrationType": "AWS_PROXY",
                    "IntegrationUri": {"Ref": "Alias"},
                    "PayloadFormatVersion": "2.0",
                },
            },
            **{
                f"Route{number}": {
                    "Type": "AWS::ApiGatewayV2::Route",
                    "Properties": {
                        "ApiId": {"Ref": "ApiId"},
                        "AuthorizationType": "AWS_IAM",
                        "RouteKey": f"ANY {path}",
                        "Target": {"Fn::Join": ["", ["integrations/", {"Ref": "Integration"}]]},
                    },
                }
                for number, path in enumerate((f"/{name}/{{proxy+}}", f"/v1/models/{name}:rank"))
            },
        },
    }
