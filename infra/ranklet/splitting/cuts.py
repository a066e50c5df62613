"""The tables that left a graph, pinned as tables of the model: rows by number, placed as other tables are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np

from ranklet.graph.records import Compiled, Lookup, Table
from ranklet.model import Model, TableSource
from ranklet.tables import pin
from ranklet.tables.pin import Pinned
from ranklet.tables.placement import Site
from ranklet.tables.source import Vectors

PREFIX, LONGEST = "cut", 48


def names(compiled: Compiled, taken: Iterable[str]) -> dict[str, str]:
    """The graph's name of each table → its name as a table of the model."""
    found: dict[str, str] = {}
    used = set(taken)
    for table in compiled.tables:
        plain = re.sub(r"[^a-z0-9]+", "-", table.name.lower()).strip("-")
        name = base = f"{PREFIX}-{plain}"[: LONGEST - 4].rstrip("-")
        number = 2
        while name in used:
            name, number = f"{base}-{number}", number + 1
        used.add(name)
        found[table.name] = name
    return found


def source(model: Model, table: Table) -> TableSource:
    """How such a table is packed (as the graph held it) and placed."""
    split = model.split
    return TableSource(
        source=table.name,
        key="int",
        placement=split.cut_placement,
        dtype="f16" if table.dtype == "float16" else "f32",
        cache_entries=split.cache_entries,
        cache_ttl_s=split.cache_ttl_s,
    )


def pinned(name: str, table: Table, given: TableSource, *, site: Site, scratch: Path) -> Pinned:
    """The table as a version of its own. float16 is what the graph had, so that nothing is rounded."""
    keys = np.arange(table.shape[0], dtype=np.int64)
    values = table.values if table.dtype == "float32" else table.values.astype(np.float32)
    return pin.pin(name, given, Vectors(keys, values), scratch=scratch, site=site)


def site(model: Model, compiled: Compiled, uses: Iterable[Lookup], given: Site) -> Site:
    """Where the table's place depends on how many rows a request reads of it."""
    ports = {port.name: port for port in compiled.whole.inputs}
    total = 0.0
    for use in uses:
        sizes = [model.traffic.list_length if size is None else size for size in ports[use.rows].shape[1:-1]]
        total += prod(sizes) * (1 if use.side == "user" else model.traffic.candidates)
    return replace(given, keys=total)


def read(compiled: Compiled, lookups: Iterable[Lookup]) -> Mapping[str, list[Lookup]]:
    """The lookups of each table that has any, in the graph's order."""
    found: dict[str, list[Lookup]] = {table.name: [] for table in compiled.tables}
    for use in lookups:
        found[use.table].append(use)
    return {name: uses for name, uses in found.items() if uses}
