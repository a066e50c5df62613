"""`[api]`: how a model is reached, and by whom.

Three ways: a route of the HTTP API that all models share; a REST API of its own, dearer, with API keys, a firewall and
private endpoints; the function's own URL, which costs nothing beside Lambda. What one of them cannot do is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from ranklet.settings.rest import Rest
from ranklet_runtime.dialects import DIALECTS

Kind = Literal["http", "rest", "url"]
Auth = Literal["iam", "jwt", "lambda", "key", "none"]
Named = Annotated[str, msgspec.Meta(min_length=1)]

ALLOWED: Mapping[Kind, tuple[Auth, ...]] = {
    "http": ("iam", "jwt", "lambda", "none"),
    "rest": ("iam", "lambda", "key", "none"),
    "url": ("iam", "none"),
}
"""Who can be let in by each kind, as AWS has it."""

BUNDLED = ("kind", "auth", "surplus", "dialects")

HEADERS = (
    "authorization",
    "content-encoding",
    "content-type",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-api-key",
)
"""What callers in a browser send beside what is always allowed."""


class Jwt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[api.jwt]`: who signs the tokens and for whom."""

    issuer: Named
    audience: Annotated[tuple[Named, ...], msgspec.Meta(min_length=1)]


class Authorizer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[api.authorizer]`: a Lambda function that decides who is let in.

    function: its name, in the model's account and region, which is then given the permission; or its ARN, where its
    owner gives API Gateway the permission. identity: what its answer depends on; a caller who sends none is refused
    before it is asked. ttl: seconds that an answer is kept.
    """

    function: Annotated[
        str, msgspec.Meta(pattern=r"^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:)?[\w-]{1,64}(:[\w$-]{1,128})?$")
    ]
    identity: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^(header|query)\.[A-Za-z0-9_-]+$")], ...],
        msgspec.Meta(min_length=1, max_length=10),
    ] = ("header.Authorization",)
    ttl: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 300


class Cors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[api.cors]`: pages of which origins may call from a browser. max_age: seconds that a browser may remember it."""

    origins: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^(\*|https?://[A-Za-z0-9.-]+(:\d{1,5})?)$")], ...],
        msgspec.Meta(min_length=1, max_length=20),
    ]
    headers: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]+$")], ...], msgspec.Meta(min_length=1, max_length=50)
    ] = HEADERS
    max_age: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 600

    def __post_init__(self) -> None:
        if "*" in self.origins and len(self.origins) > 1:
            raise ValueError('origins = ["*"] is every origin; name none beside it')


class Throttle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[api.throttle]`: requests per second, and at once, of all callers together; what is above gets 429."""

    rate: Annotated[float, msgspec.Meta(gt=0)]
    burst: Annotated[int, msgspec.Meta(ge=1)]


class Api(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[api]`: what stands before the function. auth `none` is open to the internet and is said loudly at synthesis.

    versions: whether paths that name another version or a label reach it; the function may then invoke itself.
    """

    kind: Kind = "http"
    auth: Auth = "iam"
    jwt: Jwt | None = None
    authorizer: Authorizer | None = None
    cors: Cors | None = None
    throttle: Throttle | None = None
    rest: Rest | None = None
    surplus: Literal["refuse", "ignore"] = "refuse"
    versions: bool = True
    dialects: tuple[str, ...] = tuple(DIALECTS)

    def __post_init__(self) -> None:
        if self.auth not in ALLOWED[self.kind]:
            kinds = ", ".join(f'"{kind}"' for kind, auths in ALLOWED.items() if self.auth in auths)
            raise ValueError(
                f'auth = "{self.auth}" does not go with kind = "{self.kind}", which takes '
                f"{', '.join(ALLOWED[self.kind])}; give another one, or kind = {kinds}"
            )
        self._check_auth()
        self._check_kind()

    def bundled(self, other: Api) -> str | None:
        """The first field in which another one differs that a bundle or its openapi.json tells; None for none."""
        return next((field for field in BUNDLED if getattr(self, field) != getattr(other, field)), None)

    def _check_auth(self) -> None:
        if (self.auth == "jwt") != (self.jwt is not None):
            if self.jwt is None:
                raise ValueError("auth is jwt, so [api.jwt] must name issuer and audience")
            raise ValueError(f'[api.jwt] goes with auth = "jwt", here it is "{self.auth}"')
        if (self.auth == "lambda") != (self.authorizer is not None):
            if self.authorizer is None:
                raise ValueError("auth is lambda, so [api.authorizer] must name its function")
            raise ValueError(f'[api.authorizer] goes with auth = "lambda", here it is "{self.auth}"')
        if self.rest is not None and self.rest.plan is not None and self.auth != "key":
            raise ValueError(f'[api.rest.plan] goes with auth = "key", here it is "{self.auth}": a plan counts by key')
        if self.rest is not None and self.rest.accounts and self.auth != "iam":
            raise ValueError(f'[api.rest] accounts goes with auth = "iam", here it is "{self.auth}"')

    def _check_kind(self) -> None:
        if self.rest is not None and self.kind != "rest":
            raise ValueError(f'[api.rest] goes with kind = "rest", here it is "{self.kind}"')
        if self.throttle is not None and self.kind == "http":
            raise ValueError(
                '[api.throttle] goes with kind = "rest": the HTTP API\'s stage belongs to all models and is throttled '
                "as a whole (`-c rate=… -c burst=…`); [function] reserved holds one model back"
            )
        if self.throttle is not None and self.kind == "url":
            raise ValueError(
                '[api.throttle] goes with kind = "rest"; a function URL is held back by [function] reserved'
            )


def together(settings: tuple[Cors, ...]) -> Cors | None:
    """What the HTTP API answers for all models, as its CORS is the whole API's: each one's origins and headers."""
    if not settings:
        return None
    origins = sorted({origin for one in settings for origin in one.origins})
    return Cors(
        origins=("*",) if "*" in origins else tuple(origins),
        headers=tuple(sorted({header for one in settings for header in one.headers})),
        max_age=min(one.max_age for one in settings),
    )
