"""`ranklet new`: a folder for a model of one's own, which builds as it is."""

from __future__ import annotations

import re
from importlib import resources

import click

from ranklet import project
from ranklet.cli import terminal
from ranklet.errors import ModelError

FILES = ("model.toml", "train.py", "README.md")


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Make functions/NAME: a small logistic regression that trains, builds and serves as it is.

    \b
    ranklet new my-ranker
    python functions/my-ranker/train.py
    ranklet build my-ranker

    Change model.toml to your own inputs and features, and train.py to export your own weights and golden rows.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,47}", name):
        raise ModelError(
            f"{name!r} is no model name: lower-case letters, digits and hyphens, a letter first, 48 at most"
        )
    folder = project.find().functions / name
    if folder.exists():
        raise ModelError(f"functions/{name} exists already; choose another name, or delete it first")
    folder.mkdir()
    templates = resources.files("ranklet") / "scaffold"
    for file in FILES:
        text = (templates / file).read_text(encoding="utf-8").replace("@NAME@", name)
        (folder / file).write_text(text, encoding="utf-8")
    steps = (f"python functions/{name}/train.py", f"ranklet build {name}", f"ranklet serve {name}")
    terminal.OUT.print(f"Made functions/{name}. Next:", *steps, sep="\n  ", markup=False)
