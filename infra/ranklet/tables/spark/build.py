"""A build's way, for either engine: check columns and keys, compute and write, read back, describe.

`table.json` is written last and only when the files hold as many rows as the dataset: a folder without it is no
table. A build that fails takes its files away; one that was killed leaves them, and the next says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import orjson

from ranklet.errors import TableError
from ranklet.tables.spark.content import Content, dim_of
from ranklet.tables.spark.lines import undescribed
from ranklet.tables.spark.recipe import Recipe
from ranklet.tables.spark.rows import opened
from ranklet_features.spec import Table

DESCRIPTION, ITEMS = "table.json", "items"
MAX_PARTS = 50_000
"""ImportTable's limit of files."""


class Engine(Protocol):
    """Where rows are computed; see `cluster.Cluster` for what each does and raises."""

    @property
    def recipe(self) -> Recipe: ...
    @property
    def columns(self) -> dict[str, str]: ...
    def check_keys(self) -> int: ...
    def first_line(self) -> str: ...
    def write(self) -> None: ...
    def read_back(self, table: Table) -> Content: ...
    def exists(self, path: str) -> bool: ...
    def put(self, path: str, content: bytes) -> None: ...
    def delete(self, path: str) -> None: ...
    def parts(self) -> list[tuple[str, int]]: ...


@dataclass(frozen=True)
class Built:
    """What a build made. items: DynamoDB items, fewer than rows with pages. bytes: of the files, compressed."""

    table: Table
    out: str
    items: int
    files: int
    bytes: int


def build(engine: Engine, out: str, *, absent: tuple[str, ...] = (), progress: Callable[[str], None]) -> Built:
    """Build `out/items/part-*.gz` and `out/table.json`.

    absent: inputs that the dataset may lack, to take their declared defaults. Raises TableError; then nothing of this
    build is left, unless the process was killed.
    """
    out, items = out.rstrip("/"), items_of(out)
    for path in (f"{out}/{DESCRIPTION}", items):
        if engine.exists(path):
            raise TableError(f"{path} is there; a build writes into a new folder: choose another --out, or delete it")
    progress("checking columns and keys")
    check_columns(engine.recipe, engine.columns, absent)
    rows = engine.check_keys()
    if not rows:
        raise TableError(f"table {engine.recipe.name}: the dataset has no rows")
    table = undescribed(engine.recipe, 1)
    table = dataclasses.replace(table, dim=dim_of(engine.first_line(), dtype=table.dtype, paged=table.page > 1))
    try:
        progress(f"computing {rows} rows")
        engine.write()
        progress("reading back")
        content = engine.read_back(table)
        if content.rows != rows:
            raise TableError(f"table {table.name}: {content.rows} rows were written of {rows}; build it again")
        parts = engine.parts()
        if len(parts) > MAX_PARTS:
            raise TableError(f"table {table.name}: {len(parts)} files; ImportTable takes {MAX_PARTS}: set --partitions")
    except BaseException:
        engine.delete(items)
        raise
    described = describe(engine.recipe, table, content)
    fields = orjson.dumps(dataclasses.asdict(described), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    engine.put(f"{out}/{DESCRIPTION}", fields)
    return Built(described, out, content.items, len(parts), sum(size for _, size in parts))


def items_of(out: str) -> str:
    """Where a build keeps its items."""
    return f"{out.rstrip('/')}/{ITEMS}"


def check_columns(recipe: Recipe, there: dict[str, str], absent: tuple[str, ...]) -> None:
    """Raise TableError for a column that the tower reads and the dataset lacks, naming what was allowed."""
    tower = opened(recipe.to_bytes())[1]
    key = recipe.table.key_column
    columns = ", ".join(f"{name} ({type_})" for name, type_ in there.items())
    if key not in there:
        raise TableError(f"table {recipe.name}: the dataset has no key column {key!r}; its columns: {columns}")
    if unknown := [name for name in absent if name not in tower.inputs]:
        raise TableError(f"table {recipe.name}: {unknown} may be absent, but the tower reads {sorted(tower.inputs)}")
    lacking = [name for name in tower.inputs if name not in there]
    if bare := [name for name in lacking if tower.inputs[name].default is None]:
        raise TableError(
            f"table {recipe.name}: the dataset lacks {bare}, which the tower reads; its columns: {columns}; the tower "
            f"reads: {', '.join(tower.inputs)}"
        )
    if unsaid := [name for name in lacking if name not in absent]:
        raise TableError(
            f"table {recipe.name}: the dataset lacks {unsaid}; its columns: {columns}; add them, or give every row "
            f"their default by {' '.join(f'--absent {name}' for name in unsaid)}"
        )


def describe(recipe: Recipe, table: Table, content: Content) -> Table:
    """The table as a manifest would pin it. Raises TableError where a policy lacks its row."""
    given = recipe.table
    version = content.version(table)
    policies = {given.missing, given.unavailable}
    default = content.mean() if "mean" in policies else given.default if "row" in policies else None
    if "row" in policies and ("mean" in policies or default is None or len(default) != table.dim):
        raise TableError(
            f"table {table.name}: policy `row` needs `default` with {table.dim} numbers, and no `mean` beside"
        )
    return dataclasses.replace(
        table,
        physical=f"ranklet-{table.name}-{version}",
        version=version,
        rows=content.rows,
        placement="dynamodb",
        missing=given.missing,
        unavailable=given.unavailable,
        default=default,
        cache_entries=given.cache_entries,
        cache_ttl_s=given.cache_ttl_s,
    )
