"""`ranklet import`: a folder in functions/ for what a trainer exported."""

from __future__ import annotations

import re
from pathlib import Path

import click

from ranklet import draft, project
from ranklet.cli import terminal
from ranklet.errors import ModelError


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The model's name: functions/NAME is made.")
@click.option("--format", "format_", default=None, help="The file's format, where it is not recognised.")
@terminal.as_json
def import_(path: Path, name: str, format_: str | None, as_json: bool) -> None:
    """Make functions/NAME of the exported model in the file PATH, ready for `ranklet build NAME`.

    \b
    ranklet import ~/export/ranker.onnx --name my-ranker
    ranklet build my-ranker

    Inputs and types are read from the file. Which of them are the user's, the context's and the items', no file says:
    that is guessed from their names and marked in model.toml (guessed = true) until you have checked it. The golden
    requests are invented and scored by the source library; replace them by real ones.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,47}", name):
        raise ModelError(
            f"{name!r} is no model name: lower-case letters, digits and hyphens, a letter first, 48 at most"
        )
    with terminal.progress(name) as progress:
        progress(f"reading {path.name}")
        made = draft.draft(path, project.find().functions / name, format=format_)
    if as_json:
        terminal.emit(
            {
                "model": name,
                "format": made.format,
                "inputs": [
                    {"name": one.tensor, "side": one.guess.side, "why": one.guess.why, **one.raw} for one in made.inputs
                ],
                "score": made.score,
                "item_key": made.item_key,
                "golden": made.golden,
                "notes": list(made.notes),
            }
        )
        return
    rows = [[one.tensor, one.guess.side, one.guess.why, one.feature["kind"]] for one in made.inputs]
    terminal.show(f"functions/{name}, from {made.format}", ["input", "side", "guessed from", "feature"], rows)
    for note in made.notes:
        terminal.ERR.print(f"  {note}", markup=False, style="yellow")
    terminal.OUT.print(
        f"Check the sides in functions/{name}/model.toml and take `guessed = true` away. Next:",
        f"ranklet build {name}",
        sep="\n  ",
        markup=False,
    )
