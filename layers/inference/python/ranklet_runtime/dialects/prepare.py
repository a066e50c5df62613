"""A token for a user, in ranklet's own form: what is computed once, before there are candidates.

    POST /v1/models/<model>:prepare             (and …/versions/<version>:prepare, …/labels/<label>:prepare)
    {"user": {"age": 25}, "context": {"hour": 20}}
    → {"token": "AbC…", "expires_in": 60}

`:rank` takes the token in the place of user and context. A backend asks for it while it still looks for candidates.
JSON or msgpack, as `native` has it; the token is a text in both. `degraded` counts what had to be defaulted.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ranklet_runtime.bodies import MSGPACK, accepted, read_json, read_msgpack
from ranklet_runtime.dialects.base import Call, Route
from ranklet_runtime.dialects.native import Native, _format, _side, _write
from ranklet_runtime.errors import BadRequest, InternalFault
from ranklet_runtime.messages import HttpRequest, HttpResponse, More, RankRequest, RankResult
from ranklet_runtime.served import Served

ONCE = ("user", "context")
PREPARE = More(prepare=True)


class Prepare(Native):
    """Requests for tokens; a model without them does not have this dialect."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("POST", "/v1/models/{model}:prepare"),
        Route("POST", "/v1/models/{model}/versions/{version}:prepare"),
        Route("POST", "/v1/models/{model}/labels/{label}:prepare"),
    )

    def decode(self, request: HttpRequest, call: Call, served: Served) -> RankRequest:
        """Read user and context; there are no candidates yet."""
        form = _format(request)
        document = read_msgpack(request.body) if form is MSGPACK else read_json(request.body)
        if not isinstance(document, dict):
            raise BadRequest("the body must be an object with `user` and `context`, as the model needs them")
        strangers = document.keys() - set(ONCE)
        if strangers and ("items" in strangers or served.manifest.surplus == "refuse"):
            name = min(map(str, strangers))
            raise BadRequest(f"no such field; allowed: {', '.join(sorted(ONCE))}", path=f"$.{name}")
        user, context = (_side(document, name, form) for name in ONCE)
        return RankRequest(user, context, {}, form=form, more=PREPARE)

    def encode(
        self, result: RankResult, *, asked: RankRequest, request: HttpRequest, call: Call, served: Served
    ) -> HttpResponse:
        """Write `token` and `expires_in`, and `degraded`."""
        if result.issued is None:
            raise InternalFault("a request for a token got none")
        answer: dict[str, Any] = {"token": result.issued.token, "expires_in": result.issued.expires_in}
        if result.degraded:
            answer["degraded"] = dict(result.degraded)
        form = accepted(request.headers.get("accept")) or asked.form
        return HttpResponse(200, _write(answer, form), form)
