"""Which table versions the deployed functions name, by their configuration.

The stack writes the versions that a manifest pins into the function's environment (`RANKLET_TABLES`); a published
version keeps its environment for ever, so that what each version needs can be read without its code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ranklet.environment import parameter
from ranklet.errors import TableError
from ranklet.named import TABLES_VARIABLE
from ranklet.named import tables as named_tables
from ranklet.snapshots import BUCKET_PARAMETER, BUCKET_VARIABLE
from ranklet.tables.calls import Again, attempt, refused

HANDLER = "ranklet_runtime.handler.handler"
LATEST = "$LATEST"


@dataclass(frozen=True)
class Naming:
    """One version of a function. tables: the versions of tables that it reads; None where that cannot be known.

    aliases: those that send it requests. doubt: why its tables are not known.
    """

    function: str
    version: str
    aliases: tuple[str, ...]
    tables: frozenset[str] | None
    doubt: str = ""

    def __str__(self) -> str:
        """`films:3 (live)`."""
        return f"{self.function}:{self.version}" + (f" ({', '.join(self.aliases)})" if self.aliases else "")


def read(functions: Any) -> list[Naming]:
    """Every version of every function of ranklet's in the region.

    functions: a boto3 Lambda client. Raises TableError where Lambda cannot be asked.
    """
    ours = {
        one["FunctionName"]
        for one in _pages(functions.list_functions, "Functions", FunctionVersion="ALL")
        if _ours(one)
    }
    return [naming for name in sorted(ours) for naming in of(functions, name)]


def kept(namings: list[Naming], keep: int | None) -> list[Naming]:
    """The versions that must stay able to run.

    Those that an alias names and what was deployed last ($LATEST) always do; of the others the newest `keep` of each
    function, all for None.
    """
    if keep is None:
        return namings
    newest: dict[str, list[int]] = {}
    for one in namings:
        if one.version != LATEST:
            newest.setdefault(one.function, []).append(int(one.version))
    floor = {name: sorted(numbers, reverse=True)[:keep] for name, numbers in newest.items()}
    return [
        one
        for one in namings
        if one.version == LATEST or one.aliases or int(one.version) in floor.get(one.function, [])
    ]


def bucket(ssm: Any, environment: str = "") -> str | None:
    """The bucket of snapshots of an environment's shared stack; None where none is deployed. Raises TableError."""
    from botocore.exceptions import ClientError

    name = parameter(environment, BUCKET_PARAMETER)
    try:
        return str(_once("SSM", ssm.get_parameter, Name=name)["Parameter"]["Value"])
    except ClientError as error:
        if refused(error) == "ParameterNotFound":
            return None
        raise TableError(f"the parameter {name} cannot be read: {error}") from error


def of(functions: Any, name: str) -> Iterator[Naming]:
    """All versions of one function, with the aliases that send them requests."""
    versions = list(_pages(functions.list_versions_by_function, "Versions", FunctionName=name))
    aliases: dict[str, list[str]] = {}
    for alias in _pages(functions.list_aliases, "Aliases", FunctionName=name):
        weights: Mapping[str, float] = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights") or {}
        for version in {alias["FunctionVersion"], *weights}:
            aliases.setdefault(version, []).append(alias["Name"])
    there = {one["Version"] for one in versions}
    if missing := sorted(set(aliases) - there):
        raise TableError(
            f"{name}: the alias {aliases[missing[0]][0]} names version {missing[0]}, which Lambda does not list; "
            "run the command again"
        )
    for one in versions:
        tables, doubt = _tables(functions, name, one)
        yield Naming(name, one["Version"], tuple(sorted(aliases.get(one["Version"], []))), tables, doubt)


def _tables(functions: Any, name: str, shown: Mapping[str, Any]) -> tuple[frozenset[str] | None, str]:
    """What a version names, or why that is not known. A list may leave the environment out: then it is asked for."""
    from botocore.exceptions import ClientError

    if TABLES_VARIABLE not in shown.get("Environment", {}).get("Variables", {}):
        try:
            shown = _once(name, functions.get_function_configuration, FunctionName=name, Qualifier=shown["Version"])
        except ClientError as error:
            return None, f"its configuration cannot be read: {error}"
    environment = shown.get("Environment", {})
    if "Error" in environment:
        return None, f"its environment cannot be read: {environment['Error'].get('Message', 'no reason given')}"
    if TABLES_VARIABLE not in environment.get("Variables", {}):
        return None, f"it has no {TABLES_VARIABLE}: it was deployed by an older ranklet"
    return named_tables(environment["Variables"][TABLES_VARIABLE]), ""


def _ours(shown: Mapping[str, Any]) -> bool:
    """By handler, or by a variable that only ranklet's stacks set: a monitoring layer may have put its own handler."""
    variables = shown.get("Environment", {}).get("Variables", {})
    return shown.get("Handler") == HANDLER or TABLES_VARIABLE in variables or BUCKET_VARIABLE in variables


def _pages(call: Callable[..., Any], field: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
    from botocore.exceptions import ClientError

    more: dict[str, str] = {}
    while True:
        try:
            answer = _once("Lambda", call, **parameters, **more)
        except ClientError as error:
            raise TableError(f"Lambda's functions cannot be listed: {error}") from error
        yield from answer[field]
        if not answer.get("NextMarker"):
            return
        more = {"Marker": answer["NextMarker"]}


def _once(what: str, call: Callable[..., Any], **parameters: Any) -> Any:
    """These clients try again by themselves."""
    try:
        return attempt(call, **parameters)
    except Again as failure:
        raise TableError(f"{what} does not answer: {failure}") from failure
