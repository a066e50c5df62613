"""The engine `spark`: keys counted, rows computed and written, lines read back, each as a Spark job.

Spark writes the lines itself (`DataFrameWriter.text`, gzip), so that its committers deal with tasks that fail or run
twice, and any file system that it knows will do. Workers get one broadcast blob of bytes. Nothing is collected but a
few numbers per file, and the rows of golden requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any

from ranklet.errors import TableError
from ranklet.tables.spark import workers
from ranklet.tables.spark.build import Built, build, items_of
from ranklet.tables.spark.content import Content
from ranklet.tables.spark.recipe import Recipe
from ranklet.tables.spark.rows import opened
from ranklet.tables.spark.session import quiet
from ranklet_features.spec import Table

INTS = {"tinyint", "smallint", "int", "bigint"}


@dataclass(frozen=True)
class Cluster:
    """A dataset and where its items go. partitions: files to write; None leaves the dataset's own partitions."""

    spark: Any
    recipe: Recipe
    input: str
    items: str
    partitions: int | None = None

    @property
    def columns(self) -> dict[str, str]:
        """The dataset's columns and their Spark types. Raises TableError for a dataset that cannot be read."""
        with _refusals(self.recipe.name):
            return dict(self._dataset.dtypes)

    def check_keys(self) -> int:
        """How many rows. Raises TableError for a key that is null or stands twice, and for keys of another type."""
        name, key = self.recipe.name, self.recipe.table.key_column
        type_ = self.columns[key]
        if (type_ not in INTS) if self.recipe.table.key == "int" else type_ != "string":
            wanted = "string" if self.recipe.table.key == "string" else f"one of {', '.join(sorted(INTS))}"
            raise TableError(f'table {name}: column {key!r} is {type_}; key = "{self.recipe.table.key}" needs {wanted}')
        from pyspark.sql import functions as f

        with _refusals(name):
            count, chosen = f.col("count"), f.col("key")
            counted = self._dataset.select(f.col(f"`{key}`").alias("key")).groupBy("key").count()
            row = counted.agg(
                f.sum("count"),
                f.sum(f.when(chosen.isNull(), count)),
                f.sum(f.when(chosen.isNotNull() & (count > 1), 1)),
                f.min(f.when(count > 1, chosen)),
            ).first()
        if row[1]:
            raise TableError(f"table {name}: {row[1]} rows have no {key!r}; every row needs a key")
        if row[2]:
            raise TableError(
                f"table {name}: {row[2]} keys stand on more than one row, {str(row[3])[:60]!r} among them; a key names "
                "one row, and ImportTable would keep any of them"
            )
        return int(row[0] or 0)

    def first_line(self) -> str:
        """A written line of some row, so that faults of all rows show before the dataset is read."""
        with _refusals(self.recipe.name):
            return str(self._lines(self._dataset.limit(1)).first()[0]).split("\n")[0]

    def write(self) -> None:
        """Compute all rows and write their lines; the folder must not exist. Raises TableError."""
        with _refusals(self.recipe.name):
            data = self._dataset
            if self.recipe.table.page > 1:
                data = self._by_page(data)
            elif self.partitions is not None:
                data = data.repartition(self.partitions)
            self._lines(data).write.mode("error").option("compression", "gzip").text(self.items)
            self.delete(f"{self.items}/_SUCCESS")  # ImportTable reads everything below a prefix

    def read_back(self, table: Table, wanted: Collection[str]) -> dict[str, Content]:
        """File → what was written into it, with the rows of `wanted` keys. Raises TableError."""
        with _refusals(self.recipe.name):
            keep = self.spark.sparkContext.broadcast(frozenset(wanted))
            written = self.spark.read.text(self.items).select("value", "_metadata.file_name")
            rows = written.mapInArrow(partial(workers.sums, asdict(table), keep), workers.SUMS).collect()
        found: dict[str, Content] = {}
        for row in rows:
            found.setdefault(row["name"], Content(table.dim)).add(workers.content(row, table))
        return found

    def exact(self, keys: Sequence[int | str]) -> dict[str, bytes]:
        """Key → row before packing, float32, of those keys that the dataset has. Raises TableError."""
        from pyspark.sql import functions as f

        if not keys:
            return {}
        with _refusals(self.recipe.name):
            type_ = "key string" if self.recipe.table.key == "string" else "key long"
            chosen = f.broadcast(self.spark.createDataFrame([(key,) for key in keys], type_))
            match = f.col(f"`{self.recipe.table.key_column}`") == f.col("key")
            data, blob = self._selected(self._dataset.join(chosen, match, "left_semi"))
            return {
                row["key"]: bytes(row["row"])
                for row in data.mapInArrow(partial(workers.exact_rows, blob), workers.EXACT).collect()
            }

    def exists(self, path: str) -> bool:
        """Whether something lies there."""
        files, where = self._files(path)
        return bool(files.exists(where))

    def put(self, path: str, content: bytes) -> None:
        """Write a small file by the file system that the path names."""
        with _refusals(self.recipe.name):
            files, where = self._files(path)
            stream = files.create(where, True)
            try:
                stream.write(bytearray(content))
            finally:
                stream.close()

    def delete(self, path: str) -> None:
        """Delete a file or a folder that this build made."""
        files, where = self._files(path)
        files.delete(where, True)

    def parts(self) -> list[tuple[str, int]]:
        """Name and size of every file of items."""
        files, where = self._files(self.items)
        found = [(str(one.getPath().getName()), int(one.getLen())) for one in files.listStatus(where)]
        return sorted(one for one in found if one[0].startswith("part-"))

    @cached_property
    def _dataset(self) -> Any:
        """Read once: for its schema Spark starts a job of its own."""
        return self.spark.read.parquet(self.input)

    def _lines(self, data: Any) -> Any:
        """A column of texts, each some hundred lines without the last newline, which Spark writes."""
        data, blob = self._selected(data)
        return data.mapInArrow(partial(workers.texts, blob), "line string")

    def _selected(self, data: Any) -> tuple[Any, Any]:
        """The columns that the tower reads, and the recipe as workers get it."""
        tower = opened(self.recipe.to_bytes())[1]
        wanted = dict.fromkeys((self.recipe.table.key_column, *(name for name in tower.inputs if name in data.columns)))
        blob = self.spark.sparkContext.broadcast(self.recipe.to_bytes())
        return data.select(*(f"`{name}`" for name in wanted)), blob

    def _by_page(self, data: Any) -> Any:
        from pyspark.sql import functions as f

        key, page = f.col(f"`{self.recipe.table.key_column}`").cast("long"), f.lit(self.recipe.table.page)
        start = key - f.pmod(key, page)
        count = () if self.partitions is None else (self.partitions,)
        return data.repartition(*count, start).sortWithinPartitions(self.recipe.table.key_column)

    def _files(self, path: str) -> tuple[Any, Any]:
        """Hadoop's file system for a path, which is how Spark itself reaches S3."""
        jvm = self.spark.sparkContext._jvm
        where = jvm.org.apache.hadoop.fs.Path(path)
        return where.getFileSystem(self.spark.sparkContext._jsc.hadoopConfiguration()), where


def run(
    spark: Any,
    recipe: Recipe,
    source: str,
    out: str,
    *,
    partitions: int | None = None,
    absent: tuple[str, ...] = (),
    progress: Callable[[str], None],
) -> Built:
    """Build `out` from the Parquet dataset `source` in a session; see `build.build`."""
    return build(Cluster(spark, recipe, source, items_of(out), partitions), out, absent=absent, progress=progress)


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """What a worker refused, said in its own words; what Spark refused, in Spark's."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        with quiet():
            yield
    except (Py4JError, PySparkException) as error:
        said = re.search(r"ranklet\.errors\.TableError: (.*)", str(error))
        if said:
            raise TableError(said[1]) from error
        raise TableError(f"table {name}: Spark: {str(error)[:2000]}") from error
