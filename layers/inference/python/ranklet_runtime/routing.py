"""Which dialect a method and a path belong to.

A function knows its model's name and version when it opens, so the paths of a dialect are written out when it is opened
and a request costs one dictionary lookup. Each route exists twice: below the model's own prefix (`/<model>/ping`) and
as it stands (`/v1/models/<model>:rank`), which is the fleet-wide form. Only a path that is not there is taken
apart: it names another version or a label, or something is wrong with it.

Dialects are opened when a path asks for them, in the manifest's order: a function whose clients speak one of them does
not import the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ranklet_runtime.dialects import find, open_dialect
from ranklet_runtime.dialects.base import Call, Dialect, Route
from ranklet_runtime.errors import MethodNotAllowed, NotFound, RequestFault
from ranklet_runtime.manifest import Manifest

LATEST = "0"
"""The version that some TensorFlow Serving clients ask for when they want whichever is served; ours start at 1."""

SEGMENT = "[^/:]+"

ROOT = "/"
"""The route that answers at the model's own prefix, with the slash and without; the fleet's root is nobody's."""

Match = tuple[Dialect, Call]


class Router:
    """Every path of one model. Raises ManifestError for a dialect that does not exist."""

    def __init__(self, manifest: Manifest) -> None:
        for name in manifest.dialects:
            find(name)
        self._model, self._version = manifest.model, manifest.version
        self._closed = list(manifest.dialects)
        self._dialects: list[Dialect] = []
        self._paths: dict[str, dict[str, Match]] = {}
        self._open_next()

    def resolve(self, method: str, path: str) -> Match:
        """The dialect and the call of a request; the call may be for another version of the function.

        Raises NotFound for an unknown path or model, and MethodNotAllowed.
        """
        match = self._paths.get(path, {}).get(method)
        while match is None and self._open_next():
            match = self._paths.get(path, {}).get(method)
        return self._other(method, path) if match is None else match

    def open(self) -> None:
        """Open every dialect now, where no request waits for it."""
        while self._open_next():
            pass

    def nearest(self, path: str) -> Dialect:
        """Whose shape an error on this path takes: the dialect that would answer there, else the first."""
        by_method = self._paths.get(path)
        if by_method:
            return next(iter(by_method.values()))[0]
        parts = self._parts(path)
        return parts[0][0] if parts else self._dialects[0]

    def absent(self, call: Call) -> NotFound:
        """What is said of a version or a label that is not there."""
        if call.label is not None:
            return NotFound(f"no version of {self._model!r} is labelled {call.label[:64]!r}")
        return NotFound(
            f"no version {str(call.version)[:64]!r} of {self._model!r}; version {self._version!r} is served"
        )

    def _open_next(self) -> bool:
        """Open the next dialect; False when all are open."""
        if not self._closed:
            return False
        dialect = open_dialect(self._closed.pop(0))
        self._dialects.append(dialect)
        for route in dialect.routes:
            if "{label}" not in route.path:
                self._add(dialect, route)
        return True

    def _add(self, dialect: Dialect, route: Route) -> None:
        for version in (self._version, LATEST) if "{version}" in route.path else (None,):
            path = route.path.replace("{model}", self._model).replace("{version}", version or "")
            call = Call(route, self._model, None)
            # Two dialects may share a path and a method: the manifest's order decides.
            own = f"/{self._model}"
            for form in (f"{own}/", own) if path == ROOT else (f"{own}{path}", path):
                self._paths.setdefault(form, {}).setdefault(route.method, (dialect, call))

    def _other(self, method: str, path: str) -> Match:
        """The call for another version or a label, or why nothing answers here; no common request comes here."""
        if path in self._paths:
            raise _not_allowed(set(self._paths[path]))
        routes = [(dialect, route, named) for (dialect, route), named in self._all_parts(path)]
        if not routes:
            raise NotFound(f"no such path; this function answers {', '.join(self._examples())}")
        named = routes[0][2]
        if named.get("model", self._model) != self._model:
            raise NotFound(f"no model {named['model'][:64]!r} here; this function serves {self._model!r}")
        for dialect, route, parts in routes:
            if route.method == method:
                return dialect, Call(route, self._model, parts.get("version"), parts.get("label"))
        raise _not_allowed({route.method for _, route, _ in routes})

    def _parts(self, path: str) -> tuple[tuple[Dialect, Route], Mapping[str, str]] | None:
        return next(iter(self._all_parts(path)), None)

    def _all_parts(self, path: str) -> list[tuple[tuple[Dialect, Route], Mapping[str, str]]]:
        """The routes that have this form for some model, version or label, with their names."""
        below = path.removeprefix(f"/{self._model}")
        found: list[tuple[tuple[Dialect, Route], Mapping[str, str]]] = []
        for dialect in self._dialects:
            for route in (route for route in dialect.routes if route.path != ROOT):
                pattern = re.escape(route.path).replace(r"\{", "{").replace(r"\}", "}")
                for name in ("model", "version", "label"):
                    pattern = pattern.replace(f"{{{name}}}", f"(?P<{name}>{SEGMENT})")
                match = re.fullmatch(pattern, below) or re.fullmatch(pattern, path)
                if match is not None:
                    found.append(((dialect, route), match.groupdict()))
        return found

    def _examples(self) -> list[str]:
        """The fleet-wide forms without a version, as a caller would write them."""
        routes = [route for dialect in self._dialects for route in dialect.routes if route.path != ROOT]
        plain = [route for route in routes if "{version}" not in route.path and "{label}" not in route.path]
        shown = dict.fromkeys(f"{route.method} {route.path.replace('{model}', self._model)}" for route in plain)
        return list(shown)


def _not_allowed(methods: set[str]) -> RequestFault:
    allowed = ", ".join(sorted(methods))
    return MethodNotAllowed(f"this path takes {allowed}", headers={"allow": allowed})
