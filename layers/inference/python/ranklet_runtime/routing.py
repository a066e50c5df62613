"""Which dialect a method and a path belong to.

A function knows its model's name and version when it opens, so every path it answers is written out then and a
request costs one dictionary lookup. Each route exists twice: below the model's own prefix (`/<model>/ping`) and
as it stands (`/v1/models/<model>:rank`), which is the fleet-wide form. Only a path that is not there is taken
apart, to say what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ranklet_runtime.dialects.base import Call, Dialect, Route
from ranklet_runtime.errors import MethodNotAllowed, NotFound, RequestFault
from ranklet_runtime.manifest import Manifest

LATEST = "0"
"""The version that some TensorFlow Serving clients ask for when they want whichever is served; ours start at 1."""

Match = tuple[Dialect, Call]


class Router:
    """Every path of one model; immutable."""

    def __init__(self, manifest: Manifest, dialects: Iterable[Dialect]) -> None:
        self._model, self._version = manifest.model, manifest.version
        self._dialects = tuple(dialects)
        self._paths: dict[str, dict[str, Match]] = {}
        for dialect in self._dialects:
            for route in dialect.routes:
                self._add(dialect, route)

    def resolve(self, method: str, path: str) -> Match:
        """The dialect and the call of a request.

        Raises NotFound for an unknown path, model or version, and MethodNotAllowed.
        """
        match = self._paths.get(path, {}).get(method)
        if match is None:
            raise self._explain(method, path)
        return match

    def nearest(self, path: str) -> Dialect:
        """Whose shape an error on this path takes: the dialect that would answer there, else the first."""
        by_method = self._paths.get(path)
        if by_method:
            return next(iter(by_method.values()))[0]
        parts = self._parts(path)
        return parts[0] if parts else self._dialects[0]

    def _add(self, dialect: Dialect, route: Route) -> None:
        versions = (self._version, LATEST) if "{version}" in route.path else (None,)
        for version in versions:
            path = route.path.replace("{model}", self._model).replace("{version}", version or "")
            call = Call(route, self._model, None if version in (None, LATEST) else version)
            # Two dialects may share a path and a method: the manifest's order decides.
            for form in (f"/{self._model}{path}", path):
                self._paths.setdefault(form, {}).setdefault(route.method, (dialect, call))

    def _explain(self, method: str, path: str) -> RequestFault:
        """Why nothing answers here. Never on the way of a good request."""
        if path in self._paths:
            allowed = ", ".join(sorted(self._paths[path]))
            return MethodNotAllowed(f"this path takes {allowed}", headers={"allow": allowed})
        parts = self._parts(path)
        if parts is None:
            return NotFound(f"no such path; this function answers {', '.join(self._examples())}")
        _, named = parts
        if named.get("model", self._model) != self._model:
            return NotFound(f"no model {named['model'][:64]!r} here; this function serves {self._model!r}")
        return NotFound(f"no version {named['version'][:64]!r} of {self._model!r}; version {self._version!r} is served")

    def _parts(self, path: str) -> tuple[Dialect, Mapping[str, str]] | None:
        """The dialect whose route has this form for some model and version, and their names."""
        below = path.removeprefix(f"/{self._model}")
        for dialect in self._dialects:
            for route in dialect.routes:
                pattern = re.escape(route.path).replace(r"\{", "{").replace(r"\}", "}")
                pattern = pattern.replace("{model}", "(?P<model>[^/:]+)").replace("{version}", "(?P<version>[^/:]+)")
                match = re.fullmatch(pattern, below) or re.fullmatch(pattern, path)
                if match is not None:
                    return dialect, match.groupdict()
        return None

    def _examples(self) -> list[str]:
        """The fleet-wide forms without a version, as a caller would write them."""
        routes = (route for dialect in self._dialects for route in dialect.routes if "{version}" not in route.path)
        return [f"{route.method} {route.path.replace('{model}', self._model)}" for route in routes]
