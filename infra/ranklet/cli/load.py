"""`ranklet load`: requests at a fixed rate, and how long their callers waited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ranklet import app, pipeline, project
from ranklet.cli import terminal
from ranklet.deployable import ready
from ranklet.errors import LoadError
from ranklet.load import page, summary, told
from ranklet.load import requests as asked
from ranklet.load.plan import Candidates
from ranklet.load.run import MOST_CONNECTIONS, Load, run
from ranklet.load.sending import Sent, Watch
from ranklet.project import Project

if TYPE_CHECKING:
    import httpx

HERE = ("localhost", "127.0.0.1", "::1")
PLAIN_S = 5.0
"""Between two lines of progress where stderr is no terminal."""


def _candidates(context: click.Context, option: click.Parameter, text: str | None) -> Candidates:
    try:
        return Candidates() if text is None else Candidates.of(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.argument("model")
@click.option("--rps", type=click.FloatRange(min=0, min_open=True), required=True, help="Requests a second.")
@click.option(
    "--duration", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True, help="Seconds."
)
@click.option(
    "--warmup",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    help="Seconds before, at a rate that grows; not counted.",
)
@click.option("--url", help="Of an API that serves MODEL, without its path; else a local cloud is started.")
@click.option(
    "--candidates", callback=_candidates, help="500, or drawn from 10,100,500 or 10-500; else as the requests have."
)
@click.option("--requests", "file", type=click.Path(path_type=Path, dir_okay=False), help="Lines of JSON; else golden.")
@click.option("--form", help="Of the requests: v2-binary, tfs-rows, …; else native JSON.")
@click.option("--poisson", is_flag=True, help="Requests come at random times, not at even ones.")
@click.option("--seed", type=int, default=0, help="Of all that is drawn.")
@click.option(
    "--connections", type=click.IntRange(1, MOST_CONNECTIONS), default=256, show_default=True, help="At most."
)
@click.option("--timeout", type=click.FloatRange(min=0.001), default=30.0, show_default=True, help="Of one request.")
@click.option("--environments", type=click.IntRange(1, 1000), default=10, show_default=True, help="Of the local cloud.")
@click.option("--auth", type=click.Choice(["none", "iam", "jwt", "lambda", "key"]), help="Else as model.toml has it.")
@click.option("--token", envvar="RANKLET_TOKEN", help="What jwt and lambda look at, or the key of key.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the report as a page.")
@terminal.as_json
def load(
    model: str,
    rps: float,
    duration: float,
    warmup: float,
    url: str | None,
    candidates: Candidates,
    file: Path | None,
    form: str | None,
    poisson: bool,
    seed: int,
    connections: int,
    timeout: float,
    environments: int,
    auth: str | None,
    token: str | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Send MODEL requests at a fixed rate and tell how long their callers waited.

    \b
    ranklet load movie-ftrl --rps 50 --duration 60
    ranklet load movie-din --rps 20 --candidates 10-500 --poisson --html din.html
    ranklet load movie-ftrl --rps 5 --url https://abc.execute-api.eu-central-1.amazonaws.com --json | jq .latency_ms
    ranklet load movie-ftrl --rps 100 --url http://localhost:8080 --requests mine.jsonl

    Requests leave at their times whether those before them were answered or not, and a latency counts from the time at
    which its request should have left. Answers are held to the trainer's scores. Ctrl-C gives the report so far.

    \b
    Exit code  0  every request was answered, and right
               1  some were refused (429, 5xx and others) or not answered
               4  an answer was not the trainer's
              11  the generator itself could not keep up, so that the figures hold its own delay
             130  Ctrl-C
    """
    here = project.find()
    (folder,) = here.models([model])
    with terminal.progress("load") as progress:
        built = ready(here, folder, build=lambda place: pipeline.build(place, out=here.build, progress=progress))
        rows = (
            asked.of_file(file, finds=built.manifest.retrieve is not None)
            if file
            else asked.of_golden(folder / built.model.golden.file)
        )
        wanted = Load(
            rps=rps,
            duration_s=duration,
            warmup_s=warmup,
            form=form,
            candidates=candidates,
            poisson=poisson,
            connections=connections,
            timeout_s=timeout,
            environments=environments,
            seed=seed,
            url=url,
            auth=None if url is None else _caller(url, auth, built.model.api.auth, token),
        )
        assembly = None if url else _assembly(here, model, progress)
    with _watching(warmup + duration) as watch:
        found = run(wanted, built, rows, assembly, watch)
    _tell(found, html, as_json)
    raise SystemExit(found.exit_code)


