"""`ranklet invoke`: one event through one function, as `sam local invoke` does it, without Docker."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from ranklet import app, project
from ranklet.cli import terminal
from ranklet.errors import ModelError
from ranklet.local.cloud import LocalCloud


@click.command()
@click.argument("model")
@click.option(
    "-e",
    "--event",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file with the event; events/<model>/ has some.",
)
def invoke(model: str, event: Path) -> None:
    """Invoke the function of MODEL, or of a funnel, with an event, in AWS's own runtime client, and print its answer.

    \b
    ranklet invoke movie-ftrl -e events/movie-ftrl/happy.json
    ranklet invoke movie-ftrl -e events/movie-ftrl/happy.json | jq '.body | fromjson'

    Exit code 1 when the function itself failed; an HTTP error that it answered is an answer.
    """
    here = project.find()
    here.folders([model])
    try:
        document = orjson.loads(event.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ModelError(f"{event} is not JSON: {error}") from error
    with terminal.progress("invoke") as progress:
        progress("synthesising the template")
        assembly = app.synthesise(here, out=here.build / "serve.out", context={"models": model})
        progress("starting the function")
        with LocalCloud(assembly, tables=here.build / "tables").running() as cloud:
            answer = cloud.invoke(model, document)
    click.echo(answer.payload)
    if answer.error is not None:
        raise SystemExit(1)
