"""The seam between HTTP and the scorer: one dialect is one way that clients speak.

A dialect names the routes below `/<model>/` (and the fleet-wide forms) that are its own, decodes a
body to a `RankRequest`, encodes a `RankResult`, and puts a fault in the shape its clients expect.
It never scores, never reads the environment and holds no state of a request.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from ranklet_features.errors import InputError
from ranklet_features.lean import dataclass
from ranklet_runtime.errors import RequestFault
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankRequest, RankResult
from ranklet_runtime.served import Served


@dataclass(frozen=True, slots=True)
class Route:
    """One path of a dialect, without the `/<model>` prefix.

    path: segments; `{model}`, `{version}` and `{label}` match one segment each, a trailing `:verb` is part of
    the last segment (`/v1/models/{model}:rank`). scores: whether it runs the model; one that does not is
    answered by `describe`.
    """

    method: str
    path: str
    scores: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """A request matched to a route. version and label: of another version of the function, None for this one."""

    route: Route
    model: str
    version: str | None = None
    label: str | None = None


class Dialect(Protocol):
    """One way that clients speak; stateless, one instance per function."""

    routes: ClassVar[tuple[Route, ...]]

    def decode(self, request: HttpRequest, call: Call, served: Served) -> RankRequest:
        """Read the body. Raises BadRequest, UnsupportedMediaType or PayloadTooLarge."""
        ...

    def place(self, error: InputError, asked: RankRequest) -> str:
        """Where a refused value stood, as this dialect's clients wrote it (`$.instances[3].price`)."""
        ...

    def encode(
        self, result: RankResult, *, asked: RankRequest, request: HttpRequest, call: Call, served: Served
    ) -> HttpResponse:
        """Write the answer in the form the request asked for."""
        ...

    def describe(self, request: HttpRequest, call: Call, served: Served) -> HttpResponse:
        """Answer a route that does not score: status, health, metadata."""
        ...

    def fault(self, fault: RequestFault, request: HttpRequest) -> HttpResponse:
        """Write an error in the shape that this dialect's clients expect; its `headers` are added by the caller."""
        ...
