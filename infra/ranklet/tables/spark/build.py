"""A build's way, for either engine: check columns and keys, compute and write, read back, describe.

`table.json` is written last and only when the files hold as many rows as the dataset: a folder without it is no
table. What a bundle asks of a build besides (`ranklet.tables.built`) is written before. A build that fails takes its
files away; one that was killed leaves them, and the next says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from ranklet.errors import TableError
from ranklet.model import TableSource
from ranklet.tables.built.record import GOLDEN, ITEMS, RECORD, TABLE, Golden, Part, Record
from ranklet.tables.spark.content import Content, dim_of
from ranklet.tables.spark.lines import undescribed
from ranklet.tables.spark.recipe import Recipe
from ranklet.tables.spark.rows import opened
from ranklet_features.spec import Table

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
    def read_back(self, table: Table, wanted: Collection[str]) -> Mapping[str, Content]: ...
    def exact(self, keys: Sequence[int | str]) -> Mapping[str, bytes]: ...
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
    """Build `out/items/part-*.gz`, what `built.record` describes, and last `out/table.json`.

    absent: inputs that the dataset may lack, to take their declared defaults. Raises TableError; then nothing of this
    build is left, unless the process was killed.
    """
    out, items, recipe = out.rstrip("/"), items_of(out), engine.recipe
    for path in (f"{out}/{TABLE}", items):
        if engine.exists(path):
            raise TableError(f"{path} is there; a build writes into a new folder: choose another --out, or delete it")
    progress("checking columns and keys")
    check_columns(recipe, engine.columns, absent)
    rows = engine.check_keys()
    if not rows:
        raise TableError(f"table {recipe.name}: the dataset has no rows")
    table = undescribed(recipe, 1)
    table = dataclasses.replace(table, dim=dim_of(engine.first_line(), dtype=table.dtype, paged=table.page > 1))
    with_policies(table, recipe.table, (0.0,) * table.dim)  # a policy that lacks its row is said before hours of work
    try:
        progress(f"computing {rows} rows")
        engine.write()
        progress("reading back")
        contents = engine.read_back(table, {str(key) for key in recipe.asked})
        content = _sum(contents, table)
        if content.rows != rows:
            raise TableError(f"table {table.name}: {content.rows} rows were written of {rows}; build it again")
        parts = [Part.of(name, size, contents.get(name, Content(table.dim))) for name, size in engine.parts()]
        if len(parts) > MAX_PARTS:
            raise TableError(f"table {table.name}: {len(parts)} files; ImportTable takes {MAX_PARTS}: set --partitions")
        described = describe(recipe, table, content)
        golden = _golden(engine, content)
    except BaseException:
        engine.delete(items)
        raise
    record = Record(
        model=recipe.model,
        training=recipe.training(),
        mean=content.mean(),
        key_bytes=content.key_bytes,
        parts=tuple(parts),
    )
    engine.put(f"{out}/{GOLDEN}", golden.to_bytes())
    engine.put(f"{out}/{RECORD}", record.to_bytes())
    fields = orjson.dumps(dataclasses.asdict(described), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    engine.put(f"{out}/{TABLE}", fields)
    return Built(described, out, content.items, len(parts), sum(part.bytes for part in parts))


def _sum(contents: Mapping[str, Content], table: Table) -> Content:
    """What all files hold together."""
    content = Content(table.dim)
    for one in contents.values():
        content.add(one)
    return content


def _golden(engine: Engine, content: Content) -> Golden:
    """The rows that golden requests read: as they were written, and where packing rounds, as they were before."""
    recipe = engine.recipe
    keys = tuple(key for key in recipe.asked if str(key) in content.kept)
    before = engine.exact(keys) if recipe.table.dtype != "f32" else {}
    return Golden(
        asked=recipe.asked,
        keys=keys,
        stored=b"".join(content.kept[str(key)] for key in keys),
        exact=b"".join(before[str(key)] for key in keys if before),
    )


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
    version = content.version(table)
    named = dataclasses.replace(
        table, physical=f"ranklet-{table.name}-{version}", version=version, rows=content.rows, placement="dynamodb"
    )
    return with_policies(named, recipe.table, content.mean())


def with_policies(table: Table, given: TableSource, mean: tuple[float, ...]) -> Table:
    """The table with a model's policies and cache. Raises TableError where a policy lacks its row."""
    policies = {given.missing, given.unavailable}
    default = mean if "mean" in policies else given.default if "row" in policies else None
    if "row" in policies and ("mean" in policies or default is None or len(default) != table.dim):
        raise TableError(
            f"table {table.name}: policy `row` needs `default` with {table.dim} numbers, and no `mean` beside"
        )
    return dataclasses.replace(
        table,
        missing=given.missing,
        unavailable=given.unavailable,
        default=default,
        cache_entries=given.cache_entries,
        cache_ttl_s=given.cache_ttl_s,
        hedge=given.hedge,
    )
