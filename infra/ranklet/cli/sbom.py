"""`ranklet sbom`: what a model ships, for auditors and their tools."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from ranklet import project
from ranklet import sbom as bill
from ranklet.cli import terminal
from ranklet.funnels.ready import of_folder


@click.command()
@click.argument("model")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A file [stdout].")
def sbom(model: str, out: Path | None) -> None:
    """Write what MODEL, or a funnel, ships as CycloneDX 1.6: its layers' packages, and its files with their hashes.

    \b
    ranklet sbom movie-ftrl > movie-ftrl.cdx.json
    ranklet sbom movie-ftrl --out movie-ftrl.cdx.json

    A model that is not built, or not as its folder is now, is built first. Calls nobody. `.ci/audit` holds the same
    pins to the known vulnerabilities.
    """
    here = project.find()
    (folder,) = here.folders([model])
    with terminal.progress("sbom") as progress:
        deployable = of_folder(here, folder, progress=progress)
    document = bill.document(deployable, built=here.build / "layers")
    content = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if out is None:
        click.echo(content, nl=False)
    else:
        out.write_bytes(content)
