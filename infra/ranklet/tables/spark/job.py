"""`python -m ranklet.tables.spark.job --config job.json`: a build where somebody else starts Spark.

The very code of `ranklet tables build --engine spark`, for spark-submit, EMR Serverless and Glue. The recipe file
holds all that the model's folder would be asked for; both files may be local or lie where Spark can read them.

    {"recipe": "films.recipe", "input": "s3://…/catalogue/", "out": "s3://…/tables/films/", "partitions": 400}

Besides: `absent` (inputs that take their default), `master` and `spark` (settings), for Spark that is started here.
The result goes to stdout as one line of JSON; exit codes are those of `ranklet`.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ranklet.errors import TableError
from ranklet.tables.spark import cluster
from ranklet.tables.spark.build import Built
from ranklet.tables.spark.recipe import Recipe
from ranklet.tables.spark.session import session


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job's configuration. partitions: files to write; None leaves the dataset's own partitions."""

    recipe: str
    input: str
    out: str
    partitions: int | None = None
    absent: tuple[str, ...] = ()
    master: str | None = None
    spark: Mapping[str, str] = {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job that the arguments name; the exit code."""
    parser = argparse.ArgumentParser(prog="ranklet.tables.spark.job", description="Build a table's import files.")
    parser.add_argument("--config", required=True, help="a JSON file: a path, or a URI that Spark reads (s3://…)")
    # Glue and notebooks add arguments of their own.
    config = parser.parse_known_args(arguments)[0].config
    try:
        print(msgspec.json.encode(dataclasses.asdict(_main(config))).decode())
    except TableError as error:
        print(f"ranklet: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _main(config: str) -> Built:
    if "://" in config:  # whoever started Spark has its settings
        with session(None, {}) as spark:
            return _run(spark, _job(read(config, spark), config))
    job = _job(read(config, None), config)
    with session(job.master, job.spark) as spark:
        return _run(spark, job)


def _run(spark: Any, job: Job) -> Built:
    recipe = Recipe.from_bytes(read(job.recipe, spark))
    return cluster.run(spark, recipe, job.input, job.out, partitions=job.partitions, absent=job.absent, progress=_say)


def _say(what: str) -> None:
    print(f"ranklet: {what}", file=sys.stderr, flush=True)


def read(path: str, spark: Any) -> bytes:
    """A file's bytes, by Spark where the path is a URI. Raises TableError."""
    try:
        if "://" not in path:
            return Path(path).read_bytes()
        return bytes(spark.read.format("binaryFile").load(path).select("content").first()[0])
    except Exception as error:  # OSError, or whatever Spark's file systems raise through py4j
        raise TableError(f"cannot read {path}: {str(error)[:500]}") from error


def _job(document: bytes, path: str) -> Job:
    try:
        return msgspec.json.decode(document, type=Job)
    except msgspec.DecodeError as error:
        raise TableError(f"{path}: {error}; fields: {', '.join(Job.__struct_fields__)}") from error


if __name__ == "__main__":
    sys.exit(main())
