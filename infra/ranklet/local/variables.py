"""The environment variables of a function: Lambda's own, then the template's.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from ranklet.local.function import Function, InitType
from ranklet.local.runtime_api import CREDENTIALS, TOKEN


def lambda_variables(
    function: Function, *, api: str, runtime: Path, region: str, init: InitType, extra: Mapping[str, str]
) -> dict[str, str]:
    """Everything the child's environment holds; of ours nothing is inherited but where libraries are.

    api: host and port of the Runtime API. runtime: the folder of the runtime client. extra: what only the local cloud
    adds (endpoints); it stands above the template's values, as the template's stand above Lambda's defaults.
    """
    log_group = f"/aws/lambda/{function.name}"
    stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{function.version}]{uuid.uuid4().hex}"
    # Lambda sets this one as well, and an interpreter that is built as a shared library does not start without ours.
    libraries = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {
        **libraries,
        **_identity(api, init),
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": init,
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "TZ": ":UTC",
        **function.environment,
        **extra,
        "AWS_LAMBDA_RUNTIME_API": api,
        "LAMBDA_TASK_ROOT": str(function.code),
        "LAMBDA_RUNTIME_DIR": str(runtime),
        "PYTHONPATH": python_path(function, runtime),
        "_HANDLER": function.handler,
    }


def _identity(api: str, init: InitType) -> dict[str, str]:
    """Credentials, or where to get them: those in an environment's variables would expire with its snapshot."""
    if init == "snap-start":
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{api}{CREDENTIALS}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": TOKEN,
        }
    return {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_SESSION_TOKEN": "local"}


def python_path(function: Function, runtime: Path) -> str:
    """Code before layers before the runtime client, as on Lambda.

    Lambda unpacks layers over one another, so a later layer's file wins: here its folder comes first.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folders = [function.code]
    for layer in reversed(function.layers):
        candidates = (layer.folder / "python" / "lib" / version / "site-packages", layer.folder / "python")
        folders += [folder for folder in candidates if folder.is_dir()]
    return os.pathsep.join(str(folder) for folder in (*folders, runtime))
