"""Environments: what dev, staging and prod do differently, one file each: `infra/environments/<name>.toml`.

`cdk -c env=prod` and `ranklet … --env prod` choose one; without any, names and settings are those of model.toml alone.
Account, region and credentials stand in no file: they are those of the AWS profile that is in force.

An environment is applied when templates are written: stacks, API and SSM parameters carry its name, so that several
live beside each other in one account, and its settings go before those of model.toml. A bundle knows none: what was
proven for one environment is deployed to the next as it is, byte for byte.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from ranklet.errors import ModelError
from ranklet.model import Model
from ranklet.project import Project
from ranklet.settings.network import Endpoints

NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
ROOT = "/ranklet/"
"""What the SSM parameters begin with; an environment's name follows where there is one."""

Prefix = Annotated[str, msgspec.Meta(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")]
TagKey = Annotated[str, msgspec.Meta(pattern=r"^(?!aws:)[\w .:/=+@-]{1,128}$")]
TagValue = Annotated[str, msgspec.Meta(pattern=r"^[\w .:/=+@-]{0,256}$")]
Domain = Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$")]
Mail = Annotated[str, msgspec.Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]

TABLES = ("api", "function", "warmth", "release", "watch", "token")
"""The tables of model.toml that an environment may override; what a model computes, and who may call, is its own."""


T = TypeVar("T")


class Overrides(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of model.toml's tables of the same names. A table with `kind` stands for the whole one, as the kind says
    what goes with it; any other changes the fields that it names."""

    api: Mapping[str, Any] = {}
    function: Mapping[str, Any] = {}
    warmth: Mapping[str, Any] = {}
    release: Mapping[str, Any] = {}
    watch: Mapping[str, Any] = {}
    token: Mapping[str, Any] = {}


class Environment(Overrides, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole file. Its own overrides are for all models, those of `[models.<name>.…]` for one, after them.

    name: that of the file, "" for no environment; no field of it. prefix: of the stacks' names, by default the name.
    tags: of everything that can have tags. domain: of the shared API. alarm_email: who is told of alarms. log_days: how
    long logs are kept, the API's too. endpoints: of the VPC that functions run in, where the shared stack makes them.
    """

    name: str = ""
    prefix: Prefix | None = None
    tags: Mapping[TagKey, TagValue] = {}
    domain: Domain | None = None
    alarm_email: Mail | None = None
    log_days: int | None = None
    endpoints: Endpoints | None = None
    models: Mapping[str, Overrides] = {}

    def stack(self, name: str) -> str:
        """The name of a stack in CloudFormation."""
        prefix = self.prefix or self.name
        return f"{prefix}-{name}" if prefix else name

    def called(self, name: str) -> str:
        """The name of anything else that needs one, such as the API."""
        return f"{name}-{self.name}" if self.name else name

    def parameter(self, name: str) -> str:
        """The name of an SSM parameter."""
        return parameter(self.name, name)

    def applied(self, model: Model) -> Model:
        """A model with the settings that it has here. Raises ModelError naming the field of a setting that is wrong."""
        own = self.models.get(model.name, Overrides())
        layers = [(f"$.{table}", table, getattr(self, table)) for table in TABLES]
        layers += [(f"$.models.{model.name}.{table}", table, getattr(own, table)) for table in TABLES]
        if self.log_days is not None:
            layers.insert(0, ("$", "function", {"log_days": self.log_days}))
        changed: dict[str, Any] = {table: getattr(model, table) for table in TABLES}
        for place, table, fields in layers:
            if fields and changed[table] is None:
                if place.startswith("$.models"):
                    raise ModelError(f"environment {self.name}: {place} is set, and {model.name} has no [{table}]")
            elif fields:
                changed[table] = self._changed(changed[table], fields, place)
        differs = {"api": model.api.bundled(changed["api"]), "watch": model.watch.bundled(changed["watch"])}
        differs["token"] = None if model.token is None else model.token.bundled(changed["token"])
        if wrong := next((table for table, field in differs.items() if field is not None), None):
            raise ModelError(
                f"environment {self.name}: {wrong}.{differs[wrong]} is part of the bundle, which is the same in all "
                f"environments; set it in {model.name}/model.toml"
            )
        return msgspec.structs.replace(model, **changed)

    def _changed(self, now: T, fields: Mapping[str, Any], place: str) -> T:
        kept = {} if "kind" in fields else msgspec.to_builtins(now)
        try:
            return msgspec.convert({**kept, **fields}, type(now))
        except msgspec.ValidationError as error:
            raise ModelError(f"environment {self.name}: {_placed(str(error), place)}") from error


NONE = Environment()
"""No environment: names and settings as model.toml has them."""


def parameter(name: str, path: str) -> str:
    """An SSM parameter of an environment: `/ranklet/api/id` is `/ranklet/prod/api/id` in prod."""
    assert path.startswith(ROOT)
    return f"{ROOT}{name}/{path.removeprefix(ROOT)}" if name else path


def load(project: Project, name: str | None) -> Environment:
    """The environment of that name; NONE for none.

    Raises ModelError for a name that has no file, naming those that have, and for a file with a wrong or unknown field,
    or a model that the project does not have.
    """
    if not name:
        return NONE
    path = folder(project) / f"{name}.toml"
    if NAME.fullmatch(name) is None or not path.is_file():
        raise ModelError(f"no environment {name!r} in {FOLDER}/; there are: {', '.join(names(project)) or 'none'}")
    document = _document(path)
    try:
        environment = msgspec.convert({**document, "name": name}, Environment)
    except msgspec.ValidationError as error:
        raise ModelError(f"{path}: {error}") from error
    present = {one.name for one in project.folders()}
    if unknown := sorted(set(environment.models) - present):
        raise ModelError(f"{path}: $.models.{unknown[0]} is no model; there are: {', '.join(sorted(present))}")
    return environment


FOLDER = "infra/environments"


def folder(project: Project) -> Path:
    """Where a project's environments are."""
    return project.root / FOLDER


def names(project: Project) -> list[str]:
    """The environments that a project has."""
    return sorted(path.stem for path in folder(project).glob("*.toml"))


def _document(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: {error}") from error
    if "name" in document:
        raise ModelError(f"{path}: $.name is no field: an environment is called as its file is")
    return document


def _placed(message: str, place: str) -> str:
    """msgspec's message with the place of the table in front of the field's."""
    if " - at `$" in message:
        return message.replace(" - at `$", f" - at `{place}", 1)
    return f"{message} - at `{place}`"
