"""`ranklet serve`: the cloud on this machine."""

from __future__ import annotations

import time
from typing import Any

import click

from ranklet import app, project
from ranklet.cli import terminal
from ranklet.errors import DataError
from ranklet.funnels.settings import described, is_funnel
from ranklet.local.cloud import LocalCloud
from ranklet.local.pages import Page
from ranklet.project import Project


@click.command()
@click.argument("models", nargs=-1)
@click.option("--port", default=8080, show_default=True, help="Of the HTTP front, on 127.0.0.1; 0 takes a free one.")
def serve(models: tuple[str, ...], port: int) -> None:
    """Serve MODELS and funnels (all when none is named) from their synthesised template, until Ctrl-C.

    \b
    ranklet serve
    ranklet serve movie-ftrl --port 9000
    ranklet serve movie-funnel

    Each function runs in AWS's own runtime client with its layers and nothing else on its path; API Gateway's events
    and limits, concurrency, timeouts and memory hold; DynamoDB is a wire server filled from the bundles. Callers are
    not authenticated here. A bundle that is missing is built.

    At `/` the front shows a page: what is served, and of movie-funnel what it recommends to whom, and why.
    """
    here = project.find()
    chosen = [folder.name for folder in here.folders(models)]
    with terminal.progress("serve") as progress:
        progress("synthesising the templates")
        assembly = app.synthesise(here, out=here.build / "serve.out", context={"models": ",".join(chosen)})
        page = Page(_told(here, chosen))
    with LocalCloud(assembly, tables=here.build / "tables", port=port, page=page).running() as cloud:
        for name in chosen:
            terminal.OUT.print(f"{cloud.url_of(name)}{_path(here, name)}", highlight=False)
        terminal.ERR.print(f"{cloud.url}/ shows it in a browser; Ctrl-C stops it", markup=False)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            terminal.ERR.print("stopping", markup=False)


def _path(here: Project, name: str) -> str:
    """Where a caller asks."""
    if is_funnel(here.functions / name):
        return f"/{name}/v1/funnels/{name}:recommend"
    kind = described(here.functions / name).kind
    return f"/{name}/v1/models/{name}:{'retrieve' if kind == 'retrieve' else 'rank'}"


def _told(here: Project, chosen: list[str]) -> dict[str, Any]:
    """What the page shows: of the demo's funnel its people and titles as well, where the data can be had."""
    from ranklet.demo import movielens, page

    shared = [name for name in chosen if described(here.functions / name).api.kind == "http"]
    funnels = [name for name in chosen if is_funnel(here.functions / name)]
    found: dict[str, Any] = {"functions": page.functions(shared, funnels)}
    if page.FUNNEL in shared and page.FUNNEL in funnels:
        try:
            found |= page.told(here, movielens.load())
        except DataError as error:
            terminal.ERR.print(f"the page shows no films: {error}", markup=False, style="yellow")
    return found
