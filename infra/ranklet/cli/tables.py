"""`ranklet tables`: what a model reads from DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from rich.progress import Progress, TaskID

from ranklet import project
from ranklet.cli import terminal
from ranklet.errors import BundleError
from ranklet_runtime.manifest import Manifest


@click.group()
def tables() -> None:
    """Embedding tables: write the versions that a bundle pins."""


@tables.command()
@click.argument("model")
@click.option("--region", help="AWS region; by default that of the AWS configuration.")
@click.option("--endpoint", help="Another DynamoDB endpoint, for a local server.")
@terminal.as_json
def push(model: str, region: str | None, endpoint: str | None, as_json: bool) -> None:
    """Write the tables that MODEL's bundle pins into DynamoDB, and read them back.

    \b
    ranklet tables push movie-two-tower
    ranklet tables push movie-two-tower --endpoint http://127.0.0.1:8000 --region us-east-1

    A version is immutable: a table that is whole already is left alone, an interrupted push is simply run again. Push
    before `cdk deploy`: the function reads the very version its manifest names.
    """
    import boto3  # half a second, and only this command talks to AWS

    from ranklet.tables.push import push as push_table

    here = project.find()
    path = here.bundle(model) / "manifest.json"
    if not path.exists():
        raise BundleError(f"{model} is not built; run `ranklet build {model}`")
    pinned = [table for table in Manifest.read(path).spec.tables.values() if table.placement == "dynamodb"]
    client = boto3.client("dynamodb", region_name=region, endpoint_url=endpoint)
    done = []
    with Progress(console=terminal.ERR) as bars:
        for table in pinned:
            bar = bars.add_task(table.physical, total=table.rows)
            done.append(push_table(here.build / "tables" / table.physical, client=client, progress=_moves(bars, bar)))
    if as_json:
        terminal.emit([_describe(one) for one in done])
    else:
        rows = [[one.physical, str(one.rows), str(one.written), str(one.verified)] for one in done]
        terminal.show(f"Tables of {model}", ["table", "rows:", "written:", "read back:"], rows)


def _moves(bars: Progress, bar: TaskID) -> Callable[[int, int], None]:
    return lambda rows, total: bars.update(bar, completed=rows, total=total)


def _describe(pushed: Any) -> dict[str, Any]:
    return {name: getattr(pushed, name) for name in ("physical", "rows", "written", "verified")}
