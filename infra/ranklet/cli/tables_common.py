"""What the verbs of `ranklet tables` share: where to call, what a bundle pins, bars on stderr."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ranklet import project
from ranklet.cli import terminal
from ranklet.errors import BundleError, ModelError, TableError
from ranklet.project import Project
from ranklet_features.spec import Table
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.funnel.plan import STAGES, Plan
from ranklet_runtime.manifest import Manifest

if TYPE_CHECKING:
    from ranklet.tables.clients import Aws

F = TypeVar("F", bound=Callable[..., Any])

Moves = Callable[[int, int], None]
"""Moves a bar: what is done, and how much there is in all."""


def where(command: F) -> F:
    """Add --region and --endpoint."""
    region = click.option("--region", help="AWS region; by default that of the AWS configuration.")
    endpoint = click.option(
        "--endpoint",
        help="Another endpoint for every AWS service, for a local server; AWS_ENDPOINT_URL_S3 and the like go before.",
    )
    return region(endpoint(command))


def aws(region: str | None, endpoint: str | None) -> Aws:
    """Clients of one region, made when used."""
    from ranklet.tables.clients import Aws

    return Aws(region, endpoint)


def manifest(here: Project, model: str) -> Manifest:
    """The manifest of a model's bundle. Raises BundleError where there is none."""
    path = here.bundle(model) / "manifest.json"
    if not path.exists():
        raise BundleError(f"{model} is not built; run `ranklet build {model}`")
    try:
        return Manifest.read(path)
    except ManifestError as error:
        raise BundleError(f"{model}: {error}") from error


def pinned(here: Project, model: str, only: str | None = None) -> list[Table]:
    """The tables that a model's bundle reads from DynamoDB, or the one of them that is named.

    Raises BundleError for a model that is not built, ModelError for a table that it does not have there.
    """
    tables = manifest(here, model).spec.tables
    if only is None:
        return [table for table in tables.values() if table.placement == "dynamodb"]
    if only not in tables:
        raise ModelError(f"{model} has no table {only!r}; its tables: {', '.join(sorted(tables)) or 'none'}")
    if tables[only].placement != "dynamodb":
        raise ModelError(f"table {only!r} of {model} is {tables[only].placement}: it travels with the bundle")
    return [tables[only]]


def away(here: Project, model: str, only: str | None = None) -> tuple[list[Table], list[Table]]:
    """The tables that a model's function gets from elsewhere than its package: from DynamoDB, and from S3 at its start.

    only: this one of them. Raises as `pinned` does.
    """
    tables = manifest(here, model).spec.tables
    fetched = [table for name, table in tables.items() if table.snapshot and only in (None, name)]
    return ([] if only is not None and fetched else pinned(here, model, only)), fetched


def environment() -> str:
    """The environment whose bucket of snapshots is meant, as `ranklet deploy` takes it too; "" for none."""
    return os.environ.get("RANKLET_ENV", "")


def snapshots(aws: Aws, given: str | None) -> str:
    """The bucket of snapshots: the one that is given, or the shared stack's. Raises TableError where there is none."""
    from ranklet.tables import deployed

    bucket = given or deployed.bucket(aws.ssm, environment())
    if bucket is None:
        raise TableError(
            "there is no bucket of snapshots here yet; `cdk deploy ranklet-shared` makes it, or name one by --snapshots"
        )
    return bucket


def staged(here: Project, table: Table) -> Path:
    """The folder in which a build staged a table."""
    return here.build / "tables" / table.physical


def physical(named: str) -> str:
    """The version that is meant: a physical name as it is, `MODEL/TABLE` as the model's bundle here pins it.

    Raises ModelError for a name that is neither, and as `pinned` does.
    """
    model, slash, table = named.partition("/")
    if slash:
        (one,) = pinned(project.find(), model, table)
        return one.physical
    from ranklet.tables.versions import parts

    if parts(named) is None:
        raise ModelError(
            f"{named!r} is no version of a table: give ranklet-<table>-<version> (`ranklet tables list` shows "
            "them), or MODEL/TABLE for the one that a bundle here pins"
        )
    return named


def bundles() -> dict[str, frozenset[str]]:
    """Model → physical names of the tables that its bundle pins, of the bundles of the project around.

    None outside a project. Raises BundleError for a bundle that cannot be read.
    """
    try:
        here = project.find()
    except ModelError:
        return {}
    found = sorted(path.parent for path in (here.build / "functions").glob("*/manifest.json"))
    return {folder.name: frozenset(_names(folder)) for folder in found}


def _names(bundle: Path) -> Iterator[str]:
    """The tables of a model's bundle, or of the models that are in a funnel's."""
    inside = sorted((bundle / STAGES).glob("*/manifest.json"))
    own = bundle / "manifest.json"
    for path in inside if _is_funnel(own) else [own]:
        try:
            yield from (table.physical for table in Manifest.read(path).spec.tables.values())
        except ManifestError as error:
            raise BundleError(f"{bundle.name}: {error}") from error


def _is_funnel(path: Path) -> bool:
    try:
        return bool(Plan.read(path))
    except ManifestError:
        return False


@contextmanager
def bars() -> Iterator[Callable[[str], Moves]]:
    """Progress bars on stderr: call with a name, get what moves its bar."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal.ERR) as progress:

        def bar(name: str) -> Moves:
            task = progress.add_task(name, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        yield bar
