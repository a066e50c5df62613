"""`ranklet tables`: a group whose verbs are imported when used, one file each."""

from __future__ import annotations

import importlib

import click

VERBS = {
    "build": ("ranklet.cli.tables_build:build", "Run a tower over a Parquet dataset, into import files."),
    "push": ("ranklet.cli.tables_push:push", "Write the versions that a bundle pins into DynamoDB."),
    "list": ("ranklet.cli.tables_list:list_", "Show every version: its state, its cost, who names it."),
    "verify": ("ranklet.cli.tables_verify:verify", "Compare versions with what was staged, by count and by row."),
    "get": ("ranklet.cli.tables_get:get", "Show rows by key."),
    "diff": ("ranklet.cli.tables_diff:diff", "Compare two versions row by row."),
    "upsert": ("ranklet.cli.tables_upsert:upsert", "Write fresh rows into a live version."),
    "prune": ("ranklet.cli.tables_prune:prune", "Delete the versions that no function names."),
}
"""Verb → where it is, and its line in `ranklet tables --help`; in the order of a table's life."""


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, name = VERBS[cmd_name][0].split(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table above: click would import every verb for its help line."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in VERBS.items()])


@click.group(cls=_Lazy)
def tables() -> None:
    """Embedding tables: write, list, check, compare and delete the versions that bundles pin.

    A version is immutable and named by its content: `ranklet-<table>-<version>`. A function reads the very version
    that its manifest pins, so that a deployment or a rollback switches model and embeddings as one.
    """
