"""MLflow's scoring server, so that its clients move by changing host and port.

    POST /invocations                                   one of dataframe_split, dataframe_records, instances, inputs
    GET  /ping, /health, /version

Bodies and answers are those of `invocations`; here CSV has a header always, as pandas reads it. `params` are ignored,
as MLflow does for a model whose signature has none. Where SageMaker's dialect comes first, `/invocations` is its own:
it reads and answers the same.
Source: mlflow/pyfunc/scoring_server/__init__.py of MLflow 3.17.
"""

from __future__ import annotations

from typing import ClassVar

from ranklet_features.errors import InputError
from ranklet_runtime.dialects import invocations
from ranklet_runtime.dialects.base import Call, Route
from ranklet_runtime.errors import RequestFault
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankRequest, RankResult
from ranklet_runtime.served import Served

VERSION = "3.17.0+ranklet"
"""Whose protocol this is, and who speaks it: a version as PEP 440 has it, and of no release of MLflow."""


class MlFlow:
    """The scoring server."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("POST", "/invocations"),
        Route("GET", "/ping", scores=False),
        Route("GET", "/health", scores=False),
        Route("GET", "/version", scores=False),
    )

    def decode(self, request: HttpRequest, call: Call, served: Served) -> RankRequest:
        """Read any of the bodies."""
        return invocations.decode(request, call, served, header=True)

    def encode(
        self, result: RankResult, *, asked: RankRequest, request: HttpRequest, call: Call, served: Served
    ) -> HttpResponse:
        """Write the predictions."""
        return invocations.encode(result, asked=asked, request=request, call=call, served=served)

    def describe(self, request: HttpRequest, call: Call, served: Served) -> HttpResponse:
        """Health, or the version as bare text."""
        if call.route.path == "/version":
            return HttpResponse(200, VERSION.encode(), "text/plain")
        return invocations.health(served)

    def place(self, error: InputError, asked: RankRequest) -> str:
        """`$.instances[3].price`."""
        return invocations.place(error, asked)

    def fault(self, fault: RequestFault, request: HttpRequest) -> HttpResponse:
        """`{"error_code": "BAD_REQUEST", "message": …}`."""
        return invocations.fault(fault)
