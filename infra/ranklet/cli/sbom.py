"""`ranklet sbom`: what a model ships, for auditors and their tools."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from ranklet import pipeline, project
from ranklet import sbom as bill
from ranklet.cli import terminal
from ranklet.deployable import ready


@click.command()
@click.argument("model")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A file [stdout].")
def sbom(model: str, out: Path | None) -> None:
    """Write what MODEL ships as CycloneDX 1.6: the packages of its layers, and its files with their hashes.

    \b
    ranklet sbom movie-ftrl > movie-ftrl.cdx.json
    ranklet sbom movie-ftrl --out movie-ftrl.cdx.json

    A model that is not built, or not as its folder is now, is built first. Calls nobody. `.ci/audit` holds the same
    pins to the known vulnerabilities.
    """
    here = project.find()
    (folder,) = here.models([model])
    with terminal.progress("sbom") as progress:
        deployable = ready(here, folder, build=lambda place: pipeline.build(place, out=here.build, progress=progress))
    document = bill.document(deployable, built=here.build / "layers")
    content = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if out is None:
        click.echo(content, nl=False)
    else:
        out.write_bytes(content)
