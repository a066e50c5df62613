"""`ranklet import`: a folder in functions/ for what a trainer exported."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from ranklet import draft, project
from ranklet.cli import terminal
from ranklet.errors import ModelError
from ranklet.importers.proposal import Wishes


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The model's name: functions/NAME is made.")
@click.option("--format", "format_", default=None, help="The file's format, where it is not recognised.")
@click.option("-o", "options", multiple=True, metavar="NAME=VALUE", help="An option of the format, such as column=2.")
@click.option(
    "--rows",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Rows of your own for golden requests (.csv, .jsonl, .parquet), a column an input.",
)
@click.option("--again", is_flag=True, help="Take a model that was trained anew into functions/NAME, which is there.")
@click.option("--trust-pickle", is_flag=True, help="Load a pickle, which may run code: only of a file that you wrote.")
@terminal.as_json
def import_(
    path: Path,
    name: str,
    format_: str | None,
    options: tuple[str, ...],
    rows: Path | None,
    again: bool,
    trust_pickle: bool,
    as_json: bool,
) -> None:
    """Make functions/NAME of the exported model in PATH, ready for `ranklet build NAME`.

    \b
    ranklet import ~/export/ranker.onnx --name my-ranker
    ranklet import ~/export/model.ubj --name my-trees --rows sample.csv
    ranklet import ~/export/saved_model --name my-wide-deep -o signature=rank
    ranklet import ~/export/model.ubj --name my-trees --again      (trained anew)
    ranklet build my-ranker

    Inputs and types are read from the file. Which of them are the user's, the context's and the items', no file says:
    that is guessed from their names and marked in model.toml (guessed = true) until you have checked it. The golden
    requests are invented, or made of --rows, and scored by the source library where it is installed.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,47}", name):
        raise ModelError(
            f"{name!r} is no model name: lower-case letters, digits and hyphens, a letter first, 48 at most"
        )
    wishes = Wishes(trust_pickle, _options(options))
    with terminal.progress(name) as progress:
        progress(f"reading {path.name}")
        folder = project.find().functions / name
        make = draft.renew if again else draft.draft
        made = make(path, folder, format=format_, wishes=wishes, rows=rows)
    if as_json:
        terminal.emit(_document(name, made))
    else:
        _show(name, made, again=again)


def _show(name: str, made: draft.Draft, *, again: bool) -> None:
    rows = [[one.name, one.guess.side, one.guess.why, ", ".join(one.kinds)] for one in made.inputs]
    if len(rows) > MOST_SHOWN:
        rows = [*rows[:MOST_SHOWN], [f"… {len(rows) - MOST_SHOWN} more", "", "", ""]]
    terminal.show(f"functions/{name}, from {made.format}", ["input", "side", "guessed from", "feature"], rows)
    for note in made.notes:
        terminal.ERR.print(f"  {note}", markup=False, style="yellow")
    sides = f"Check the sides in functions/{name}/model.toml and take `guessed = true` away."
    told = f"{made.golden} golden requests. {'model.toml is as it was.' if again else sides} Next:"
    terminal.OUT.print(told, f"ranklet build {name}", sep="\n  ", markup=False)


MOST_SHOWN = 40
"""Lines of inputs on the terminal; --json has them all."""


def _options(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise ModelError(f"-o {one} has no form NAME=VALUE")
        if name in found:
            raise ModelError(f"-o {name} is given twice")
        found[name] = value
    return found


def _document(name: str, made: draft.Draft) -> dict[str, Any]:
    return {
        "model": name,
        "format": made.format,
        "inputs": [
            {"name": one.name, "side": one.guess.side, "why": one.guess.why, "guessed": one.guessed, **one.raw}
            for one in made.inputs
        ],
        "score": made.score,
        "item_key": made.item_key,
        "golden": made.golden,
        "notes": list(made.notes),
    }
