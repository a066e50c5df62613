"""What every command shares: progress on stderr, tables and JSON on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

PLAIN_WIDTH = 140
"""Columns where stdout is a file or a pipe, which have no width of their own."""

ERR = Console(stderr=True, highlight=False)
OUT = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")


def emit(document: Any) -> None:
    """Print a JSON document on stdout."""
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout; columns that end in a colon are right-aligned."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        figure = column.endswith(":")
        table.add_column(column.rstrip(":"), justify="right" if figure else "left", overflow="fold", no_wrap=figure)
    for row in rows:
        table.add_row(*row)
    OUT.print(table)


@contextmanager
def progress(what: str) -> Iterator[Callable[[str], None]]:
    """A spinner on stderr that says what is going on; plain lines where stderr is no terminal."""
    if not ERR.is_terminal:
        yield lambda text: ERR.print(f"{what}: {text}", markup=False)
        return
    with ERR.status(what) as status:
        yield lambda text: status.update(f"{what}: {text}")


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{count / 2**10:.1f} KB"
