"""The engine `local`: the same rows, lines and version as Spark's, by one process and without Java.

One pass over the keys, which are held in memory, one over the rows, which are not (pages excepted: their rows are
sorted in memory first).
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ranklet.errors import TableError
from ranklet.tables.importfiles import LEVEL, PART_BYTES
from ranklet.tables.spark import needs
from ranklet.tables.spark.build import Built, build, items_of
from ranklet.tables.spark.content import Content
from ranklet.tables.spark.content import of as content_of
from ranklet.tables.spark.lines import lines
from ranklet.tables.spark.recipe import Recipe
from ranklet.tables.spark.rows import exact, opened, packed
from ranklet_features.spec import Table

BATCH_ROWS = 4096


@dataclass(frozen=True)
class Single:
    """A Parquet file or folder, and the folder of its items."""

    recipe: Recipe
    input: str
    items: str

    @property
    def columns(self) -> dict[str, str]:
        """The dataset's columns and their types. Raises TableError for a dataset that cannot be read."""
        schema = self._dataset().schema
        return {name: str(type_) for name, type_ in zip(schema.names, schema.types, strict=True)}

    def check_keys(self) -> int:
        """As `Cluster.check_keys`."""
        arrow, name, key = needs.arrow(), self.recipe.name, self.recipe.table.key_column
        type_ = self._dataset().schema.field(key).type
        text = arrow.types.is_string(type_) or arrow.types.is_large_string(type_)
        integer = arrow.types.is_integer(type_) and type_ != arrow.uint64()
        if not (integer if self.recipe.table.key == "int" else text):
            wanted = "an integer column" if self.recipe.table.key == "int" else "a string column"
            raise TableError(f'table {name}: column {key!r} is {type_}; key = "{self.recipe.table.key}" needs {wanted}')
        keys = self._dataset().to_table(columns=[key]).column(0)
        if keys.null_count:
            raise TableError(f"table {name}: {keys.null_count} rows have no {key!r}; every row needs a key")
        counted = keys.value_counts()
        twice = counted.filter(arrow.compute.greater(counted.field("counts"), 1))
        if len(twice):
            least = arrow.compute.min(twice.field("values")).as_py()
            raise TableError(
                f"table {name}: {len(twice)} keys stand on more than one row, {str(least)[:60]!r} among them; a key "
                "names one row, and ImportTable would keep any of them"
            )
        return len(keys)

    def first_line(self) -> str:
        """As `Cluster.first_line`."""
        return next(self._lines(self._dataset().head(1).to_batches())).split(b"\n")[0].decode()

    def write(self) -> None:
        """As `Cluster.write`."""
        folder = Path(self.items)
        try:
            folder.mkdir(parents=True)
            self._write(folder)
        except OSError as error:
            raise TableError(f"table {self.recipe.name}: cannot write {folder}: {error}") from error

    def read_back(self, table: Table, wanted: Collection[str]) -> dict[str, Content]:
        """As `Cluster.read_back`."""
        found = {}
        for name, _ in self.parts():
            with gzip.open(Path(self.items) / name, "rb") as file:
                found[name] = content_of(file, table, wanted)
        return found

    def exact(self, keys: Sequence[int | str]) -> dict[str, bytes]:
        """As `Cluster.exact`."""
        if not keys:
            return {}
        arrow, data = needs.arrow(), self._dataset()
        import pyarrow.dataset

        text = self.recipe.table.key == "string"
        column = pyarrow.dataset.field(self.recipe.table.key_column).cast("string" if text else "int64")
        chosen = column.isin(arrow.array(keys, "string" if text else "int64"))
        found: dict[str, bytes] = {}
        for part in exact(data.to_batches(columns=self._wanted(data), filter=chosen), self.recipe.to_bytes()):
            found |= part.by_text()
        return found

    def exists(self, path: str) -> bool:
        """As `Cluster.exists`."""
        return Path(path).exists()

    def put(self, path: str, content: bytes) -> None:
        """As `Cluster.put`."""
        Path(path).write_bytes(content)

    def delete(self, path: str) -> None:
        """As `Cluster.delete`."""
        shutil.rmtree(path, ignore_errors=True)

    def parts(self) -> list[tuple[str, int]]:
        """As `Cluster.parts`."""
        return sorted((path.name, path.stat().st_size) for path in Path(self.items).glob("part-*.gz"))

    def _dataset(self) -> Any:
        arrow = needs.arrow()
        import pyarrow.dataset

        try:
            return pyarrow.dataset.dataset(self.input, format="parquet")
        except (OSError, arrow.ArrowException) as error:
            raise TableError(f"table {self.recipe.name}: cannot read {self.input}: {error}") from error

    def _wanted(self, data: Any) -> list[str]:
        """The columns that the tower reads."""
        tower = opened(self.recipe.to_bytes())[1]
        named = (name for name in tower.inputs if name in data.schema.names)
        return list(dict.fromkeys((self.recipe.table.key_column, *named)))

    def _batches(self) -> Iterator[Any]:
        data, key = self._dataset(), self.recipe.table.key_column
        wanted = self._wanted(data)
        if self.recipe.table.page > 1:
            yield from data.to_table(columns=wanted).sort_by(key).to_batches(BATCH_ROWS)
            return
        yield from data.to_batches(columns=wanted, batch_size=BATCH_ROWS, batch_readahead=1, use_threads=False)

    def _lines(self, batches: Any) -> Iterator[bytes]:
        return lines(packed(batches, self.recipe.to_bytes()), self.recipe)

    def _write(self, folder: Path) -> None:
        texts, number = self._lines(self._batches()), 0
        text = next(texts, None)
        while text is not None:
            with gzip.GzipFile(folder / f"part-{number:05d}.json.gz", "wb", LEVEL, mtime=0) as file:
                size = 0
                while text is not None and size < PART_BYTES:
                    size += file.write(text)
                    text = next(texts, None)
            number += 1


def run(
    recipe: Recipe, source: str, out: str, *, absent: tuple[str, ...] = (), progress: Callable[[str], None]
) -> Built:
    """Build `out` from the Parquet dataset `source` in this process; see `build.build`."""
    return build(Single(recipe, source, items_of(out)), out, absent=absent, progress=progress)