def _assembly(here: Project, model: str, progress: Callable[[str], None]) -> Path:
    progress("synthesising the template")
    return app.synthesise(here, out=here.build / "load.out", context={"models": model})


def _caller(url: str, auth: str | None, usual: str, token: str | None) -> httpx.Auth | None:
    """Who calls: as model.toml has it, but nobody in particular where this machine serves. Raises LoadError."""
    chosen = auth or ("none" if urlsplit(url).hostname in HERE else usual)
    if chosen == "none":
        return None
    try:
        from ranklet.client import ApiKey, Bearer, SigV4
    except ModuleNotFoundError as error:
        raise LoadError(f"signing requests needs the client: {error}; or --auth none") from error
    if chosen == "iam":
        return SigV4()
    if not token:
        raise LoadError(f'auth = "{chosen}": give --token or RANKLET_TOKEN, or --auth none')
    return ApiKey(token) if chosen == "key" else Bearer(token)


@contextmanager
def _watching(seconds: float) -> Iterator[Watch]:
    """A bar on a terminal, a line now and then elsewhere."""
    if terminal.ERR.is_terminal:
        columns = (TextColumn("load"), BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=terminal.ERR, transient=True, refresh_per_second=2) as bar:
            task = bar.add_task("", total=seconds)
            yield lambda at, sent: bar.update(task, completed=at, description=_so_far(sent))
        return
    told_at = 0.0

    def line(at: float, sent: Sent) -> None:
        nonlocal told_at
        if at - told_at >= PLAIN_S:
            told_at = at
            terminal.ERR.print(f"load: {at:.0f} of {seconds:.0f} s, {_so_far(sent)}", markup=False)

    yield line


def _so_far(sent: Sent) -> str:
    tally = sent.run if sent.run.sent else sent.warmup
    phase = "" if sent.run.sent else "warming up: "
    bad = (
        f", {tally.refused + tally.lost} failed, {tally.wrong} wrong"
        if tally.refused + tally.lost + tally.wrong
        else ""
    )
    p50, p99 = (tally.latency.quantile(share) / 1000 for share in (0.5, 0.99))
    return f"{phase}{tally.sent} sent, p50 {p50:.1f} ms, p99 {p99:.1f} ms{bad}"


def _tell(found: told.Run, html: Path | None, as_json: bool) -> None:
    document, lines, warnings = told.document(found), summary.lines(found), summary.warnings(found)
    if html is not None:
        html.write_text(page.page(document, lines, warnings), encoding="utf-8")
    for text in warnings:
        terminal.ERR.print(text, style="yellow", markup=False)
    if as_json:
        terminal.emit(document)
        return
    title = f"{found.model}: {found.rps:g} requests a second to {found.url}"
    terminal.show(title, ("", "figure"), lines)
    spreads = {"latency": told.spread(found.sent.run.latency), "service": told.spread(found.sent.run.service)}
    names = [name for name, value in spreads["latency"].items() if value is not None]
    rows = [[what, *(f"{spread[name]:.2f}" for name in names)] for what, spread in spreads.items()]
    if names:
        columns = ("ms", *(f"{name}:" for name in names))
        terminal.show("latency: from when it should have left; service: from when it left", columns, rows)
