"""SageMaker: what its containers answer, and what its runtime API answers, so that a client changes its endpoint URL.

    POST /invocations, GET /ping                        as a container (bodies: see `invocations`)
    POST /endpoints/<model>/invocations                 as `sagemaker-runtime` InvokeEndpoint, of the AWS SDKs

The SDKs sign for the service `sagemaker`, which API Gateway's IAM authorizer cannot check: models that they ask have
`auth = "none"`, a Lambda authorizer, or JWT and a client that signs nothing and sends a token. Errors there are those
of the real API: ModelError (424) is what the model refuses, with its own status inside, ValidationError (400) what
names something that is not here.
Source: docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

from typing import ClassVar

from ranklet_features.errors import InputError
from ranklet_runtime.bodies import printable, write_json
from ranklet_runtime.dialects import invocations
from ranklet_runtime.dialects.base import Call, Route
from ranklet_runtime.errors import BadRequest, MethodNotAllowed, NotFound, RequestFault
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankRequest, RankResult
from ranklet_runtime.served import Served

ENDPOINT = "/endpoints/{model}"
PREFIX = "x-amzn-sagemaker-"
ALL = "AllTraffic"
"""The name that SageMaker's SDK gives to an endpoint's one variant."""
ABSENT = {
    "target-container-hostname": "there are no containers to choose from",
    "enable-explanations": "nothing is explained here",
    "session-id": "there are no sessions: every request is for itself",
}
"""Headers that ask for what is not here → what is said of it."""


class NotHere(BadRequest):
    """A request that names something which this endpoint does not have."""


class SageMaker:
    """The container's side and the client's."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("POST", "/invocations"),
        Route("POST", f"{ENDPOINT}/invocations"),
        Route("POST", f"{ENDPOINT}/invocations-response-stream"),
        Route("POST", f"{ENDPOINT}/async-invocations"),
        Route("GET", "/ping", scores=False),
    )

    def decode(self, request: HttpRequest, call: Call, served: Served) -> RankRequest:
        """Read any of the bodies; on the client's side the headers must fit this endpoint."""
        if call.route.path.startswith(ENDPOINT):
            if not call.route.path.endswith("/invocations"):
                raise NotHere(
                    "one answer comes at once here: use InvokeEndpoint, not a stream nor an asynchronous call"
                )
            _check(request, served)
        return invocations.decode(request, call, served)

    def encode(
        self, result: RankResult, *, asked: RankRequest, request: HttpRequest, call: Call, served: Served
    ) -> HttpResponse:
        """Write the predictions; the client's side is told the variant, and its own attributes again."""
        answer = invocations.encode(result, asked=asked, request=request, call=call, served=served)
        if not call.route.path.startswith(ENDPOINT):
            return answer
        headers = {"x-amzn-invoked-production-variant": request.headers.get(f"{PREFIX}target-variant", ALL)}
        attributes = request.headers.get(f"{PREFIX}custom-attributes", "")
        if attributes and attributes.isascii() and attributes.isprintable() and len(attributes) <= 1024:
            headers[f"{PREFIX}custom-attributes"] = attributes
        return HttpResponse(answer.status, answer.body, answer.content_type, {**answer.headers, **headers})

    def describe(self, request: HttpRequest, call: Call, served: Served) -> HttpResponse:
        """Health."""
        return invocations.health(served)

    def place(self, error: InputError, asked: RankRequest) -> str:
        """`$.instances[3].price`."""
        return invocations.place(error, asked)

    def fault(self, fault: RequestFault, request: HttpRequest) -> HttpResponse:
        """The container's error, or one that the AWS SDKs raise by its name."""
        if "/endpoints/" not in request.path:
            return invocations.fault(fault)
        message = printable(str(fault))
        if isinstance(fault, NotHere | NotFound):
            return _error("ValidationError", 400, message)
        if isinstance(fault, MethodNotAllowed):
            return _error("ValidationError", 405, message)
        if fault.status >= 500:
            return _error("ServiceUnavailable" if fault.status == 503 else "InternalFailure", fault.status, message)
        said = f'Received client error ({fault.status}) from the model with message "{message}"'
        return _error("ModelError", 424, said, OriginalStatusCode=fault.status, OriginalMessage=message)


def _error(kind: str, status: int, message: str, **more: str | int) -> HttpResponse:
    body = write_json({"__type": kind, "Message": message, **more})
    return HttpResponse(status, body, headers={"x-amzn-errortype": kind})


def _check(request: HttpRequest, served: Served) -> None:
    """Raises NotHere for a variant or a model that is not this one, and for what no endpoint of ours does."""
    manifest = served.manifest
    model = {manifest.model, f"{manifest.model}.tar.gz"}
    allowed = {
        "target-variant": {ALL, manifest.version},
        "target-model": model,
        "inference-component": {manifest.model},
    }
    for name, known in allowed.items():
        if request.headers.get(PREFIX + name, next(iter(known))) not in known:
            said = printable(request.headers[PREFIX + name], 63)
            raise NotHere(f"{said!r} is no {name.replace('-', ' ')} here; there is {', '.join(sorted(known))}")
    for name, reason in ABSENT.items():
        if request.headers.get(PREFIX + name, "false").lower() not in ("", "false", "`false`"):
            raise NotHere(f"{PREFIX}{name} is not taken: {reason}")
