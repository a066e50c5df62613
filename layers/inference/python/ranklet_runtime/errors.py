"""What a request, or a bundle, can do wrong.

RuntimeFault
├── ManifestError          the bundle cannot be served; raised at INIT only
└── RequestFault           an answer for the caller: status, message, path of the fault
    ├── BadRequest           400
    ├── Unauthorized         401, with WWW-Authenticate
    ├── Forbidden            403
    ├── NotFound             404
    ├── MethodNotAllowed     405
    ├── Conflict             409
    ├── PayloadTooLarge      413
    ├── UnsupportedMediaType 415
    ├── Unprocessable        422
    │   └── NonFiniteScores    422, counted by itself
    ├── InternalFault        500
    └── Unavailable          503, with Retry-After
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class RuntimeFault(Exception):
    """Base of every error of this package."""


class ManifestError(RuntimeFault):
    """A bundle that cannot be served; the message says what to rebuild."""


class RequestFault(RuntimeFault):
    """An error that is the answer to a request; the dialect chooses its shape.

    path: where in the request the fault stands (`$.items.price[3]`), None when it has no place.
    headers: what HTTP wants beside the status (`Allow`, `Retry-After`).
    """

    status: ClassVar[int] = 500

    def __init__(self, message: str, *, path: str | None = None, headers: Mapping[str, str] = NO_HEADERS) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path
        self.headers = headers


class BadRequest(RequestFault):
    """The request cannot be read or a value is not allowed."""

    status = 400


class Unauthorized(RequestFault):
    """A token that was not made here, or is no longer taken."""

    status = 401


class Forbidden(RequestFault):
    """What nobody may do by a request: a model is deployed and removed by the build."""

    status = 403


class NotFound(RequestFault):
    """No such model, version or verb."""

    status = 404


class MethodNotAllowed(RequestFault):
    """The path exists, the method does not; `headers` carries what is allowed."""

    status = 405


class Conflict(RequestFault):
    """A token of another version of the model: what it holds means nothing to this one."""

    status = 409


class PayloadTooLarge(RequestFault):
    """Body or candidate list above the manifest's limit."""

    status = 413


class UnsupportedMediaType(RequestFault):
    """A content type that no dialect on this path reads."""

    status = 415


class Unprocessable(RequestFault):
    """Well formed, but the shapes disagree."""

    status = 422


class NonFiniteScores(Unprocessable):
    """Allowed values for which the model gives NaN or infinity: nothing can be ranked by that, nor is it JSON.

    A caller's fault rather than ours, because the build proved finite scores for the golden requests; it has
    its own metric because a broken model shows here first. rows: candidates without a score.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        rows: Sequence[int] = (),
    ) -> None:
        super().__init__(message, path=path, headers=headers)
        self.rows = rows


class InternalFault(RequestFault):
    """Ours; the message never says more than that, the log does."""

    status = 500


class Unavailable(RequestFault):
    """The store is down and the manifest forbids defaults."""

    status = 503
    retry_after_s: ClassVar[int] = 1
