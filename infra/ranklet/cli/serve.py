"""`ranklet serve`: the cloud on this machine."""

from __future__ import annotations

import time

import click

from ranklet import app, project
from ranklet.cli import terminal
from ranklet.local.cloud import LocalCloud


@click.command()
@click.argument("models", nargs=-1)
@click.option("--port", default=8080, show_default=True, help="Of the HTTP front, on 127.0.0.1; 0 takes a free one.")
def serve(models: tuple[str, ...], port: int) -> None:
    """Serve MODELS (all when none is named) from their synthesised template, until Ctrl-C.

    \b
    ranklet serve
    ranklet serve movie-ftrl --port 9000

    Each function runs in AWS's own runtime client with its layers and nothing else on its path; API Gateway's events
    and limits, concurrency, timeouts and memory hold; DynamoDB is a wire server filled from the bundles. Callers are
    not authenticated here. A bundle that is missing is built.
    """
    here = project.find()
    chosen = [folder.name for folder in here.models(models)]
    with terminal.progress("serve") as progress:
        progress("synthesising the templates")
        assembly = app.synthesise(here, out=here.build / "serve.out", context={"models": ",".join(chosen)})
    with LocalCloud(assembly, tables=here.build / "tables", port=port).running() as cloud:
        for name in chosen:
            terminal.OUT.print(f"{cloud.url_of(name)}/{name}/v1/models/{name}:rank", highlight=False)
        terminal.ERR.print("Ctrl-C stops it", markup=False)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            terminal.ERR.print("stopping", markup=False)
