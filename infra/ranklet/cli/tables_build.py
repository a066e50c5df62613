"""`ranklet tables build`: a tower over a Parquet dataset, into import files."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ranklet import model as models
from ranklet import project
from ranklet.cli import terminal

if TYPE_CHECKING:
    from ranklet.tables.spark.build import Built
    from ranklet.tables.spark.recipe import Recipe


@click.command()
@click.argument("model")
@click.argument("table")
@click.option(
    "--engine",
    type=click.Choice(["spark", "local"]),
    default="local",
    show_default=True,
    help="local: one process, the keys in memory. spark: any size; needs the extra [spark] and Java 17.",
)
@click.option("--input", "source", help="Parquet file or folder, one row a key; for Spark also s3://… and the like.")
@click.option("--out", help="New folder for the import files [what the table's `built` names].")
@click.option("--master", help="Where Spark runs [local[2]].")
@click.option("--partitions", type=click.IntRange(1, 50_000), help="Files to write; by default as the dataset is cut.")
@click.option("--absent", multiple=True, metavar="INPUT", help="The dataset may lack this input: it takes its default.")
@click.option("--conf", multiple=True, metavar="NAME=VALUE", help="A setting of Spark.")
@click.option(
    "--recipe",
    "recipe_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Compute nothing: write the recipe that ranklet.tables.spark.job takes to a cluster.",
)
@terminal.as_json
def build(
    model: str,
    table: str,
    engine: str,
    source: str | None,
    out: str | None,
    master: str | None,
    partitions: int | None,
    absent: tuple[str, ...],
    conf: tuple[str, ...],
    recipe_file: Path | None,
    as_json: bool,
) -> None:
    """Run the tower of MODEL's TABLE over a Parquet dataset and write files for DynamoDB's ImportTable.

    \b
    ranklet tables build films vectors --input catalogue/
    ranklet tables build films vectors --engine spark --master 'local[2]' --input catalogue/ --out built/films
    ranklet tables build films vectors --recipe films.recipe

    With `built = "../../built/films"` in the table's model.toml, `ranklet build` pins that very version and proves the
    model on it, and `ranklet tables push` loads its files. Both engines write the same rows and name the same version.

    Exit code 7 when the dataset is refused: a key twice or missing, a NaN, a column that is not there.
    """
    from ranklet.tables.built.pinning import where
    from ranklet.tables.spark.recipe import Recipe

    here = project.find()
    folder = here.models([model])[0]
    recipe = Recipe.of(models.load(folder), folder, table)
    if recipe_file is not None:
        _write_recipe(recipe, recipe_file, as_json)
        return
    if out is None and recipe.table.built is not None:
        out = where(folder, recipe.table.built)
    if source is None or out is None:
        raise click.UsageError("--input is needed, and --out where model.toml has no `built`; or --recipe")
    if engine == "local" and "://" in source + out:
        raise click.UsageError(
            "--engine local reads and writes this machine's files; --engine spark any that Spark knows"
        )
    if engine == "local" and (master or conf or partitions):
        raise click.UsageError("--master, --conf and --partitions are for --engine spark")
    settings = dict(_setting(text) for text in conf)
    with terminal.progress(f"{model} {table}") as progress:
        if engine == "local":
            from ranklet.tables.spark import single

            built = single.run(recipe, source, out, absent=absent, progress=progress)
        else:
            from ranklet.tables.spark import cluster, session

            with session.session(master or "local[2]", settings) as spark:
                built = cluster.run(spark, recipe, source, out, partitions=partitions, absent=absent, progress=progress)
    _show(built, as_json)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--conf {text}: write NAME=VALUE")
    return name, value


def _write_recipe(recipe: Recipe, path: Path, as_json: bool) -> None:
    recipe.open()  # what does not fit together is said here, not by a cluster
    blob = recipe.to_bytes()
    path.write_bytes(blob)
    if as_json:
        terminal.emit({"recipe": str(path), "bytes": len(blob)})
    else:
        terminal.ERR.print(f"{path}: {terminal.size(len(blob))}", markup=False)


def _show(built: Built, as_json: bool) -> None:
    if as_json:
        terminal.emit(dataclasses.asdict(built))
        return
    table = built.table
    row = [table.physical, f"{table.rows}", str(table.dim), table.dtype, str(built.files), terminal.size(built.bytes)]
    terminal.show(f"Built into {built.out}", ["table", "rows:", "dim:", "dtype", "files:", "size:"], [row])
