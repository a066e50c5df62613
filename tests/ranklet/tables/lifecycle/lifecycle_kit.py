"""A place with AWS's services, staged versions, deployed functions, and the command line run against them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from click.testing import CliRunner, Result
from rights_kit import recorded, stated

from ranklet.cli import ranklet
from ranklet.errors import RankletError
from ranklet.model import TableSource
from ranklet.tables import files
from ranklet.tables.clients import Aws
from ranklet.tables.pin import Pinned, pin
from ranklet.tables.source import Vectors

REGION = "us-east-1"


@dataclass(frozen=True)
class Place:
    """An endpoint. name: moto, ours or ministack."""

    name: str
    endpoint: str

    @cached_property
    def aws(self) -> Aws:
        """Clients as the commands make them."""
        return Aws(REGION, self.endpoint)

    @property
    def dynamodb(self) -> Any:
        """boto3's DynamoDB."""
        return self.aws.dynamodb

    def client(self, service: str) -> Any:
        """Any other client of boto3's."""
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION)

    def tables(self, *words: str) -> Done:
        """Run `ranklet tables …` here."""
        verb, *rest = words
        return tables(verb, "--endpoint", self.endpoint, "--region", REGION, *rest)


def emptied(name: str, endpoint: str, reset: str) -> Place:
    """A place without anything in it. reset: what its server takes for that."""
    connection = HTTPConnection(endpoint.removeprefix("http://"), timeout=60)
    connection.request("POST", reset)
    assert connection.getresponse().status == 200
    connection.close()
    return Place(name, endpoint)


@dataclass(frozen=True)
class Done:
    """What a command did. stdout: alone, without progress. code: its exit code."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """stdout as the one JSON document that it has to be."""
        return json.loads(self.stdout)


def tables(*words: str, answer: str | None = None) -> Done:
    """Run `ranklet tables …` in this process, errors to exit codes as `main` does it.

    Whatever it calls must stand among the rights that its help says it needs.
    """
    with recorded() as called:
        result: Result = CliRunner().invoke(ranklet, ["tables", *words], input=answer)
    if called:
        missing = called - stated("tables", words[0])
        assert not missing, f"`tables {words[0]}` calls what its help does not name: {sorted(missing)}"
    if isinstance(result.exception, RankletError):
        return Done(result.exception.exit_code, result.stdout, f"{result.stderr}ranklet: {result.exception}")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def vectors(rows: int = 57, dim: int = 8, *, seed: int = 3, key: str = "int") -> Vectors:
    """Rows of normal numbers; int keys leave gaps and begin below zero."""
    values = np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
    numbers = np.arange(rows) * 3 - 9
    keys = numbers if key == "int" else tuple(f"film {number:05}" for number in range(rows))
    return Vectors(keys, values)


def pinned(name: str = "films", given: Vectors | None = None, **fields: Any) -> Pinned:
    """A version of these rows, to be read from DynamoDB."""
    given = vectors(key=fields.get("key", "int")) if given is None else given
    source = TableSource(**{"vectors": "v", "keys": "k", "placement": "dynamodb", **fields})
    return pin(name, source, given)


def staged(folder: Path, name: str = "films", given: Vectors | None = None, **fields: Any) -> Path:
    """Its folder, as a build stages it."""
    return files.write_staged(pinned(name, given, **fields), folder)


def project(root: Path, *pins: Pinned, toml: str = "") -> Path:
    """A project with one model, `movies`, whose bundle pins these tables; the folder of its model.toml.

    toml: what stands in model.toml of the tables.
    """
    model, bundle = root / "functions" / "movies", root / ".build" / "functions" / "movies"
    for folder in (model, bundle):
        folder.mkdir(parents=True)
    (root / "cdk.json").write_text("{}")
    (model / "model.toml").write_text(MODEL.format(tables=toml))
    folders = [files.write_staged(one, root / ".build" / "tables") for one in pins]
    manifest = {
        "format": 1,
        "model": "movies",
        "version": "1",
        "inputs": {"age": {"side": "item"}},
        "features": {"age": {"kind": "dense", "of": ["age"]}},
        "tables": {
            one.table.name: json.loads((folder / "table.json").read_text())
            for one, folder in zip(pins, folders, strict=True)
        },
        "steps": [{"engine": "linear", "rows": "item", "inputs": {"x": "age"}, "outputs": {"y": "score"}}],
        "score": "score",
        "dialects": ["native"],
        "limits": {},
        "threads": 1,
    }
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    return model


MODEL = """
name = "movies"
[inputs.age]
side = "item"
[features.age]
kind = "dense"
of = "age"
{tables}
[[steps]]
format = "numpy"
engine = "linear"
source = "w.npz"
"""


def code() -> bytes:
    """A zip with one module."""
    blob = io.BytesIO()
    with zipfile.ZipFile(blob, "w") as file:
        file.writestr("ranklet_runtime/handler.py", "def handler(event, context): return {}")
    return blob.getvalue()


class Functions:
    """Functions deployed with the variable that the stacks set, published and aliased at will."""

    HANDLER = "ranklet_runtime.handler.handler"

    def __init__(self, place: Place) -> None:
        self.client = place.client("lambda")
        iam = place.client("iam")
        self._names: set[str] = set()
        try:
            self._role = iam.get_role(RoleName="lifecycle")["Role"]["Arn"]
        except iam.exceptions.NoSuchEntityException:
            document = {"Version": "2012-10-17", "Statement": []}
            made = iam.create_role(RoleName="lifecycle", AssumeRolePolicyDocument=json.dumps(document))
            self._role = made["Role"]["Arn"]

    def deploy(self, name: str, tables: Sequence[str] | None, *, handler: str = HANDLER) -> str:
        """Set the variable (None: leave it out) and publish; the new version."""
        variables = {} if tables is None else {"RANKLET_TABLES": ",".join(tables) or "none"}
        variables["OMP_NUM_THREADS"] = str(len(self._names))
        if name not in self._names:
            self._names.add(name)
            self.client.create_function(
                FunctionName=name,
                Runtime="python3.13",
                Role=self._role,
                Handler=handler,
                Code={"ZipFile": code()},
                Environment={"Variables": variables},
            )
        else:
            self.client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        return str(self.client.publish_version(FunctionName=name)["Version"])

    def alias(self, name: str, version: str, *, alias: str = "live", also: str | None = None) -> None:
        """Send an alias's requests to a version, some of them to another."""
        routing = {"RoutingConfig": {"AdditionalVersionWeights": {also: 0.1}}} if also else {}
        there = {one["Name"] for one in self.client.list_aliases(FunctionName=name)["Aliases"]}
        call = self.client.update_alias if alias in there else self.client.create_alias
        call(FunctionName=name, Name=alias, FunctionVersion=version, **routing)
