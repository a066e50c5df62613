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

PACKAGES = ("msgspec", "numpy", "onnxruntime", "orjson", "pandas", "pyarrow")
"""What the driver and the workers import besides ranklet and the cluster's own pyspark, which asks for pandas."""

HELP = f"""
Three files go to the cluster: the recipe, this configuration, and Python with what the workers import.

  ranklet tables build films vectors --recipe films.recipe
  echo '{{"recipe": "s3://my-bucket/films.recipe", "input": "s3://my-bucket/catalogue/",
         "out": "s3://my-bucket/tables/films", "partitions": 400}}' > job.json
  # in the image of the release that will run it, with its Python (EMR 7 and Glue 5: Amazon Linux 2023, python3.11)
  python3.11 -m venv --copies env && . env/bin/activate
  pip install {" ".join(PACKAGES)} venv-pack && pip install --no-deps .
  venv-pack -o env.tar.gz

This file is the entry point: infra/ranklet/tables/spark/job.py. By spark-submit:

  PYSPARK_DRIVER_PYTHON=env/bin/python PYSPARK_PYTHON=./environment/bin/python \\
  spark-submit --master yarn --archives env.tar.gz#environment job.py --config s3://my-bucket/job.json

On EMR Serverless (release 7 or newer), with all of them in my-bucket:

  aws emr-serverless start-job-run --application-id 00abc --execution-role-arn arn:aws:iam::…:role/ranklet-build \\
    --job-driver '{{"sparkSubmit": {{
      "entryPoint": "s3://my-bucket/job.py", "entryPointArguments": ["--config", "s3://my-bucket/job.json"],
      "sparkSubmitParameters": "--conf spark.archives=s3://my-bucket/env.tar.gz#environment
        --conf spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON=./environment/bin/python
        --conf spark.emr-serverless.driverEnv.PYSPARK_PYTHON=./environment/bin/python
        --conf spark.executorEnv.PYSPARK_PYTHON=./environment/bin/python"}}}}'   (one line)

As a Glue job (5.0 or newer), which installs packages itself; the wheel is what `pip wheel --no-deps .` makes:

  aws glue create-job --name ranklet-films --role ranklet-build --glue-version 5.0 --worker-type G.1X \\
    --number-of-workers 4 --command '{{"Name": "glueetl", "ScriptLocation": "s3://my-bucket/job.py"}}' \\
    --default-arguments '{{"--config": "s3://my-bucket/job.json", "--python-modules-installer-option": "--no-deps",
      "--additional-python-modules": "s3://my-bucket/ranklet-0.1.0-py3-none-any.whl,{",".join(PACKAGES)}"}}'
  aws glue start-job-run --job-name ranklet-films

The role reads and writes my-bucket. Afterwards model.toml's table says built = "s3://my-bucket/tables/films".
"""


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
    parser = argparse.ArgumentParser(
        prog="ranklet.tables.spark.job",
        description="Build a table's import files where somebody else starts Spark.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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


if __name__ == "__main__" and (code := main()):
    sys.exit(code)  # only then: services may take any SystemExit for a failure
