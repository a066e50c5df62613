"""Which route a request takes, by API Gateway's own priorities.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html: a full match of path and
method, then a greedy path variable, then `$default`. A path part is one literal or one whole variable; among full
matches a literal stands above a variable, among greedy ones the longer prefix wins, and a method named stands above
ANY. A literal may hold colons (`/v1/models/m:rank`), and does not end with a slash: `/films/` is taken by
`/films/{proxy+}`, `/films` is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ranklet.errors import LocalError

DEFAULT: Final = "$default"
PART: Final = re.compile(r"[a-zA-Z0-9._:~$@!*'(),;=&+%-]*")
VARIABLE: Final = re.compile(r"\{([a-zA-Z0-9._:-]+)(\+?)\}")


@dataclass(frozen=True)
class Route:
    """One route of the API.

    key: `ANY /movie/{proxy+}` or `$default`. auth: NONE, AWS_IAM, JWT or CUSTOM as the template says it, or API_KEY;
    timeout_s: of the integration. payload: the version of the events. identity: what a caller must send at least,
    `header.…` in lower case or `query.…`.
    """

    key: str
    function: str
    auth: str = "NONE"
    payload: Literal["1.0", "2.0"] = "2.0"
    timeout_s: float = 30.0
    identity: tuple[str, ...] = ("header.authorization",)


@dataclass(frozen=True)
class Match:
    """A route, and the values of its path variables."""

    route: Route
    parameters: dict[str, str]


class RouteTable:
    """Routes in the order of their priority. Raises LocalError for a key that API Gateway would refuse."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._ranked = sorted((_Compiled(route) for route in routes), key=lambda compiled: compiled.rank)
        keys = [route.key for route in routes]
        if double := sorted({key for key in keys if keys.count(key) > 1}):
            raise LocalError(f"more than one route has the key {double[0]!r}; a key leads to one function")

    def match(self, method: str, path: str) -> Match | None:
        """The route of a request, None when there is none. path: without the stage, as routes are written."""
        parts = path.split("/")[1:]
        for candidate in self._ranked:
            parameters = candidate.take(method, parts)
            if parameters is not None:
                return Match(candidate.route, parameters)
        return None


class _Compiled:
    """A route key taken apart. rank: sorts by priority, best first."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self._default = route.key == DEFAULT
        self._method, _, path = (DEFAULT, "", "/") if self._default else route.key.partition(" ")
        before, *self._parts = path.split("/")
        self._variables = [VARIABLE.fullmatch(part) for part in self._parts]
        if before or not self._parts or not self._well_formed():
            raise LocalError(
                f"the route key {route.key!r} is not `METHOD /path`, each part one literal or one whole {{variable}}, "
                "a greedy {variable+} only at the end"
            )
        self._greedy = bool(self._variables[-1] and self._variables[-1][2])
        kinds = tuple(0 if variable is None else 2 if variable[2] else 1 for variable in self._variables)
        self.rank = (self._default, self._greedy, kinds, self._method == "ANY")

    def take(self, method: str, parts: Sequence[str]) -> dict[str, str] | None:
        """The path variables, None when the request is not for this route."""
        if self._default:
            return {}
        if self._method not in ("ANY", method):
            return None
        if self._greedy:
            tail = len(self._parts) - 1
            if len(parts) <= tail:
                return None
            parts = [*parts[:tail], "/".join(parts[tail:])]
        if len(parts) != len(self._parts):
            return None
        return self._variables_of(parts)

    def _variables_of(self, parts: Sequence[str]) -> dict[str, str] | None:
        parameters: dict[str, str] = {}
        for part, literal, variable in zip(parts, self._parts, self._variables, strict=True):
            if variable is None:
                if part != literal:
                    return None
            elif not part and not (variable[2] and len(parts) > 1):
                return None
            else:
                parameters[variable[1]] = part
        return parameters

    def _well_formed(self) -> bool:
        literals_fine = all(
            variable or PART.fullmatch(part) for part, variable in zip(self._parts, self._variables, strict=True)
        )
        return literals_fine and not any(variable and variable[2] for variable in self._variables[:-1])
